/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection, FAIL_GRACE_MS, SUBPROTOCOL } from "../../../www/js/stream/connection.js";
import { setLogLevel } from "../../../www/js/log.js";
import { FakeTime } from "./fake_time.js";

setLogLevel("error");

class FakeSocket {
	constructor() {
		this.protocol = SUBPROTOCOL;
		this.binaryType = /** @type {BinaryType} */ ("blob");
		/** @type {any} */ this.onopen = null;
		/** @type {any} */ this.onmessage = null;
		/** @type {any} */ this.onclose = null;
		/** @type {unknown[]} */ this.sent = [];
		/** @type {number[]} */ this.closes = [];
	}
	send(/** @type {unknown} */ data) {
		this.sent.push(data);
	}
	close(/** @type {number} */ code) {
		this.closes.push(code);
	}
}

function setUp() {
	const time = new FakeTime();
	const socket = new FakeSocket();
	/** @type {any[]} */
	const ends = [];
	/** @type {number[][]} */
	const received = [];
	/** @type {string[]} */
	const words = [];
	const connection = new Connection({
		createSocket: () => socket,
		setTimer: time.setTimer,
		onOpen: () => {},
		onBytes: (bytes) => received.push([...bytes]),
		onPong: (token) => words.push(token),
		onEnd: (reason) => ends.push(reason),
	});
	return {
		time,
		socket,
		ends,
		received,
		words,
		connection,
		open: () => socket.onopen(),
		text: (/** @type {string} */ data) => socket.onmessage({ data }),
		bytes: (/** @type {number[]} */ ...data) =>
			socket.onmessage({ data: Uint8Array.from(data).buffer }),
		closed: (/** @type {number} */ code, reason = "") => socket.onclose({ code, reason }),
	};
}

test("bytes and words pass once it is open", () => {
	const { socket, received, words, ends, connection, open, text, bytes } = setUp();
	connection.send(Uint8Array.of(1));
	connection.say("too early");
	open();
	assert.equal(socket.binaryType, "arraybuffer");
	text("hello 1");
	text("something else entirely");
	text("pong");
	text("");
	text("pong s7 more");
	bytes(1, 2, 3);
	connection.send(Uint8Array.of(2));
	connection.say("ping 1");
	assert.deepEqual(received, [[1, 2, 3]]);
	assert.deepEqual(words, ["s7"]);
	assert.deepEqual(socket.sent, [Uint8Array.of(2), "ping 1"]);
	assert.deepEqual(ends, []);
});

/** @type {[string, (c: ReturnType<typeof setUp>) => void, object][]} */
const ENDS = [
	[
		"the relay's word",
		({ open, text, closed }) => {
			open();
			text("bye agent_lost The screen stopped answering.");
			closed(4000, "x y");
		},
		{ code: "agent_lost", message: "The screen stopped answering." },
	],
	[
		"the close's own text",
		({ open, closed }) => {
			open();
			closed(4000, "suspended by alice");
		},
		{ code: "suspended", message: "by alice" },
	],
	[
		"a normal close without a word",
		({ open, closed }) => {
			open();
			closed(1000);
		},
		{ code: "ended", message: "" },
	],
	[
		"a lost connection",
		({ open, closed }) => {
			open();
			closed(1006);
		},
		{ code: "connection_lost", message: "" },
	],
	[
		"a gateway that goes away",
		({ open, closed }) => {
			open();
			closed(1001);
		},
		{ code: "draining", message: "" },
	],
	["never connected", ({ closed }) => closed(1006), { code: "connect_failed", message: "" }],
	["no answer", ({ time }) => time.advance(15_000), { code: "timeout", message: "" }],
	[
		"another subprotocol",
		({ socket, open }) => {
			socket.protocol = "";
			open();
		},
		{ code: "bad_stream", message: "(another subprotocol)" },
	],
	[
		"the user leaves",
		({ open, connection }) => {
			open();
			connection.close();
		},
		{ code: "left", message: "" },
	],
	[
		"a damaged stream",
		({ open, connection, time }) => {
			open();
			connection.fail("damaged");
			time.advance(FAIL_GRACE_MS);
		},
		{ code: "bad_stream", message: "(damaged)" },
	],
	[
		"a word before the stream broke, and no close after it",
		({ open, connection, text, time }) => {
			open();
			text("bye terminated");
			connection.fail("damaged");
			time.advance(FAIL_GRACE_MS);
		},
		{ code: "terminated", message: "" },
	],
	[
		"a stream broken off inside a message by a suspend",
		({ open, connection, text, closed }) => {
			open();
			connection.fail("damaged");
			text("bye suspended now");
			closed(4000);
		},
		{ code: "suspended", message: "now" },
	],
];

for (const [name, act, reason] of ENDS)
	test(`end: ${name}: one reason, and nothing after it`, () => {
		const all = setUp();
		act(all);
		assert.deepEqual(all.ends, [reason]);
		assert.equal(all.connection.state, "closed");
		all.connection.fail("again");
		all.connection.close();
		all.bytes(1);
		all.connection.send(Uint8Array.of(1));
		all.connection.say("ping 1");
		all.text("pong 1");
		all.closed(1006);
		all.time.advance(100_000);
		assert.equal(all.ends.length, 1);
		assert.deepEqual(all.received, []);
		assert.deepEqual(all.socket.sent, []);
		assert.deepEqual(all.words, []);
	});

test("after a fault no byte is passed on", () => {
	const { connection, open, bytes, received } = setUp();
	open();
	connection.fail("damaged");
	bytes(1);
	assert.deepEqual(received, []);
});
