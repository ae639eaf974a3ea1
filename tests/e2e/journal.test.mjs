// SPDX-License-Identifier: ISC
/**
 * What the gateway leaves in a real journal: the trail of a login from beginning to end, by fields
 * that only the gateway can set, explained by journalctl -x, whatever users and addresses say.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { Journal } from "./lib/journal.mjs";
import { Client, eventually, request, Stream } from "./lib/rpc.mjs";
import { build, root, Stack } from "./lib/stack.mjs";

const journal = new Journal();
/** An SSH server that is none. */
const liar = net.createServer();
await new Promise((resolve) => liar.listen(0, "127.0.0.1", () => resolve(undefined)));
const stack = new Stack({
	config: ({ sshPort }) => ({
		"jump gate": { address: "127.0.0.1", port: String(sshPort), user: "jumper" },
		"server inner": { address: "inner", jump: "gate" },
		"server liar": {
			address: "127.0.0.1",
			port: String(/** @type {net.AddressInfo} */ (liar.address()).port),
		},
	}),
});
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
	liar.close();
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
	const german = await journal.explanations("de_DE.UTF-8", `X2GOWEB_LOGIN=${alice.login}`);
	for (const subject of [
		/alice hat sich bei demo angemeldet/,
		/alice hat die Sitzung alice-\S+ gestartet/,
		/Die Anmeldung von alice bei demo ist zu Ende: logout/,
		/können[\s░]+später wieder gezeigt werden/,
	])
		assert.match(german, subject);
	assert.doesNotMatch(german, /@\w+@|XGOWEB_|has logged in/);
});

test("the jump host, its account and its key are in the trail as well", async () => {
	const bob = new Client(stack);
	const { json } = await bob.call("login", {
		...{ server: "inner", user: "bob", password: "builder", proxy_password: "springboard" },
	});
	assert.equal(json.state, "ready", JSON.stringify(json));
	bob.login = json.login;
	await bob.ok("logout");
	const find = (/** @type {string} */ event) =>
		journal.entries(`X2GOWEB_EVENT=${event}`, `X2GOWEB_LOGIN=${bob.login}`);
	await eventually(async () => (await find("LOGIN_ENDED")).length, "the login's end");
	const known = readFileSync(stack.file("known_hosts"), "utf8").split("\n");
	/** Fingerprints as ssh-keygen has them. @param {string} host */
	const keysOf = (host) =>
		known
			.map((line) => line.split(" "))
			.filter(([name]) => name === host)
			.map(([, , blob]) => createHash("sha256").update(blob, "base64").digest("base64"))
			.map((digest) => `SHA256:${digest.replace(/=+$/, "")}`);
	for (const event of ["LOGIN_OPENED", "LOGIN_ENDED"]) {
		const [entry] = await find(event);
		assert.equal(entry.X2GOWEB_HOST, "inner");
		assert.equal(entry.X2GOWEB_JUMP, `[127.0.0.1]:${stack.sshPort}`);
		assert.equal(entry.X2GOWEB_JUMP_USER, "jumper");
		assert.ok(keysOf(entry.X2GOWEB_HOST).includes(entry.X2GOWEB_HOST_KEY), event);
		assert.ok(keysOf(entry.X2GOWEB_JUMP).includes(entry.X2GOWEB_JUMP_HOST_KEY), event);
	}
	const all = await journal.text("-o", "export");
	for (const secret of ["builder", "springboard"]) assert.ok(!all.includes(secret));
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
	/* What is no name is not even tried. */
	for (const user of ["x\nX2GOWEB_USER=root", "x\0y", "\x1b[2Jroot", "r".repeat(300)]) {
		const { status } = await new Client(stack).call("login", {
			...{ server: "demo", user, password: "x" },
		});
		assert.equal(status, 400, JSON.stringify(user));
	}
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
	await assertNothingForged();
});

