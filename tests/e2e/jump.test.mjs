// SPDX-License-Identifier: ISC
/**
 * A desktop on a server that only a jump host reaches: SSH in SSH in one process, without a port of
 * its own, and what happens when the jump host goes away.
 */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins, sessionsOf } from "./lib/status.mjs";

const SCREEN = { width: 800, height: 600 };
const WAY = { user: "alice", password: "wonderland", proxy_user: "jumper" };

const stack = new Stack({
	config: (now) => ({
		"jump gate": { title: "Gate", address: "127.0.0.1", port: String(now.sshPort) },
		"server inner": { title: "Inner", address: "inner", jump: "gate" },
		"jump keyed": {
			address: "127.0.0.1",
			port: String(now.sshPort),
			user: "jumpkey",
			key: now.gatewayKey(),
			key_alone: "yes",
		},
		"server keyed": { address: "inner", jump: "keyed", key: now.gatewayKey() },
	}),
});
const client = new Client(stack);
/** @type {Stream} */
let stream;
let id = "";

/** @param {object} body */
const logIn = (body = {}) =>
	client.call("login", { server: "inner", ...WAY, proxy_password: "springboard", ...body });

before(() => stack.start());
after(() => stack.stop());

test("a desktop is shown through the jump host", async () => {
	const { status, json } = await logIn();
	assert.equal(status, 200, JSON.stringify(json));
	client.login = json.login;
	const answer = await client.ok("start", { desktop: "ICEWM", ...SCREEN });
	id = answer.session.id;
	stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
	// It is the inner sshd that the commands came by.
	const peers = await stack.onHost(
		"alice",
		`tr '\\0' '\\n' </proc/$(pgrep -u alice x2gokdrive)/environ`,
	);
	assert.match(peers, /^SSH_CONNECTION=\S+ \d+ 192\.0\.2\.22 22$/m);
});

test("it takes one process, with one connection and one listener", async () => {
	const [{ pid }] = await brokerLogins(stack);
	const sockets = readdirSync(`/proc/${pid}/fd`)
		.filter((fd) => Number(fd) > 2)
		.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
		.filter((target) => target.startsWith("socket:"));
	// The link to the broker, the jump host, the listener, the browser.
	assert.equal(sockets.length, 4);
	assert.equal(sessionsOf(stack.broker?.pid ?? -1).length, 1);
});

test("a lost jump host ends the login; the desktop goes on and is taken up again", async () => {
	await stack.host("exec", "pkill", "-KILL", "-u", "jumper");
	await stream.closed();
	assert.ok(stream.words.some((word) => word.startsWith("bye ssh_lost ")));
	await eventually(async () => {
		const { status, json } = await client.call("sessions", { login: client.login });
		return status === 401 && json.error.code === "not_logged_in";
	}, "the end of the login");
	assert.match(stack.broker?.log ?? "", /ssh_lost: jump host: /);
	client.login = (await logIn()).json.login;
	const answer = await client.ok("resume", { id, ...SCREEN });
	await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
	await client.ok("terminate", { id });
});

test("what fails at the jump host is said to be there", async () => {
	const wrong = await logIn({ proxy_password: "wonderland" });
	assert.deepEqual(
		[wrong.status, wrong.json.error.code, wrong.json.error.hop],
		[...[401, "auth_failed", "jump"]],
	);
	const denied = await logIn({ proxy_user: "jumpdenied" });
	assert.deepEqual(
		[denied.status, denied.json.error.code, denied.json.error.hop],
		[...[502, "jump_refused", "jump"]],
	);
	const behind = await logIn({ password: "springboard" });
	assert.deepEqual(
		[behind.status, behind.json.error.code, behind.json.error.hop],
		[...[401, "auth_failed", undefined]],
	);
});

test("the gateway's own key opens each hop for its own user", async () => {
	const visitor = new Client(stack);
	await visitor.logIn("keypass", "wonderland", "keyed");
	await visitor.ok("logout");
	const alone = await visitor.call("login", {
		...{ server: "keyed", user: "keyonly", password: "wonderland" },
	});
	assert.deepEqual(
		[alone.status, alone.json.error.code, alone.json.error.hop],
		[...[403, "key_alone", undefined]],
	);
});
