// SPDX-License-Identifier: ISC
/**
 * Strangers at every door: what they send is refused, costs little, and keeps nobody else out.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import net from "node:net";
import { after, before, test } from "node:test";
import { Client, eventually, request, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins, brokerStatus } from "./lib/status.mjs";

const stack = new Stack({ listen: "127.0.0.1", config: { deadlines: { hello: "3" } } });
const alice = new Client(stack);
let path = "";

before(async () => {
	await stack.start();
	await alice.logIn();
	({ ws: path } = await alice.ok("start", { desktop: "ICEWM", width: 800, height: 600 }));
});
after(() => stack.stop());

/** A login from start to end works. */
async function honestLogin() {
	const bob = new Client(stack);
	await bob.logIn("bob", "builder");
	await bob.ok("logout");
}

/**
 * Opens sockets that say nothing, or what they are told to say once.
 * @param {net.NetConnectOpts} where
 * @param {number} count
 * @param {() => Buffer | string} [words]
 */
async function crowd(where, count, words) {
	let ended = 0;
	const sockets = await Promise.all(
		Array.from(
			{ length: count },
			() =>
				/** @type {Promise<net.Socket>} */ (
					new Promise((resolve) => {
						const socket = net.connect(where, () => {
							if (words) socket.write(words());
							resolve(socket);
						});
						socket.on("error", () => resolve(socket));
						socket.on("close", () => ended++);
						socket.resume();
					})
				),
		),
	);
	return {
		ended: () => ended,
		leave: () => sockets.forEach((socket) => socket.destroy()),
	};
}

/** @param {number} type @param {number} length @param {Buffer} [payload] */
function frame(type, length, payload = Buffer.alloc(0), version = 1) {
	const header = Buffer.alloc(16);
	header.write("X2GW");
	header.writeUInt16BE(version, 4);
	header.writeUInt16BE(type, 6);
	header.writeUInt32BE(length, 8);
	header.writeUInt32BE(1, 12);
	return Buffer.concat([header, payload]);
}

test("nonsense on the broker's sockets is dropped at once and the broker lives on", async () => {
	const nonsense = [
		() => randomBytes(1 + Math.floor(Math.random() * 3000)),
		() => "GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
		() => frame(0x0102, 0),
		() => frame(0x0102, 0xffffffff),
		() => frame(0x0001, 20, randomBytes(20)),
		() => frame(0x0301, 65536, randomBytes(65536)),
		() => frame(0x7777, 0),
		() => frame(0x0001, 0, undefined, 99),
	];
	for (const name of ["broker.sock", "control.sock"])
		for (const words of nonsense) {
			const visitors = await crowd({ path: stack.file(`run/${name}`) }, 5, words);
			await eventually(() => visitors.ended() === 5, `${name}: dropped`, 5000);
		}
	await honestLogin();
});

test("200 connections that say nothing keep nobody out of the broker, and are closed", async () => {
	const visitors = await crowd({ path: stack.file("run/broker.sock") }, 200);
	await honestLogin();
	await eventually(() => visitors.ended() === 200, "all of them closed", 15000);
	await eventually(
		async () => (await brokerStatus(stack)).connections < 40,
		"few connections left",
	);
});

test("200 connections that say nothing keep nobody out of the responder", async () => {
	const visitors = await crowd({ path: stack.file("web/fcgi.sock") }, 200);
	await honestLogin();
	visitors.leave();
});

test("200 connections that say nothing keep the owner not from her stream", async () => {
	const [{ port }] = await brokerLogins(stack);
	const visitors = await crowd({ port, host: "127.0.0.1" }, 200);
	const stream = await new Stream(stack, path, { cookie: alice.cookie }).picture();
	assert.match(stream.words[0], /^hello 1 [0-9a-f]{16} 0 0 start$/);
	visitors.leave();
	stream.socket.close();
	await stream.closed();
});

test("a stream needs the login's cookie, the page's origin, the protocol and a hello", async () => {
	const [{ id }] = await alice.sessions();
	const { ws } = await alice.ok("resume", { id, width: 800, height: 600 });
	const [name] = alice.cookie.split("=");
	for (const [what, options, status] of /** @type {const} */ ([
		["no cookie", {}, 403],
		["another cookie", { cookie: `${name}=${"A".repeat(43)}` }, 403],
		["a foreign origin", { cookie: alice.cookie, origin: "https://evil.example" }, 403],
		["the raw protocol", { cookie: alice.cookie, protocols: ["binary"] }, 400],
		["no protocol", { cookie: alice.cookie, protocols: [] }, 400],
		["no hello", { cookie: alice.cookie, hello: "" }, 400],
		["nonsense for a hello", { cookie: alice.cookie, hello: "?hello.1.-.0.a.b.shown" }, 400],
	])) {
		const stranger = new Stream(stack, ws, {
			...options,
			protocols: [...(options.protocols ?? ["x2goweb.v1"])],
		});
		await stranger.until((stream) => stream.refusal !== undefined, `${what}: refused`);
		assert.equal(stranger.refusal, status, what);
	}
	const owner = await new Stream(stack, ws, { cookie: alice.cookie }).picture();
	owner.socket.close();
});

test("the web server leads to the relay's ports and to no other", async () => {
	for (const port of [22, 80, stack.sshPort, 19999, 20500, 65535, "20000x", "020001"]) {
		const answer = await request(stack, `/x2gows/${port}`, {
			headers: { Upgrade: "websocket", Connection: "upgrade" },
		});
		assert.ok([403, 404, 502].includes(answer.status), `${port}: ${answer.status}`);
		assert.doesNotMatch(answer.text, /SSH-2/);
	}
});

/** @type {Record<string, string>} */
const good = { "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin" };

