/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	ANSWER_MS,
	AT_ONCE_MS,
	ATTEMPT_MS,
	Connection,
	DOUBT_MS,
	FAIL_GRACE_MS,
	GIVE_UP_MS,
	HURRY_MS,
	QUIET_MS,
	RETRY_FIRST_MS,
	RETRY_MOST_MS,
	STEADY_MS,
	SUBPROTOCOL,
} from "../../../www/js/stream/connection.js";
import { ACK_BYTES, ACK_MS } from "../../../www/js/stream/acknowledger.js";
import { setLogLevel } from "../../../www/js/log.js";
import { FakeTime } from "./fake_time.js";

setLogLevel("error");

const STREAM = "0123456789abcdef";
const OTHER = "fedcba9876543210";
const PAGE = (2 ** 52).toString(36);

class FakeSocket {
	constructor(/** @type {string} */ hello) {
		this.hello = hello;
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

function setUp(random = 0.5) {
	const time = new FakeTime();
	/** @type {FakeSocket[]} */
	const sockets = [];
	/** @type {any[]} */
	const ends = [];
	/** @type {number[][]} */
	const received = [];
	/** @type {string[]} */
	const words = [];
	/** @type {string[]} */
	const events = [];
	const latest = () => /** @type {FakeSocket} */ (sockets.at(-1));
	const connection = new Connection({
		createSocket: (hello) => {
			sockets.push(new FakeSocket(hello));
			return /** @type {FakeSocket} */ (sockets.at(-1));
		},
		now: time.now,
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
		random: () => random,
		onOpen: (fresh) => events.push(fresh ? "open afresh" : "open"),
		onLost: () => events.push("lost"),
		onMissed: () => events.push("missed"),
		onBack: ({ fresh, foreign, lost }) =>
			events.push(
				fresh ? "fresh" : "back",
				...(foreign ? ["foreign"] : []),
				...(lost ? ["lost keys"] : []),
			),
		onBytes: (bytes) => received.push([...bytes]),
		onPong: (token) => words.push(token),
		onSaid: (text) => events.push(`said ${text}`),
		onEnd: (reason) => ends.push(reason),
	});
	return {
		time,
		sockets,
		/** Of the latest socket, since it was last asked for. */
		sent: () => latest().sent.splice(0),
		get socket() {
			return latest();
		},
		events,
		ends,
		received,
		words,
		connection,
		open: () => {
			latest().onopen();
			latest().onmessage({ data: `hello 1 ${STREAM} 0 0 start` });
			latest().sent.splice(0);
		},
		/** A socket that greets as it is told. */
		greet: (/** @type {string} */ hello) => {
			latest().onopen();
			latest().onmessage({ data: hello });
		},
		text: (/** @type {string} */ data) => latest().onmessage({ data }),
		bytes: (/** @type {number[]} */ ...data) =>
			latest().onmessage({ data: Uint8Array.from(data).buffer }),
		closed: (/** @type {number} */ code, reason = "") => latest().onclose?.({ code, reason }),
	};
}

test("an admin's words are passed on as text, what cannot be read is left out", () => {
	const { open, socket, events } = setUp();
	open();
	for (const word of ["say Gr%C3%BC%3Cb%3E%25", "say %E4", "say a b"])
		socket.onmessage({ data: word });
	assert.deepEqual(events, ["open", "said Grü<b>%", "said a"]);
});

test("bytes and words pass once it is open", () => {
	const { socket, received, words, ends, connection, open, text, bytes } = setUp();
	connection.send(Uint8Array.of(1));
	open();
	assert.equal(socket.binaryType, "arraybuffer");
	text("something else entirely");
	text("pong");
	text("");
	text("pong s7 more");
	bytes(1, 2, 3);
	connection.send(Uint8Array.of(2));
	connection.ping("1");
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
		"a connection that never comes back",
		({ open, closed, time }) => {
			open();
			closed(1006);
			time.advance(2 * GIVE_UP_MS);
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
		({ socket }) => {
			socket.protocol = "";
			socket.onopen();
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
		all.connection.ping("1");
		all.connection.setHidden(true);
		all.connection.hurry();
		all.text("pong 1");
		all.closed(1006);
		all.time.advance(100_000);
		assert.equal(all.ends.length, 1);
		assert.deepEqual(all.received, []);
		const sockets = all.sockets.length;
		all.socket.sent.splice(0);
		all.connection.send(Uint8Array.of(1));
		all.time.advance(100_000);
		assert.equal(all.sockets.length, sockets);
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

/** @param {number} type @param {number} mark */
function event(type, mark) {
	const bytes = new Uint8Array(41);
	bytes[0] = type;
	bytes[40] = mark;
	return bytes;
}

test("lost and back: both sides go on where they were", () => {
	const all = setUp();
	const { connection, time, events, received } = all;
	all.greet(`hello 1 ${STREAM} 0 0 start`);
	assert.deepEqual(all.sent(), []);
	all.bytes(1, 2, 3);
	connection.send(event(2, 1));
	connection.send(event(2, 2));
	all.text("ack 41");
	connection.ping("s1");
	all.sent();
	all.closed(1006);
	assert.deepEqual(events, ["open", "lost"]);
	assert.equal(connection.state, "reconnecting");
	connection.send(event(2, 3));
	time.advance(RETRY_FIRST_MS);
	assert.equal(all.sockets.length, 2);
	all.greet(`hello 1 ${STREAM} 3 41 resume`);
	assert.equal(all.socket.hello, `hello.1.${STREAM}.3.${PAGE}.2.shown`);
	assert.deepEqual(all.sent(), [event(2, 2), event(2, 3), "ping s1"]);
	all.bytes(4);
	assert.deepEqual(received, [[1, 2, 3], [4]]);
	assert.deepEqual(events, ["open", "lost", "back"]);
	all.text("ack 123");
	assert.equal(connection.state, "open");
});

test("where the pointer was while nobody could be told is not sent", () => {
	const all = setUp();
	all.open();
	all.connection.send(event(6, 1));
	all.closed(1006);
	for (let i = 0; i < 5; i++) all.connection.send(event(6, 10 + i));
	all.connection.send(event(4, 1));
	all.connection.send(event(6, 20));
	all.time.advance(RETRY_FIRST_MS);
	all.greet(`hello 1 ${STREAM} 0 0 resume`);
	assert.deepEqual(all.sent(), [event(6, 1), event(6, 14), event(4, 1), event(6, 20)]);
});

test("what was missed and is gone: everything begins afresh, the events do not", () => {
	const all = setUp();
	all.open();
	all.bytes(1);
	all.connection.send(event(2, 1));
	all.connection.setHidden(true);
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	all.greet(`hello 1 ${STREAM} 700 0 fresh`);
	assert.deepEqual(all.events.slice(1), ["lost", "fresh"]);
	assert.deepEqual(all.sent(), [event(2, 1)]);
	all.bytes(2, 3);
	all.time.advance(ACK_MS);
	assert.deepEqual(all.sent(), ["ack 702 702"]);
});

test("another page had it in between: events are counted from where that one left", () => {
	const all = setUp();
	all.open();
	all.connection.send(event(2, 1));
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	all.greet(`hello 1 ${STREAM} 700 820 fresh`);
	assert.deepEqual(all.events.slice(1), ["lost", "fresh", "foreign", "lost keys"]);
	all.connection.send(event(2, 2));
	assert.deepEqual(all.sent(), [event(2, 2)]);
	all.text("ack 861");
	assert.ok(all.connection.hasTaken(all.connection.position));
	assert.equal(all.connection.state, "open");
});

test("what is forgotten is told only if it was a key or a button", () => {
	const all = setUp();
	all.open();
	for (const bytes of [event(3, 1), event(6, 2), event(8, 3)]) all.connection.send(bytes);
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	all.greet(`hello 1 ${STREAM} 700 820 fresh`);
	assert.deepEqual(all.events.slice(1), ["lost", "fresh", "foreign"]);
});

test("a stream that others had before is taken, not come back to", () => {
	const all = setUp();
	all.greet(`hello 1 ${STREAM} 700 820 fresh`);
	assert.deepEqual(all.events, ["open afresh"]);
	all.connection.send(event(2, 1));
	all.text("ack 861");
	assert.equal(all.connection.state, "open");
});

for (const hello of [
	`hello 1 ${STREAM} 2 0 resume`,
	`hello 1 ${STREAM} 1 82 resume`,
	`hello 1 ${STREAM} 1 7 resume`,
	`hello 1 ${STREAM} 1 0 somehow`,
	`hello 1 ${STREAM} x 0 fresh`,
	`hello 1 ${OTHER} 1 0 resume`,
	`hello 1 ${OTHER} 7 0 fresh`,
	`hello 1 ${OTHER} 0 0 start`,
	`hello 1`,
])
	test(`a greeting that does not fit: ${hello}`, () => {
		const all = setUp();
		all.open();
		all.bytes(1);
		all.connection.send(event(2, 1));
		all.closed(1006);
		all.time.advance(RETRY_FIRST_MS);
		all.greet(hello);
		assert.equal(all.ends[0]?.code, "bad_stream");
	});

for (const bye of ["bye replaced The desktop is open elsewhere.", ""])
	test(`who is told that another one has the stream comes no more: ${bye}`, () => {
		const all = setUp();
		all.open();
		all.closed(1006);
		all.time.advance(RETRY_FIRST_MS);
		all.socket.onopen();
		assert.equal(all.connection.state, "greeting");
		if (bye) all.text(bye);
		all.closed(4000, "replaced");
		assert.equal(all.ends[0]?.code, "replaced");
		all.time.advance(GIVE_UP_MS);
		assert.equal(all.sockets.length, 2);
	});

test("each attempt has its number and says how far the stream has come", () => {
	const all = setUp();
	assert.equal(all.socket.hello, `hello.1.-.0.${PAGE}.1.shown`);
	all.open();
	all.bytes(1, 2, 3);
	all.closed(1006);
	for (let i = 2; i < 6; i++) {
		while (all.sockets.length < i) all.time.advance(1);
		assert.equal(all.socket.hello, `hello.1.${STREAM}.3.${PAGE}.${i}.shown`);
		if (i < 5) all.closed(1006);
	}
	all.greet(`hello 1 ${STREAM} 900 0 fresh`);
	all.bytes(4);
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	assert.match(all.socket.hello, new RegExp(`^hello\\.1\\.${STREAM}\\.901\\.`));
	assert.deepEqual(all.sent(), []);
});

test("a page's name is one that the relay takes, whatever chance says", () => {
	for (const random of [0, 1e-17, 0.1234567, 0.5, 1 - 2 ** -53]) {
		const page = setUp(random).socket.hello.split(".")[4];
		assert.match(page, /^[0-9A-Za-z]{1,16}$/);
	}
	assert.notEqual(setUp(0.1).socket.hello, setUp(0.2).socket.hello);
});

test("whether somebody looks is in the hello; what has changed since is said after it", () => {
	const all = setUp();
	all.open();
	const back = (/** @type {boolean} */ meanwhile) => {
		all.closed(1006);
		all.time.advance(RETRY_MOST_MS);
		all.connection.setHidden(meanwhile);
		all.greet(`hello 1 ${STREAM} 0 0 resume`);
		return [all.socket.hello.split(".").at(-1), ...all.sent()];
	};
	assert.deepEqual(back(false), ["shown"]);
	assert.deepEqual(back(true), ["shown", "hide"]);
	assert.deepEqual(back(true), ["hidden"]);
	all.connection.setHidden(true);
	assert.deepEqual(all.sent(), []);
	assert.deepEqual(back(false), ["hidden", "show"]);
	all.connection.setHidden(true);
	all.connection.setHidden(false);
	assert.deepEqual(all.sent(), ["hide", "show"]);
});

test("attempts keep a growing distance, until the network is known to be back", () => {
	const all = setUp();
	all.open();
	all.time.advance(STEADY_MS);
	all.closed(1006);
	for (const pause of [AT_ONCE_MS / 2, ...[1, 2, 4, 8].map((n) => n * RETRY_FIRST_MS)]) {
		const before = all.sockets.length;
		all.time.advance(pause - 1);
		assert.equal(all.sockets.length, before);
		all.time.advance(1);
		assert.equal(all.sockets.length, before + 1);
		all.closed(1006);
	}
	const before = all.sockets.length;
	all.connection.hurry();
	assert.equal(all.sockets.length, before + 1);
	assert.deepEqual(all.events, ["open", "lost", ...Array(5).fill("missed")]);
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	assert.equal(all.sockets.length, before + 2);
	/* Also when the relay has been reached, and says nothing. */
	all.socket.onopen();
	all.connection.hurry();
	assert.equal(all.sockets.length, before + 3);
	all.greet(`hello 1 ${STREAM} 0 0 resume`);
	assert.equal(all.connection.state, "open");
});

test("reasons to hurry that come together are worth one attempt, later ones another", () => {
	const all = setUp();
	all.open();
	all.closed(1006);
	for (let i = 0; i < 3; i++) {
		all.connection.hurry();
		all.time.advance(HURRY_MS / 4);
	}
	assert.equal(all.sockets.length, 2);
	all.socket.onopen();
	all.connection.hurry();
	assert.equal(all.connection.state, "greeting");
	all.time.advance(HURRY_MS / 4);
	all.connection.hurry(); /* it seems to hang */
	assert.equal(all.sockets.length, 3);
	all.closed(1006); /* it failed: there is nothing to wait for */
	all.connection.hurry();
	assert.equal(all.sockets.length, 4);
});

test("who has a reason to hope does not give up", () => {
	const all = setUp();
	all.open();
	all.closed(1006);
	for (let i = 0; i < 4; i++) {
		all.time.advance(0.9 * GIVE_UP_MS);
		all.connection.hurry();
	}
	assert.equal(all.connection.state, "reconnecting");
	all.time.advance(2 * GIVE_UP_MS);
	assert.deepEqual(all.ends, [{ code: "connection_lost", message: "" }]);
});

test("connections that do not live are not made in haste; one that did is replaced at once", () => {
	const all = setUp();
	all.open();
	const pauseAfterMs = (/** @type {number} */ lifeMs) => {
		all.time.advance(lifeMs);
		all.closed(1006);
		const [since, before] = [all.time.now(), all.sockets.length];
		while (all.sockets.length === before) all.time.advance(1);
		const pauseMs = all.time.now() - since;
		all.greet(`hello 1 ${STREAM} 0 0 resume`);
		return pauseMs;
	};
	assert.equal(pauseAfterMs(STEADY_MS), AT_ONCE_MS / 2);
	assert.equal(pauseAfterMs(0), RETRY_FIRST_MS);
	assert.equal(pauseAfterMs(STEADY_MS - 1), RETRY_FIRST_MS);
	assert.equal(pauseAfterMs(STEADY_MS), AT_ONCE_MS / 2);
});

test("an attempt that hangs is given up; what it still says is not heard", () => {
	const all = setUp();
	all.open();
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	const hanging = all.socket;
	all.time.advance(ATTEMPT_MS - RETRY_FIRST_MS);
	assert.equal(all.sockets.length, 2);
	all.time.advance(60_000);
	assert.ok(all.sockets.length > 4);
	hanging.onopen();
	hanging.onclose({ code: 1000, reason: "" });
	assert.deepEqual(hanging.sent, []);
	assert.equal(hanging.closes.length, 1);
	assert.equal(all.connection.state, "reconnecting");
});

test("a line that is dead without a word is found out", () => {
	const all = setUp();
	all.open();
	all.time.advance(QUIET_MS);
	assert.deepEqual(all.sent(), ["ping alive"]);
	all.text("pong alive");
	all.time.advance(ANSWER_MS);
	assert.equal(all.connection.state, "open");
	all.time.advance(QUIET_MS + ANSWER_MS);
	assert.equal(all.connection.state, "reconnecting");
	/* And sooner, when the machine was asleep. */
	all.time.advance(RETRY_FIRST_MS);
	all.greet(`hello 1 ${STREAM} 0 0 resume`);
	all.time.advance(1);
	all.connection.hurry();
	all.time.advance(DOUBT_MS);
	assert.equal(all.connection.state, "reconnecting");
});

test("events that nobody takes tell of a dead line, too", () => {
	const all = setUp();
	all.open();
	all.time.advance(1);
	all.connection.send(event(2, 1));
	all.time.advance(100);
	all.text("ack 41");
	all.time.advance(ANSWER_MS - 101);
	all.connection.send(event(2, 2));
	all.time.advance(1);
	assert.equal(all.connection.state, "open"); /* it has said something */
	all.time.advance(ANSWER_MS - 1);
	assert.equal(all.connection.state, "open");
	all.time.advance(1);
	assert.equal(all.connection.state, "reconnecting");
	all.time.advance(RETRY_FIRST_MS);
	all.greet(`hello 1 ${STREAM} 0 41 resume`);
	assert.deepEqual(all.sent(), [event(2, 2)]);
	all.text("ack 82");
	all.time.advance(ANSWER_MS);
	assert.equal(all.connection.state, "open");
});

test("what has been taken is known, and by whom", () => {
	const all = setUp();
	all.open();
	const { connection } = all;
	connection.send(event(2, 1));
	connection.send(event(2, 2));
	const position = connection.position;
	assert.equal(connection.hasTaken(position), false);
	all.text("ack 41");
	assert.equal(connection.hasTaken(position), false);
	all.text("ack 82");
	connection.send(event(2, 3));
	assert.equal(connection.hasTaken(position), true);
	all.closed(1006);
	assert.equal(connection.hasTaken(position), false); /* its answer may not come */
	connection.close();
	assert.equal(connection.hasTaken(position), true); /* nobody need wait for more */
});

test("what is sent while the news of its return is told goes out once", () => {
	const all = setUp();
	all.open();
	all.connection.send(event(2, 1));
	all.closed(1006);
	all.time.advance(RETRY_FIRST_MS);
	all.events.push = (/** @type {string[]} */ ...news) => {
		all.connection.send(event(2, 9));
		return news.length;
	};
	all.greet(`hello 1 ${STREAM} 0 0 fresh`);
	assert.deepEqual(all.sent(), [event(2, 1), event(2, 9)]);
});

test("what has come and what has been painted is told, in steps", () => {
	const all = setUp();
	all.open();
	all.socket.onmessage({ data: new ArrayBuffer(1000) });
	all.connection.setUnpainted(600);
	assert.deepEqual(all.sent(), []);
	all.time.advance(ACK_MS);
	assert.deepEqual(all.sent(), ["ack 1000 400"]);
	all.connection.setUnpainted(0);
	all.time.advance(ACK_MS);
	assert.deepEqual(all.sent(), ["ack 1000 1000"]);
	all.socket.onmessage({ data: new ArrayBuffer(ACK_BYTES) });
	assert.deepEqual(all.sent(), [`ack ${1000 + ACK_BYTES} ${1000 + ACK_BYTES}`]);
	all.time.advance(ACK_MS);
	assert.deepEqual(all.sent(), []);
});

test("too much that cannot be sent ends it", () => {
	const all = setUp();
	all.open();
	all.closed(1006);
	for (let i = 0; i < 100 && all.ends.length === 0; i++)
		all.connection.send(new Uint8Array(65600));
	assert.deepEqual(all.ends, [{ code: "connection_lost", message: "" }]);
});
