// SPDX-License-Identifier: ISC
/**
 * The responder as a CGI program: the same calls, from environment and standard input, and what a
 * stranger could do by arguments, lengths and leaving.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import {
	LOGIN,
	ORIGIN,
	params,
	PASSWORD,
	credentials,
	Stage,
	withCookie,
} from "./lib/responder.mjs";

const stage = new Stage();

/**
 * Starts the program as a web server does.
 * @param {string} call
 * @param {Record<string, string>} more variables
 * @param {string[]} args
 */
function start(call, more = {}, args = []) {
	const child = spawn(Stage.program, args, {
		cwd: "/",
		stdio: ["pipe", "pipe", "pipe"],
		env: {
			ASAN_OPTIONS: "detect_leaks=0",
			GATEWAY_INTERFACE: "CGI/1.1",
			X2GOWEB_BROKER: stage.file("broker.sock"),
			...params(call),
			...more,
		},
	});
	child.stdin.on("error", () => {});
	return child;
}

/**
 * A whole visit.
 * @param {string} call
 * @param {string} body
 * @param {Record<string, string>} [more]
 * @param {string[]} [args]
 */
async function ask(call, body, more = {}, args = []) {
	const length = String(Buffer.byteLength(body));
	const child = start(call, { CONTENT_LENGTH: length, ...more }, args);
	let out = "";
	let log = "";
	child.stdout.on("data", (data) => (out += data));
	child.stderr.on("data", (data) => (log += data));
	// Left open: CGI promises no end of the body (RFC 3875 section 4.2).
	child.stdin.write(body);
	const code = await new Promise((resolve) => child.on("close", resolve));
	const [head, text] = [
		out.slice(0, out.indexOf("\r\n\r\n")),
		out.slice(out.indexOf("\r\n\r\n") + 4),
	];
	return { code, head, log, status: Number(head.match(/^Status: (\d+)/m)?.[1] ?? 200), text };
}

test("serves the calls", async () => {
	const config = await ask("config", "", { REQUEST_METHOD: "GET" });
	assert.deepEqual([config.code, config.status], [0, 200], config.log);
	assert.equal(JSON.parse(config.text).title, 'The "gate" <é>');
	const login = await ask("login", JSON.stringify(credentials));
	assert.equal(login.status, 200);
	assert.match(login.head, new RegExp(`^Set-Cookie: x2goweb_${LOGIN}=`, "m"));
	const asked = await stage.broker.request("LOGIN");
	assert.deepEqual(
		[asked.user, asked.password, asked.client, asked.origin],
		["alice", PASSWORD, "192.0.2.7", ORIGIN],
	);
	const sessions = await ask("sessions", JSON.stringify({ login: LOGIN }), withCookie);
	assert.equal(JSON.parse(sessions.text).sessions.length, 2);
	assert.equal(login.log + sessions.log, "");
});

test("arguments are a stranger's, and nothing", async () => {
	const { status, text } = await ask("config", "", { REQUEST_METHOD: "GET" }, [
		...["--broker", "/nonexistent", "--user", "nobody", "--nonsense"],
	]);
	assert.equal(status, 200);
	assert.match(text, /"gate/);
});

test("other origins are those that the admin names", async () => {
	const elsewhere = { HTTP_ORIGIN: "https://desk.example" };
	const body = JSON.stringify(credentials);
	assert.equal((await ask("login", body, elsewhere)).status, 403);
	const named = { ...elsewhere, X2GOWEB_ORIGINS: `${ORIGIN} https://desk.example` };
	assert.equal((await ask("login", body, named)).status, 200);
});

test("what is too large, or shorter than announced, is refused", async () => {
	const large = await ask("login", "x".repeat(20000));
	assert.equal(large.status, 413);
	const variable = await ask("config", "", { REQUEST_METHOD: "GET", HTTP_X: "x".repeat(90000) });
	assert.equal(variable.code, 1);
	assert.match(variable.log, /too large/);
	const short = start("login", { CONTENT_LENGTH: "500" });
	let out = "";
	short.stdout.on("data", (data) => (out += data));
	short.stdin.end("{}");
	await new Promise((resolve) => short.on("close", resolve));
	assert.match(out, /^Status: 400/m);
});

test("a length that is none, and headers that sound like variables, are nothing", async () => {
	const body = JSON.stringify(credentials);
	for (const length of ["", "-1", "+5", "5,5", "0x10", "1e2", " 5", "18446744073709551621"]) {
		const { code, status } = await ask("login", body, { CONTENT_LENGTH: length });
		assert.equal(code, 0, length);
		assert.ok(status === 400 || status === 413, `${length}: ${status}`);
	}
	const { status } = await ask("login", body, {
		HTTP_PROXY: "http://evil.example",
		HTTP_REMOTE_ADDR: "203.0.113.9",
		HTTP_X_FORWARDED_FOR: "203.0.113.9",
		HTTP_X2GOWEB_BROKER: "/nonexistent",
		HTTP_X2GOWEB_ORIGINS: "https://evil.example",
		HTTP_CONTENT_LENGTH: "3",
	});
	assert.equal(status, 200);
	assert.equal((await stage.broker.request("LOGIN")).client, "192.0.2.7");
});

for (const [name, leave] of /** @type {[string, (child: ReturnType<typeof start>) => void][]} */ ([
	["closes its pipe", (child) => child.stdout.destroy()],
	["ends the program", (child) => child.kill("SIGTERM")],
]))
	test(`a web server that ${name} takes the login back`, async () => {
		stage.broker.answer = () => {};
		const body = JSON.stringify(credentials);
		const child = start("login", { CONTENT_LENGTH: String(Buffer.byteLength(body)) });
		const ended = new Promise((resolve) => child.on("exit", resolve));
		child.stdin.write(body);
		await stage.broker.request("LOGIN");
		leave(child);
		await stage.broker.until(() => stage.broker.conns.size === 0, "the connection's end");
		await ended;
	});