test("requests that no page of ours would send are refused before they are read", async () => {
	const body = JSON.stringify({ server: "demo", user: "alice", password: "wonderland" });
	const own = { ...good, Origin: stack.origin };
	for (const [what, call, options, status, code] of /** @type {const} */ ([
		["GET", "login", { method: "GET", headers: own }, 405, "method_not_allowed"],
		["PUT", "login", { method: "PUT", headers: own, body }, 405, "method_not_allowed"],
		["POST", "config", { method: "POST", headers: own, body: "{}" }, 405, "method_not_allowed"],
		["unknown", "eval", { method: "POST", headers: own, body }, 404, "not_found"],
		[
			"a form",
			"login",
			{
				method: "POST",
				headers: { ...own, "Content-Type": "application/x-www-form-urlencoded" },
				body,
			},
			415,
			"unsupported_media_type",
		],
		[
			"a foreign page",
			"login",
			{
				method: "POST",
				headers: {
					...good,
					Origin: "https://evil.example",
					"Sec-Fetch-Site": "cross-site",
				},
				body,
			},
			403,
			"bad_origin",
		],
		[
			"a lying page",
			"login",
			{ method: "POST", headers: { ...good, Origin: "https://evil.example" }, body },
			403,
			"bad_origin",
		],
		[
			"no origin",
			"login",
			{ method: "POST", headers: { "Content-Type": "application/json" }, body },
			403,
			"bad_origin",
		],
		[
			"15 KiB of blanks",
			"login",
			{ method: "POST", headers: own, body: " ".repeat(15000) },
			400,
			"bad_request",
		],
		[
			"cut off",
			"login",
			{ method: "POST", headers: own, body: '{"server":"demo","user":' },
			400,
			"bad_request",
		],
		["no object", "login", { method: "POST", headers: own, body: "[1,2]" }, 400, "bad_request"],
		[
			"deep",
			"login",
			{ method: "POST", headers: own, body: "[".repeat(9000) },
			400,
			"bad_request",
		],
		[
			"wrong type",
			"login",
			{ method: "POST", headers: own, body: '{"server":"demo","user":7,"password":"x"}' },
			400,
			"bad_request",
		],
		[
			"twice",
			"login",
			{
				method: "POST",
				headers: own,
				body: '{"server":"demo","server":"demo","user":"a","password":"x"}',
			},
			400,
			"bad_request",
		],
		[
			"unknown field",
			"login",
			{
				method: "POST",
				headers: own,
				body: '{"server":"demo","user":"a","password":"x","root":true}',
			},
			400,
			"bad_request",
		],
		[
			"NUL",
			"login",
			{
				method: "POST",
				headers: own,
				body: '{"server":"demo","user":"a\\u0000b","password":"x"}',
			},
			400,
			"bad_request",
		],
		[
			"not UTF-8",
			"login",
			{
				method: "POST",
				headers: own,
				body: Buffer.from('{"server":"demo","user":"\xff","password":"x"}', "latin1"),
			},
			400,
			"bad_request",
		],
	])) {
		const answer = await request(stack, `/x2go/rpc/${call}`, options);
		assert.equal(answer.status, status, `${what}: ${answer.text}`);
		const { error } = JSON.parse(answer.text);
		assert.equal(error.code, code, what);
		assert.equal(answer.headers["set-cookie"], undefined);
		assert.equal(answer.headers["cache-control"], "no-store");
	}
	// Past the web server's own limit it is the web server that answers.
	const huge = await request(stack, "/x2go/rpc/login", {
		method: "POST",
		headers: own,
		body: "x".repeat(200000),
	});
	assert.equal(huge.status, 413);
});

test("a bad field is named", async () => {
	const { json } = await alice.call("start", {
		login: alice.login,
		desktop: "ICEWM",
		width: 9,
		height: 600,
	});
	assert.equal(json.error.code, "bad_request");
	assert.match(json.error.message, /width/);
});

test("commands that could mean more than a program's name are refused", async () => {
	for (const command of [
		"xterm;id",
		"$(id)",
		"`id`",
		"xterm\nid",
		"a'b",
		'a"b',
		"-e",
		"=x",
		"~root",
		"a|b",
		"a>b",
		"a&b",
		"a\\b",
		"a!b",
	]) {
		const { status, json } = await alice.call("start", {
			login: alice.login,
			command,
			width: 800,
			height: 600,
		});
		assert.deepEqual([status, json.error?.code], [400, "bad_request"], JSON.stringify(command));
	}
	for (const id of [
		"alice-50-1795219328_stKICEWM_dp24;id",
		"../../etc/passwd",
		"-50-1795219328_stKX_dp24",
	]) {
		const { status } = await alice.call("terminate", { login: alice.login, id });
		assert.ok([400, 404].includes(status), `${id}: ${status}`);
	}
});

test("answers carry the headers that keep a browser careful", async () => {
	const config = await request(stack, "/x2go/rpc/config");
	assert.equal(config.status, 200);
	assert.equal(config.headers["cache-control"], "no-store");
	assert.equal(config.headers["x-content-type-options"], "nosniff");
	assert.match(String(config.headers["content-security-policy"]), /default-src 'none'/);
	const page = await request(stack, "/x2go/");
	assert.equal(page.status, 200);
	assert.match(String(page.headers["content-security-policy"]), /script-src 'self'/);
	assert.doesNotMatch(String(page.headers["content-security-policy"]), /unsafe/);
	const bob = new Client(stack);
	const { headers } = await bob.call("login", {
		server: "demo",
		user: "bob",
		password: "builder",
	});
	assert.match(
		String(headers["set-cookie"]),
		/^x2goweb_[0-9a-f]{16}=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
	);
});
