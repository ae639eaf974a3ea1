// SPDX-License-Identifier: ISC
/**
 * The FastCGI responder as a process: its rights, its secrets, its socket, its end.
 */
import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import net from "node:net";
import { test } from "node:test";
import * as fastcgi from "./lib/fastcgi.mjs";
import {
	assertError,
	COOKIE,
	credentials,
	LOGIN,
	oblige,
	params,
	PASSWORD,
	requestBytes,
	Stage,
	withCookie,
} from "./lib/responder.mjs";
import { Process } from "./lib/stack.mjs";
import { processStatus } from "./lib/status.mjs";

/** @typedef {import("./lib/proto.mjs").Message} Message */
/** @typedef {import("./lib/proto.mjs").Conn} Conn */

const stage = new Stage();

/**
 * What a process can write to: heap, stack and the like.
 * @param {number} pid
 * @returns {[string, Buffer][]} where, and what stands there
 */
function memoryOf(pid) {
	const memory = openSync(`/proc/${pid}/mem`, "r");
	/** @type {[string, Buffer][]} */ const areas = [];
	for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
		const [, from, to, where] = line.match(/^(\w+)-(\w+) rw\S+ \S+ \S+ \S+\s*(.*)/) ?? [];
		if (!from) continue;
		const bytes = Buffer.alloc(parseInt(to, 16) - parseInt(from, 16));
		readSync(memory, bytes, 0, bytes.length, parseInt(from, 16));
		areas.push([where || from, bytes]);
	}
	closeSync(memory);
	return areas;
}

test("gives up root, capabilities, new privileges, and has a seccomp filter", async () => {
	await stage.responder.stop();
	await stage.startResponder("--user", "www-data", "--group", "www-data");
	const status = processStatus(stage.responder.pid);
	const web = readFileSync("/etc/passwd", "utf8").match(/^www-data:[^:]*:(\d+):(\d+):/m) ?? [];
	assert.equal(status?.Uid, Array(4).fill(web[1]).join("\t"));
	assert.equal(status?.Gid, Array(4).fill(web[2]).join("\t"));
	for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
		assert.match(status?.[set] ?? "", /^0+$/, set);
	assert.equal(status?.NoNewPrivs, "1");
	assert.equal(status?.Seccomp, "2");
	assert.equal(status?.Threads, "1");
	assert.equal((await stage.config()).status, 200);
});

test("keeps no password and no cookie: command line, environment, log, memory", async () => {
	const secrets = [PASSWORD, COOKIE].map((text) => Buffer.from(text));
	/** @param {string} when */
	const search = (when) => {
		for (const name of ["cmdline", "environ"]) {
			const text = readFileSync(`/proc/${stage.responder.pid}/${name}`);
			assert.ok(!secrets.some((secret) => text.includes(secret)), `${when}: ${name}`);
		}
		assert.ok(!secrets.some((secret) => stage.responder.log.includes(String(secret))), when);
		// Half a secret is one, too.
		const found = memoryOf(stage.responder.pid).flatMap(([where, bytes]) =>
			secrets.flatMap((secret) => {
				const at = bytes.indexOf(secret.subarray(0, 12));
				return at < 0 ? [] : [`${where}: ${bytes.toString("latin1", at - 24, at + 48)}`];
			}),
		);
		assert.deepEqual(found, [], when);
	};
	search("at first");
	await stage.ask("login", credentials);
	search("after login");
	await stage.ask("sessions", { login: LOGIN }, withCookie);
	search("after a call with a cookie");
	await stage.ask("login", `{"password":"${PASSWORD}","user":7}`);
	search("after a refused login");
	const gone = stage.connect();
	gone.send(requestBytes("login", credentials, withCookie).subarray(0, -9)).finish();
	await gone.closed;
	await stage.config();
	search("after half a login");
});

test("SIGTERM: requests in work are answered, then it ends and takes its socket along", async () => {
	/** @type {(() => void)[]} */ const held = [];
	stage.broker.answer = (message, conn) => held.push(() => oblige(message, conn));
	const answers = [stage.config(), stage.ask("login", credentials)];
	await stage.broker.request("LOGIN");
	await stage.broker.request("CONFIG_GET");
	stage.responder.child.kill("SIGTERM");
	await stage.responder.waitFor(/stopping/);
	for (const release of held) release();
	for (const answer of answers) assert.equal((await answer).status, 200);
	assert.deepEqual(await stage.responder.ended, { code: 0, signal: null });
	await stage.startResponder();
	stage.broker.answer = oblige;
	const silent = stage.connect();
	await stage.config();
	await stage.responder.stop();
	await silent.closed;
	assert.ok(!existsSync(stage.file("fcgi.sock")));
	await stage.startResponder();
});

