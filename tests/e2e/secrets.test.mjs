// SPDX-License-Identifier: ISC
/**
 * Canaries: passwords given and asked for, the login's cookie, the ticket of upstream's client, the
 * agents' cookies and the gateway's private key are looked for in every place where a secret could
 * come to light.
 */
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Client, eventually, request, Stream } from "./lib/rpc.mjs";
import { build, Process, Stack } from "./lib/stack.mjs";
import { brokerctl, brokerLogins } from "./lib/status.mjs";
import { assertPrompt, assertReady, oneTimeCode, Visitor } from "./lib/steps.mjs";

const stack = new Stack({
	nginx: (at) => at.packaged("nginx/compat.conf"),
	config: (stack) => ({
		compat: { enabled: "yes" },
		deadlines: { attach: "300" },
		"server keyed": {
			address: "127.0.0.1",
			port: String(stack.sshPort),
			key: stack.gatewayKey(),
		},
		"jump gate": { address: "127.0.0.1", port: String(stack.sshPort) },
		"server inner": { address: "inner", jump: "gate" },
	}),
});
const alice = new Client(stack);
const asked = new Visitor(stack);
const keyed = new Visitor(stack);
const renewed = new Visitor(stack);
const behind = new Visitor(stack);
/** A password that was refused is a secret as well: often it is the one of another account. */
const WRONG = "canary-wrong-9d41e07c";
const PASSWORD = "canary-right-5be2a613";
const ANSWER = "canary-asked-27c90f4b";
const CODE = "canary-code-7c0be93d";
const RENEWED = "canary-New-Word-61f8d2aa";
const JUMP = "canary-jump-e3b5907a";
const CLASSIC = "canary-classic-0d72c4e9";
/** @type {Record<string, string>} */
let canaries;
/** What brokerctl trace tells meanwhile. @type {Process} */
let trace;

/** A desktop as upstream's client starts it; its ticket. */
async function startClassic() {
	await stack.host("exec", "sh", "-c", `echo 'carol:${CLASSIC}' | chpasswd`);
	const form = {
		...{ action: "start", server: "127.0.0.1", user: "carol", pass: CLASSIC },
		...{ proxy: "", cmd: "ICEWM", geometry: "800x600" },
	};
	const { text } = await request(stack, "/classic/assets/rpc/x2gorpc.cgi", {
		method: "POST",
		headers: {
			"Content-Type": "application/x-www-form-urlencoded",
			Origin: stack.origin,
		},
		body: String(new URLSearchParams(form)),
	});
	const { session } = JSON.parse(text.replace("__STARTJSON__", ""));
	assert.match(session.cookie, /^[0-9a-f]{32}$/, text);
	return session.cookie;
}