/** A line, an event and fields as an attacker would have them, with all that a terminal obeys. */
const FORGED = [
	"\r\nx2goweb-brokerd: login opened event=LOGIN_OPENED user=root\r\n",
	`\nX2GOWEB_USER=root\nMESSAGE_ID=${ids.LOGIN_OPENED}\nMESSAGE=forged\n`,
	"\x1b]0;title\x07\x1b[2J\u202e\u2028\x9b2J",
].join("");

/** And there is no more of anything than there was. */
async function assertNothingForged() {
	assert.equal((await journal.entries("X2GOWEB_EVENT=LOGIN_OPENED")).length, 2);
	assert.equal((await journal.entries(`MESSAGE_ID=${ids.LOGIN_OPENED}`)).length, 2);
	assert.deepEqual(await journal.entries("X2GOWEB_USER=root"), []);
	assert.deepEqual(await journal.entries("MESSAGE=forged"), []);
	const entries = await journal.entries("SYSLOG_IDENTIFIER=x2goweb-brokerd");
	assert.ok(entries.length > 20);
	for (const entry of entries) {
		for (const name of ourFields(entry)) assert.equal(typeof entry[name], "string", name);
		// Else it would be a list of bytes.
		assert.equal(typeof entry.MESSAGE, "string");
		assert.doesNotMatch(entry.MESSAGE, /[\x00-\x1f\x7f-\x9f\u2028-\u202e]/);
	}
}

test("what a server says stays its text", async () => {
	const heard = new Promise((resolve) => liar.once("connection", resolve));
	const told = Buffer.concat([
		Buffer.from(FORGED),
		Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0x0a]),
		Buffer.from(`SSH-2.0-${FORGED}${"x".repeat(5000)}\r\n`),
	]);
	liar.once("connection", (socket) => socket.on("error", () => {}).end(told));
	await stack.withKnownHosts(
		readFileSync(stack.file("known_hosts"), "utf8").replaceAll(
			`[127.0.0.1]:${stack.sshPort} `,
			`[127.0.0.1]:${/** @type {net.AddressInfo} */ (liar.address()).port} `,
		),
		async () => {
			const { status } = await new Client(stack).call("login", {
				...{ server: "liar", user: "alice", password: "x" },
			});
			assert.equal(status, 502);
		},
	);
	await heard;
	await assertNothingForged();
});

test("what the user's own files on a server say stays their text", async () => {
	const text = Buffer.from(`\x1b[2J\u202e\x9b${FORGED.trim()}`).toString("base64");
	await stack.onHost(
		"carol",
		`echo ${text} | base64 -d >forged; echo 'cat ~/forged >&2; exit 5' >.bashrc`,
	);
	const { status } = await new Client(stack).call("login", {
		...{ server: "demo", user: "carol", password: "wonderland" },
	});
	assert.equal(status, 403);
	const [failed] = await journal.entries("X2GOWEB_EVENT=LOGIN_FAILED", "X2GOWEB_USER=carol");
	// It is the admin who has to know.
	assert.match(failed.MESSAGE, /the server says: .*: login opened event=LOGIN_OPENED user=root/);
	await assertNothingForged();
});

test("what a browser calls itself stays out of it", async () => {
	// A header may hold all bytes from 0x20 on; those below it are node's matter to refuse.
	const agent = FORGED.replace(/[\0-\x1f]|[^\0-\xff]/g, " ");
	for (const name of ["User-Agent", "Referer", "X-Forwarded-For", "Accept-Language"]) {
		const { status } = await request(stack, "/x2go/rpc/login", {
			method: "POST",
			headers: { "Content-Type": "application/json", Origin: stack.origin, [name]: agent },
			body: JSON.stringify({ server: "demo", user: "dash", password: "x" }),
		});
		assert.equal(status, 401, name);
	}
	const failed = await journal.entries("X2GOWEB_EVENT=LOGIN_FAILED", "X2GOWEB_USER=dash");
	assert.equal(failed.length, 4);
	for (const entry of failed) assert.equal(entry.X2GOWEB_CLIENT, "127.0.0.1");
	assert.doesNotMatch(stack.fcgi?.log ?? "", /forged|root/);
	await assertNothingForged();
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
