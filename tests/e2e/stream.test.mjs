// SPDX-License-Identifier: ISC
/**
 * What the page says to the relay beside keys and pointer: pings, and selections in chunks, which
 * the agent of a real server must survive in every order.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const SCREEN = { width: 800, height: 600 };
const CHUNK_BYTES = 64 * 1024;
const EVENT_BYTES = 41;
const CLIPBOARD = 1;
const TEXT = 1;

const stack = new Stack();
const client = new Client(stack);
/** @type {import("./lib/rpc.mjs").Row} */
let session;
/** @type {Stream} */
let stream;

/** Opens a session by start or resume and takes its stream.
 * @param {string} call @param {object} body */
async function show(call, body) {
	const answer = await client.ok(call, { ...SCREEN, ...body });
	session = answer.session;
	stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
}

let token = 0;

/** Resolves when the relay has taken all that was sent before. */
async function ping() {
	const pong = `pong ${++token}`;
	stream.socket.send(`ping ${token}`);
	await stream.until((now) => now.words.includes(pong), pong);
}

/** The events that carry a text to the agent's clipboard, one for each chunk. @param {string} text */
function selection(text) {
	const bytes = Buffer.from(text);
	const chunks = [];
	for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
		const part = bytes.subarray(at, at + CHUNK_BYTES);
		const blocks = Math.max(0, Math.ceil((part.length - 21) / EVENT_BYTES));
		const event = Buffer.alloc((1 + blocks) * EVENT_BYTES);
		event.writeUInt32LE(9, 0);
		event.writeUInt32LE(part.length, 4);
		event[8] = CLIPBOARD;
		event[9] = TEXT;
		event[10] = Number(at === 0);
		event[11] = Number(at + CHUNK_BYTES >= bytes.length);
		event.writeUInt32LE(bytes.length, 16);
		part.copy(event, 20);
		chunks.push(event);
	}
	return chunks;
}

/** A key that does nothing. */
function key() {
	return [2, 3].map((type) => {
		const event = Buffer.alloc(EVENT_BYTES);
		event.writeUInt32LE(type, 0);
		event.writeUInt32LE(37, 8);
		return event;
	});
}

/** The server's clipboard, as a program on it gets it. */
const clipboard = () =>
	stack.onHost("alice", `DISPLAY=:${session.display} timeout 10 xsel --clipboard --output`);

/** @param {string} letter */
const long = (letter) => letter.repeat(3 * CHUNK_BYTES + 1000);

before(async () => {
	await stack.start();
	await client.logIn();
	await show("start", { desktop: "ICEWM" });
});
after(() => stack.stop());

test("a ping is answered at once; what is none is not", async () => {
	stream.socket.send("pings 1");
	stream.socket.send("a word of a later version");
	await ping();
	assert.deepEqual(stream.words.slice(1), [`pong ${token}`]);
});

test("keys pass between the chunks of a selection, which arrives whole", async () => {
	for (const chunk of selection(long("a"))) {
		stream.socket.send(chunk);
		for (const event of key()) stream.socket.send(event);
		await ping();
	}
	await eventually(async () => (await clipboard()) === long("a"), "the text on the server");
});

for (const [name, leave] of /** @type {[string, () => Promise<unknown>][]} */ ([
	["is suspended", () => client.ok("suspend", { id: session.id })],
	["vanishes", async () => stream.socket.terminate()],
]))
	test(`a browser that ${name} between two chunks harms nothing`, async () => {
		stream.socket.send(selection(long("b"))[0]);
		await ping();
		await leave();
		// The picture is the proof: an agent in disorder draws none.
		await show("resume", { id: session.id });
		for (const chunk of selection(long("c"))) stream.socket.send(chunk);
		await eventually(async () => (await clipboard()) === long("c"), "the next text");
	});

test("a browser that vanishes within a chunk harms nothing", async () => {
	const [chunk] = selection(long("d"));
	// The frame's head and half of what it announces, past the WebSocket's own doing.
	const raw = /** @type {import("node:net").Socket} */ (
		/** @type {any} */ (stream.socket)._socket
	);
	const head = Buffer.alloc(14);
	head[0] = 0x82;
	head[1] = 0x80 | 127;
	head.writeBigUInt64BE(BigInt(chunk.length), 2);
	raw.write(Buffer.concat([head, chunk.subarray(0, chunk.length / 2)]), () => raw.destroy());
	await stream.closed();
	await show("resume", { id: session.id });
	for (const part of selection(long("e"))) stream.socket.send(part);
	await eventually(async () => (await clipboard()) === long("e"), "the next text");
});
