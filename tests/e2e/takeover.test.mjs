// SPDX-License-Identifier: ISC
/**
 * A session that is begun in the browser belongs to X2Go: its server lists it rightly, another
 * KDrive client takes it up, and the browser takes it back. Who loses it is told so.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Process, root, Stack } from "./lib/stack.mjs";

const SIZE = { width: 800, height: 600 };
/** KDrive's message by which an agent says goodbye, and the bytes of a message without payload. */
const SRVDISCONNECT = 10;
const HEADER_BYTES = 56;

const stack = new Stack();
const user = "alice";
const client = new Client(stack);
let id = "";

before(async () => {
	await stack.start();
	await client.logIn(user);
});
after(() => stack.stop());

/** The session's line of x2golistsessions. */
async function row() {
	const lines = (await stack.onHost(user, "x2golistsessions")).split("\n");
	return lines.find((line) => line.includes(id))?.split("|") ?? [];
}

/** @param {string} command of an X2Go client, over SSH */
async function bySsh(command) {
	const { status, stdout, stderr } = await stack.host("ssh", user, command);
	assert.equal(status, 0, stderr);
	return stdout;
}

/** Another client resumes the session and shows it. */
async function takenUp() {
	const out = await bySsh(`x2goresume-session ${id} 1024x768 lan 16m-jpeg-9 us auto 0 both`);
	const port = out.match(/^gr_port=(\d+)$/m)?.[1];
	const config = (await stack.host("ssh-config")).stdout.trim();
	const probe = new Process(
		"kdrive-probe",
		process.execPath,
		[
			path.join(root, "tests/x2gohost/kdrive-probe.mjs"),
			...["ssh", "-F", config, "-W", `127.0.0.1:${port}`, `${user}@x2gohost`],
		],
		{ stdio: ["pipe", "pipe", "pipe"] },
	);
	probe.child.stdin?.write(`${(await row())[6]}\n`);
	await probe.waitFor(/^frame 1024x768$/m);
	return probe;
}

/** What the agent says last, which the relay passes on. @param {Stream} stream */
function lastWords(stream) {
	const ends = { bytes: Buffer.alloc(0), at: 0 };
	stream.socket.on("message", (data, binary) => {
		if (!binary) return;
		ends.bytes = Buffer.concat([ends.bytes, /** @type {Buffer} */ (data)]).subarray(
			-HEADER_BYTES,
		);
		ends.at = Date.now();
	});
	return ends;
}

/** @param {Client} who */
async function resumed(who) {
	const answer = await who.ok("resume", { id, ...SIZE });
	return new Stream(stack, answer.ws, { cookie: who.cookie }).picture();
}

test("the server lists what was begun here with the right fields", async () => {
	const started = await client.ok("start", { desktop: "ICEWM", ...SIZE });
	id = started.session.id;
	const stream = await new Stream(stack, started.ws, { cookie: client.cookie }).picture();
	const agent = await stack.onHost("root", `pgrep -u ${user} x2gokdrive`);
	const [pid, sid, display, server, status, created, cookie, ip, ...rest] = await row();
	assert.deepEqual([pid, sid, server, status], [agent, id, "x2gohost", "R"]);
	assert.equal(Number(display), started.session.display);
	assert.match(id, new RegExp(`^${user}-${display}-\\d{10}_stKICEWM_dp24$`));
	// Made from the id and the server's clock, without asking for a list.
	assert.ok(Math.abs(Date.parse(created) - Date.parse(started.session.created)) < 5000);
	assert.match(cookie, /^[0-9a-f]{32}$/);
	assert.equal(ip, "127.0.0.1");
	const [graphics, sound, changed, owner, age, files, ...telekinesis] = rest;
	for (const port of [graphics, sound, files]) assert.ok(Number(port) >= 30000, port);
	assert.match(changed, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
	assert.equal(owner, user);
	assert.ok(Number(age) < 60);
	assert.deepEqual(telekinesis, ["-1", "-1"]);
	stream.socket.close();
});

test("another client takes it up, is told when it is taken back, and so is the browser", async (t) => {
	const stream = await resumed(client);
	const words = lastWords(stream);
	const begin = Date.now();
	const taking = takenUp();
	await stream.closed();
	const told = Date.now() - begin;
	assert.match(stream.words.join("\n"), /^bye replaced /m);
	assert.equal(words.bytes.readUInt32LE(0), SRVDISCONNECT, "the agent's goodbye came first");
	const other = await taking;
	t.diagnostic(
		`the browser was told after ${told} ms, the other shows it after ` +
			`${Date.now() - begin} ms`,
	);
	const [seen] = await client.sessions();
	assert.deepEqual([seen.id, seen.status, seen.attached], [id, "running", false]);

	const back = Date.now();
	const again = await resumed(client);
	await other.waitFor(/^eof$/m);
	t.diagnostic(`taken back after ${Date.now() - back} ms`);
	assert.deepEqual((await client.sessions())[0].attached, true);
	again.socket.close();
});

test("a second login of the gateway takes it over in the same way", async () => {
	const stream = await resumed(client);
	const second = new Client(stack);
	await second.logIn(user);
	const theirs = resumed(second);
	await stream.closed();
	assert.match(stream.words.join("\n"), /^bye replaced /m);
	await theirs;
	assert.deepEqual(
		[(await client.sessions())[0].attached, (await second.sessions())[0].attached],
		[false, true],
	);
	await second.ok("logout");
});

test("the same login in a second window: the first one is told", async () => {
	const stream = await resumed(client);
	const again = await resumed(client);
	await stream.closed();
	assert.match(stream.words.join("\n"), /^bye replaced /m);
	again.socket.close();
});

test("what another client does to it is said as what it is", async () => {
	const stream = await resumed(client);
	await bySsh(`x2gosuspend-session ${id}`);
	await stream.closed();
	assert.match(stream.words.join("\n"), /^bye suspended /m);
	const again = await resumed(client);
	await bySsh(`x2goterminate-session ${id}`);
	await again.closed();
	assert.match(again.words.join("\n"), /^bye ended /m);
	await eventually(async () => (await client.sessions()).length === 0, "an empty list");
});
