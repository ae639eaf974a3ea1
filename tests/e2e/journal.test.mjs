// SPDX-License-Identifier: ISC
/**
 * What the gateway leaves in a real journal: the trail of a login from beginning to end, by fields
 * that only the gateway can set, explained by journalctl -x, whatever users and addresses say.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Journal } from "./lib/journal.mjs";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { build, root, Stack } from "./lib/stack.mjs";

const journal = new Journal();
const stack = new Stack();
const alice = new Client(stack);

const ids = Object.fromEntries(
	[
		...readFileSync(path.join(root, "proto/events.def"), "utf8").matchAll(
			/^EVENT\((\w+), "(\w+)"/gm,
		),
	].map(([, name, id]) => [name, id]),
);

/** @param {import("./lib/journal.mjs").Entry} entry */
const ourFields = (entry) => Object.keys(entry).filter((name) => name.startsWith("X2GOWEB_"));

before(async () => {
	await journal.start();
	await stack.start();
	await stack.broker?.stop();
	stack.broker = journal.run(path.join(build, "bin/x2goweb-brokerd"), [
		...["-c", stack.file("x2goweb.conf")],
		...["--session", path.join(build, "bin/x2goweb-session")],
	]);
	await eventually(
		async () => (await journal.entries("X2GOWEB_EVENT=BROKER_STARTED")).length,
		"a broker",
	);
});
after(async () => {
	await stack.stop();
	await journal.stop();
});

test("a login leaves who, from where, to where, how, what, how much, how long and why", async () => {
	await alice.logIn();
	const answer = await alice.ok("start", { desktop: "ICEWM", width: 800, height: 600 });
	const stream = await new Stream(stack, answer.ws, { cookie: alice.cookie }).picture();
	await alice.ok("suspend", { id: answer.session.id });
	await stream.closed();
	const login = alice.login;
	const { cookie } = alice;
	await alice.ok("logout");
	await eventually(
		async () =>
			(await journal.entries("X2GOWEB_EVENT=LOGIN_ENDED", `X2GOWEB_LOGIN=${login}`)).length,
		"the login's end",
	);
	const entries = await journal.entries(`X2GOWEB_LOGIN=${login}`);
	const events = entries.filter((entry) => entry.X2GOWEB_EVENT);
	assert.deepEqual(
		events.map((entry) => entry.X2GOWEB_EVENT).sort(),
		[
			"LOGIN_ENDED",
			"LOGIN_OPENED",
			"SESSION_STARTED",
			"SESSION_SUSPENDED",
			"STREAM_ATTACHED",
			"STREAM_ENDED",
		],
		JSON.stringify(events),
	);
	for (const entry of entries) {
		assert.equal(entry.SYSLOG_IDENTIFIER, "x2goweb-brokerd");
		assert.equal(entry.X2GOWEB_USER, "alice");
		assert.equal(entry.X2GOWEB_SERVER, "demo");
		assert.equal(entry.X2GOWEB_CLIENT, "127.0.0.1");
		assert.equal(entry.MESSAGE_ID, ids[entry.X2GOWEB_EVENT]);
		assert.equal(entry.CODE_FILE, undefined);
	}
	const [opened] = events;
	const ended = events[events.length - 1];
	assert.equal(opened.X2GOWEB_EVENT, "LOGIN_OPENED");
	assert.equal(ended.X2GOWEB_EVENT, "LOGIN_ENDED");
	assert.equal(ended.X2GOWEB_ERROR, "logout");
	for (const entry of [opened, ended]) {
		assert.equal(entry.X2GOWEB_HOST, `[127.0.0.1]:${stack.sshPort}`);
		assert.match(entry.X2GOWEB_METHODS, /^[a-z-]+$/);
		assert.match(entry.X2GOWEB_HOST_KEY, /^SHA256:[A-Za-z0-9+/]{43}$/);
	}
	const shown = events.find((entry) => entry.X2GOWEB_EVENT === "STREAM_ENDED");
	assert.equal(shown?.X2GOWEB_ERROR, "suspended");
	for (const entry of [shown, ended]) {
		assert.equal(entry?.X2GOWEB_SESSION, answer.session.id);
		assert.ok(Number(entry?.X2GOWEB_TO_BROWSER_BYTES) >= stream.bytes);
		assert.ok(Number(entry?.X2GOWEB_FROM_BROWSER_BYTES) >= 0);
		assert.ok(Number(entry?.X2GOWEB_DURATION_MS) > 0);
	}
	assert.ok(Number(ended.X2GOWEB_DURATION_MS) > Number(shown?.X2GOWEB_DURATION_MS));
	const all = await journal.text("-o", "export");
	assert.ok(!all.includes("wonderland"));
	assert.ok(!all.includes(cookie.split("=")[1]));
});