before(async () => {
	await stack.start();
	trace = new Process("brokerctl trace", path.join(build, "bin/brokerctl"), [
		...["-s", stack.file("run/control.sock"), "trace", "--all", "--json"],
	]);
	await stack.broker?.waitFor(/follows all logins/);
	await stack.host("exec", "sh", "-c", `echo 'alice:${PASSWORD}' | chpasswd`);
	await new Client(stack).call("login", { server: "demo", user: "alice", password: WRONG });
	await alice.logIn("alice", PASSWORD);
	await stack.host("exec", "sh", "-c", `echo 'code:${ANSWER}' | chpasswd`);
	assertPrompt(await asked.begin({ user: "code" }), "questions");
	assertPrompt(await asked.answer(ANSWER), "questions");
	assertReady(await asked.answer(oneTimeCode()));
	assertPrompt(await keyed.begin({ server: "keyed", user: "keycode" }), "questions");
	assertReady(await keyed.answer(oneTimeCode()));
	const coded = new Visitor(stack);
	assertPrompt(await coded.begin({ user: "code", password: ANSWER }), "questions");
	assert.equal((await coded.refusedAnswer(CODE)).code, "auth_failed");
	assertPrompt(await renewed.begin({ user: "renew", password: "wonderland" }), "questions");
	for (const answer of ["wonderland", RENEWED]) await renewed.answer(answer);
	assertReady(await renewed.answer(RENEWED));
	await stack.host("exec", "sh", "-c", `echo 'jumper:${JUMP}' | chpasswd`);
	const jump = { proxy_user: "jumper", proxy_password: JUMP };
	assertReady(await behind.begin({ server: "inner", user: "bob", password: "builder", ...jump }));
	const { ws } = await alice.ok("start", { desktop: "ICEWM", width: 800, height: 600 });
	await new Stream(stack, ws, { cookie: alice.cookie }).picture();
	const ticket = await startClassic();
	const [agent, classicAgent] = await Promise.all(
		["alice", "carol"].map(
			async (user) => (await stack.onHost(user, "x2golistsessions")).split("|")[6],
		),
	);
	for (const cookie of [agent, classicAgent]) assert.match(cookie, /^[0-9a-f]{32}$/);
	canaries = {
		password: PASSWORD,
		"refused password": WRONG,
		"password that was asked for": ANSWER,
		"refused code": CODE,
		"new password": RENEWED,
		"jump host's password": JUMP,
		"login cookie": alice.cookie.split("=")[1],
		"agent cookie": agent,
		"password in a form": CLASSIC,
		"ticket of upstream's client": ticket,
		"agent cookie behind it": classicAgent,
	};
});
after(async () => {
	await trace?.stop("SIGINT");
	await stack.stop();
});

/** @param {string} place @param {string | Buffer} content */
function clean(place, content) {
	for (const [name, canary] of Object.entries(canaries))
		assert.ok(!content.includes(canary), `the ${name} stands in ${place}`);
}

test("no process of the machine shows a secret in its arguments or environment", () => {
	for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
		for (const file of ["cmdline", "environ"]) {
			let content;
			try {
				content = readFileSync(`/proc/${pid}/${file}`);
			} catch {
				continue; // it has ended
			}
			// The X2Go server's own commands show the agent's cookie; that is not ours to mend.
			const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
			const ours = /^(x2goweb|brokerctl|nginx)/.test(name);
			for (const [what, canary] of Object.entries(canaries))
				if (ours || !what.startsWith("agent cookie"))
					assert.ok(!content.includes(canary), `${what} in ${file} of ${name}`);
		}
});

test("no log holds a secret, at the most detailed level", () => {
	assert.match(stack.broker?.log ?? "", /debug/);
	clean("the broker's log", stack.broker?.log ?? "");
	clean("the responder's log", stack.fcgi?.log ?? "");
	clean("nginx's error log", stack.nginx?.log ?? "");
	const access = readFileSync(stack.file("nginx-access.log"), "utf8");
	assert.match(access, /rpc\/login/);
	assert.match(access, /x2gorpc\.cgi/);
	clean("nginx's access log", access);
	// The audit trail is in the broker's.
	for (const event of ["LOGIN_OPENED", "LOGIN_FAILED", "SESSION_STARTED", "STREAM_ATTACHED"])
		assert.match(stack.broker?.log ?? "", new RegExp(`event=${event} `));
});

test("no admin is told a secret, by trace, list, show and metrics", async () => {
	for (const part of [/"level":"debug","text":"session: ssh: /, /"text":"login opened by /])
		assert.match(trace.log, part);
	clean("brokerctl trace", trace.log);
	for (const login of await brokerLogins(stack)) {
		const { stdout } = await brokerctl(stack, "show", login.login, "--json");
		assert.equal(JSON.parse(stdout).user, login.user);
		clean("brokerctl show", stdout);
	}
	clean("brokerctl list", (await brokerctl(stack, "list", "--json")).stdout);
	const { status, text } = await request(stack, "/x2go/metrics");
	assert.equal(status, 200);
	assert.match(text, /^x2goweb_logins_opened_total [1-9]/m);
	clean("the metrics", text);
});