test("SIGTERM: a request that does not end is given up after a while", async () => {
	stage.broker.answer = () => {};
	const answer = stage.ask("login", credentials);
	await stage.broker.request("LOGIN");
	stage.responder.child.kill("SIGTERM");
	assertError(await answer, 503, "broker_unavailable");
	assert.deepEqual(await stage.responder.ended, { code: 0, signal: null });
	await stage.startResponder();
});

test("killed: the next one takes the socket over; a living one is left alone", async () => {
	stage.responder.child.kill("SIGKILL");
	await stage.responder.ended;
	assert.ok(existsSync(stage.file("fcgi.sock")));
	await stage.startResponder();
	assert.equal((await stage.config()).status, 200);
	const second = new Process("second", Stage.program, ["--socket", stage.file("fcgi.sock")]);
	assert.equal((await second.ended).code, 1);
	assert.match(second.log, /another program serves it/);
	assert.equal((await stage.config()).status, 200);
});

test("takes a listening socket as standard input, as spawn-fcgi passes it, or from systemd", async () => {
	for (const script of ['exec "$@"', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 </dev/null']) {
		const server = net.createServer();
		await new Promise((resolve) =>
			server.listen(stage.file("passed.sock"), () => resolve(undefined)),
		);
		const { fd } = /** @type {any} */ (server)._handle;
		const passed = new Process(
			"passed",
			"sh",
			["-c", script, "sh", Stage.program, "--broker", stage.file("broker.sock")],
			{
				stdio: [fd, "pipe", "pipe"],
				env: { PATH: process.env.PATH, ASAN_OPTIONS: "detect_leaks=0" },
			},
		);
		// From here on the responder alone accepts; closing would remove the path.
		await rename(stage.file("passed.sock"), stage.file("kept.sock"));
		server.close();
		await passed.waitFor(/ready/);
		const answer = await fastcgi.ask(
			stage.file("kept.sock"),
			params("config", { REQUEST_METHOD: "GET" }),
		);
		assert.equal(answer.status, 200);
		assert.equal((await passed.stop()).code, 0);
	}
});

test("refuses what it cannot do, with a reason", async () => {
	await writeFile(stage.file("plain"), "");
	for (const [args, reason] of /** @type {[string[], RegExp][]} */ ([
		[[], /no socket/],
		[["--socket", stage.file("plain")], /something else is there/],
		[["--socket", "/nowhere/at/all.sock"], /No such file/],
		[["--socket", "/".padEnd(120, "a")], /too long/],
		[["--origin", "gate.example"], /--origin gate\.example/],
		[["--mode", "rw"], /--mode rw/],
		[["--user", "nobody-of-that-name", "--socket", stage.file("x")], /no such user/],
		[["surplus"], /surplus/],
	])) {
		const refused = new Process("refused", Stage.program, args);
		assert.equal((await refused.ended).code, 1, String(args));
		assert.match(refused.log, reason);
	}
	for (const [args, text] of /** @type {[string, RegExp][]} */ ([
		["--help", /--socket PATH/],
		["--version", /^x2goweb-fcgi \d/],
	])) {
		const shown = new Process("shown", Stage.program, [args]);
		assert.equal((await shown.ended).code, 0);
		assert.match(shown.log, text);
	}
});

test("trusts nobody else in the broker's place", async () => {
	await mkdir(stage.file("open"));
	await chmod(stage.file("open"), 0o1777);
	const script =
		'require("node:net").createServer((peer) => peer.on("data", (data) => console.log("got", data)))' +
		".listen(process.argv[1], () => {" +
		'require("node:fs").chmodSync(process.argv[1], 0o777);' +
		'console.log("listening"); });';
	const impostor = new Process(
		"impostor",
		process.execPath,
		["-e", script, stage.file("open/broker.sock")],
		{ uid: 65534, gid: 65534, cwd: "/", env: {} },
	);
	await impostor.waitFor(/listening/);
	await stage.responder.stop();
	await stage.startResponder("--broker", stage.file("open/broker.sock"));
	assertError(await stage.ask("login", credentials), 503, "broker_unavailable");
	assert.match(stage.responder.log, /somebody else listens there/);
	await impostor.stop();
	assert.ok(!impostor.log.includes("got"), "not a byte was sent");
});