test("journalctl -x explains each event of it", async () => {
	const text = await journal.text("-x", `X2GOWEB_LOGIN=${alice.login}`);
	for (const subject of [
		/alice has logged in to demo/,
		/alice has started the session alice-/,
		/A browser shows the session alice-/,
		/The gateway does not show the session alice-\S+ any more: suspended/,
		/The login of alice to demo has ended: logout/,
	])
		assert.match(text, subject);
	/* Every field that an explanation uses was there. */
	assert.doesNotMatch(text, /@\w+@|XGOWEB_|(?<!journalctl )X2GOWEB_/);
});

test("what users call themselves stays a user's name", async () => {
	const names = [
		'root" event=LOGIN_OPENED login=0123456789abcdef',
		"x X2GOWEB_EVENT=LOGIN_OPENED MESSAGE_ID=c6c31a9e0c954f0f",
		"\u202egnorw\u2028x2goweb-brokerd: login opened",
		"m\u00fcller@\u00e9".repeat(5),
	];
	for (const user of names) {
		const client = new Client(stack);
		const { status } = await client.call("login", { server: "demo", user, password: "x" });
		assert.equal(status, 401, user);
	}
	const { status } = await new Client(stack).call("login", {
		...{ server: "demo", user: "x\nX2GOWEB_USER=root", password: "x" },
	});
	assert.equal(status, 400);
	const failed = await journal.entries("X2GOWEB_EVENT=LOGIN_FAILED");
	assert.deepEqual(
		failed.map((entry) => entry.X2GOWEB_USER),
		names.map((name) => name.replace(/[\u202e\u2028]/g, "?")),
	);
	for (const entry of failed) {
		assert.equal(entry.MESSAGE_ID, ids.LOGIN_FAILED);
		assert.equal(entry.X2GOWEB_ERROR, "auth_failed");
		assert.equal(entry.X2GOWEB_CLIENT, "127.0.0.1");
	}
	/* And there is no more of anything than there was. */
	assert.equal((await journal.entries("X2GOWEB_EVENT=LOGIN_OPENED")).length, 1);
	assert.deepEqual(await journal.entries("X2GOWEB_USER=root"), []);
	for (const entry of await journal.entries("SYSLOG_IDENTIFIER=x2goweb-brokerd"))
		for (const name of ourFields(entry)) assert.equal(typeof entry[name], "string", name);
});

test("a responder's lines are its own as well", async () => {
	const socket = "/nowhere\nX2GOWEB_USER=root\nMESSAGE=forged";
	const responder = journal.run(path.join(build, "bin/x2goweb-fcgi"), [
		...["--socket", stack.file("other.sock"), "--broker", socket],
	]);
	await eventually(
		async () => (await journal.entries("X2GOWEB_EVENT=RESPONDER_STARTED")).length,
		"a responder",
	);
	await responder.stop();
	const [stopped] = await eventually(async () => {
		const found = await journal.entries("X2GOWEB_EVENT=RESPONDER_STOPPED");
		return found.length !== 0 && found;
	}, "the responder's end");
	assert.equal(stopped.MESSAGE_ID, ids.RESPONDER_STOPPED);
	assert.equal(stopped.SYSLOG_IDENTIFIER, "x2goweb-fcgi");
	assert.equal(stopped._TRANSPORT, "journal");
	assert.deepEqual(await journal.entries("X2GOWEB_USER=root"), []);
	assert.deepEqual(await journal.entries("MESSAGE=forged"), []);
});