test("what the next broker would get holds no secret", () => {
	const fds = `/proc/${stack.broker?.pid}/fd`;
	const records = readdirSync(fds).filter((fd) =>
		readlinkSync(`${fds}/${fd}`).startsWith("/memfd:x2goweb"),
	);
	assert.ok(records.length >= 6, `${records.length} records`);
	const texts = records.map((fd) => readFileSync(`${fds}/${fd}`));
	for (const user of ["alice", "carol", "keycode"])
		assert.ok(
			texts.some((text) => text.includes(user)),
			`no record of ${user}`,
		);
	for (const text of texts) clean("a login's record", text);
});

test("no file of the gateway holds a secret", () => {
	for (const entry of readdirSync(stack.directory, { recursive: true, withFileTypes: true }))
		if (entry.isFile()) {
			const file = `${entry.parentPath ?? entry.path}/${entry.name}`;
			clean(file, readFileSync(file));
		}
});

/** All readable memory of a process, a mapping at a time. @param {number} pid */
function* memory(pid) {
	const fd = openSync(`/proc/${pid}/mem`, "r");
	try {
		for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
			const [, from, to, writable] = line.match(/^([0-9a-f]+)-([0-9a-f]+) r(.)/) ?? [];
			if (writable !== "w") continue;
			const length = parseInt(to, 16) - parseInt(from, 16);
			const buffer = Buffer.alloc(length);
			try {
				readSync(fd, buffer, 0, length, parseInt(from, 16));
			} catch {
				continue; // vvar and the like
			}
			yield buffer;
		}
	} finally {
		closeSync(fd);
	}
}

test("after the reply no memory of ours holds a password", async () => {
	const logins = await brokerLogins(stack);
	assert.equal(logins.length, 6);
	for (const [name, id] of /** @type {[string, number][]} */ ([
		["the responder", stack.fcgi?.pid],
		["the broker", stack.broker?.pid],
		...logins.map(({ user, pid }) => [`the session of ${user}`, pid]),
	]))
		for (const part of memory(id))
			for (const canary of [PASSWORD, WRONG, ANSWER, CODE, RENEWED, JUMP, CLASSIC])
				assert.ok(!part.includes(canary), `a password stands in the memory of ${name}`);
});

test("after the login no memory of ours holds the gateway's private key", async () => {
	const lines = readFileSync(stack.gatewayKey(), "utf8").trim().split("\n").slice(1, -1);
	const key = Buffer.from(lines.join(""), "base64");
	// The seed follows the second copy of the public half, which is followed by length 64.
	const seed = key.subarray(key.indexOf(Buffer.from([0, 0, 0, 64])) + 4).subarray(0, 32);
	const session = (await brokerLogins(stack)).find(({ user }) => user === "keycode");
	for (const id of /** @type {number[]} */ ([stack.broker?.pid, session?.pid]))
		for (const part of memory(id)) {
			assert.ok(!part.includes(seed), `it stands in the memory of ${id}`);
			assert.ok(!part.includes(lines[2]), `its text stands in the memory of ${id}`);
		}
});

test("after the reply neither responder nor broker holds what opens a login or a stream", () => {
	for (const [name, id] of /** @type {[string, number][]} */ ([
		["the responder", stack.fcgi?.pid],
		["the broker", stack.broker?.pid],
	]))
		for (const part of memory(id))
			for (const what of ["login cookie", "ticket of upstream's client"])
				assert.ok(!part.includes(canaries[what]), `the ${what} is in ${name}`);
});

test("after logout the cookie opens nothing", async () => {
	const { cookie, login } = alice;
	for (const client of [alice, asked, keyed, renewed, behind]) await client.ok("logout");
	await brokerctl(stack, "kill", "--user", "carol");
	alice.cookie = cookie;
	const { status, json } = await alice.call("sessions", { login });
	assert.deepEqual([status, json.error.code], [401, "not_logged_in"]);
	await eventually(async () => (await brokerLogins(stack)).length === 0, "no login left");
});
