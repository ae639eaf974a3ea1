/* SPDX-License-Identifier: ISC */
/* Selections both ways on the engine's side, against an agent's rules and hostile sizes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
	MIME_IMAGE,
	MIME_TEXT,
	SELECTION_CLIPBOARD as CLIPBOARD,
	SELECTION_PRIMARY as PRIMARY,
} from "../../../www/js/stream/kdrive_numbers.js";
import { decodeContent, decodeText, pictureSize } from "../../../www/js/stream/selection_data.js";
import { SelectionReader } from "../../../www/js/stream/selection_reader.js";
import { Selections } from "../../../www/js/stream/selections.js";
import { ANSWER_WAIT_MS, CUTS_MAX, STALE_WAIT_MS } from "../../../www/js/stream/selections_in.js";
import {
	AT_ONCE_BYTES,
	CHUNK_BYTES,
	CHUNKS_UNDER_WAY,
	FETCH_WAIT_MS,
	LOAN_MS,
} from "../../../www/js/stream/selections_out.js";
import { AgentProbe, ANSWER_WAIT_MS as PROBE_WAIT_MS } from "../../../www/js/stream/agent_probe.js";
import { SendQueue } from "../../../www/js/stream/send_queue.js";
import { FakeTime } from "./fake_time.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").SelectionMessage} SelectionMessage */

const encode = (/** @type {string} */ text) => new TextEncoder().encode(text);

/** @param {Partial<SelectionMessage>} changes @returns {SelectionMessage} */
function piece(changes) {
	const data = changes.data ?? new Uint8Array(0);
	return {
		...{ type: "selection", selection: CLIPBOARD, mime: MIME_TEXT, size: data.length },
		...{ first: false, last: false, compressed: false, data },
		...changes,
	};
}
const notice = (selection = CLIPBOARD) => piece({ selection, first: true, last: true });

/** The agent's side: takes messages as it would, and complains as the gateway would. */
class Agent {
	constructor() {
		/** @type {string[]} what it saw, in order */
		this.saw = [];
		/** @type {Record<number, Uint8Array[]>} */
		this.whole = { 0: [], 1: [] };
		this.open = /** @type {{selection: number, total: number, parts: Uint8Array[]} | null} */ (
			null
		);
	}

	/** @param {Uint8Array<ArrayBuffer>} message */
	take(message) {
		const view = new DataView(message.buffer);
		assert.equal(message.length % 41, 0);
		const type = view.getUint32(0, true);
		if (type === 9) this._selection(view, message);
		else if (type === 8) this.saw.push("update");
		else if (type === 11) this.saw.push(`demand ${view.getUint16(4, true)}`);
		else this.saw.push(`key ${type} ${view.getUint32(8, true)}`);
	}

	/** @param {DataView} view @param {Uint8Array} message */
	_selection(view, message) {
		const [size, compressed, total] = [4, 12, 16].map((at) => view.getUint32(at, true));
		const [selection, mime, first, last] = [8, 9, 10, 11].map((at) => view.getUint8(at));
		assert.equal(compressed, 0);
		if (size === 0) {
			assert.deepEqual([total, first, last], [0, 1, 1]);
			this.open = null;
			this.saw.push(`notice ${selection} ${mime}`);
			return;
		}
		assert.equal(message.length, 41 * Math.ceil((20 + size) / 41));
		if (first) this.open = { selection, total, parts: [] };
		assert.ok(this.open, "a piece without a beginning");
		assert.deepEqual([this.open.selection, this.open.total], [selection, total]);
		this.open.parts.push(message.slice(20, 20 + size));
		const sum = this.open.parts.reduce((bytes, part) => bytes + part.length, 0);
		assert.ok(sum <= total, "more than announced");
		assert.equal(last === 1, sum === total);
		this.saw.push(`piece ${selection} ${size}${last ? " last" : ""}`);
		if (!last) return;
		this.whole[selection].push(new Uint8Array(Buffer.concat(this.open.parts)));
		this.open = null;
	}

	/** @param {number} selection */
	text(selection) {
		return new TextDecoder().decode(this.whole[selection].at(-1));
	}
}

function setUp() {
	const time = new FakeTime();
	const agent = new Agent();
	/** @type {string[]} */
	const pings = [];
	/** @type {any[]} */
	const posted = [];
	const send = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => agent.take(bytes);
	const agentProbe = new AgentProbe({ send, setTimer: time.setTimer });
	const probe = () => agentProbe.ask();
	const sender = new SendQueue({ send, now: time.now, setTimer: time.setTimer, probe });
	const selections = new Selections({
		sender,
		connection: { send, ping: (token) => void pings.push(token) },
		probe,
		post: (message) => posted.push(message),
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
	});
	/** @param {string} text */
	const offer = (text, pasting = false, to = [CLIPBOARD]) =>
		selections.tell({ type: "offer-selection", selections: to, content: { text }, pasting });
	const confirmAll = () => {
		while (pings.length > 0) selections.confirmed(/** @type {string} */ (pings.shift()));
	};
	const demand = (selection = CLIPBOARD) =>
		selections.handle({ type: "demand-selection", selection });
	const answer = () => agentProbe.pictureCame({ width: 2, height: 1 });
	return {
		...{ time, agent, pings, posted, sender, selections, agentProbe },
		...{ offer, confirmAll, demand, answer },
	};
}

/** Until all promises have had their turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/* ---- pieces ---- */

test("pieces are put together until the last, whatever total they claim", () => {
	const reader = new SelectionReader();
	assert.equal(reader.push(piece({ first: true, data: encode("ab") })), null);
	assert.equal(reader.push(piece({ data: encode("c") })), null);
	assert.equal(reader.open, true);
	const whole = reader.push(piece({ last: true }));
	assert.deepEqual(whole, { mime: MIME_TEXT, bytes: encode("abc"), fault: "" });
	assert.equal(reader.open, false);
});

test("a piece without a beginning is nothing, and a beginning begins anew", () => {
	const reader = new SelectionReader();
	assert.equal(reader.push(piece({ last: true, data: encode("lost") })), null);
	reader.push(piece({ first: true, data: encode("old") }));
	const whole = reader.push(piece({ first: true, last: true, data: encode("new") }));
	assert.deepEqual(whole?.bytes, encode("new"));
});

test("past the limit the memory is let go, and the end says why", () => {
	const reader = new SelectionReader(10_000);
	reader.push(piece({ first: true, data: new Uint8Array(9_999) }));
	reader.push(piece({ data: new Uint8Array(2) }));
	assert.equal(reader._room.length, 0);
	reader.push(piece({ data: new Uint8Array(2) }));
	assert.equal(reader.push(piece({ last: true }))?.fault, "too_large");
	const next = reader.push(piece({ first: true, last: true, data: new Uint8Array(10_000) }));
	assert.equal(next?.bytes.length, 10_000);
});

test("a small piece of a large message does not hold the message", () => {
	const reader = new SelectionReader();
	for (let i = 0; i < 1000; i++) {
		const message = new Uint8Array(100_000);
		reader.push(piece({ first: i === 0, data: message.subarray(7, 8) }));
	}
	assert.ok(reader._room.buffer.byteLength <= 4096);
});

test("compressed, or of two kinds: not readable", () => {
	const reader = new SelectionReader();
	const data = encode("x");
	assert.equal(
		reader.push(piece({ first: true, last: true, compressed: true, data }))?.fault,
		"unreadable",
	);
	reader.push(piece({ first: true, data }));
	assert.equal(reader.push(piece({ last: true, mime: MIME_IMAGE, data }))?.fault, "unreadable");
});

/* ---- content ---- */

test("text is UTF-8, else Latin-1, without the NULs at its end", () => {
	const planes = [0x41, 0xe9, 0x20ac, 0x1f600, 0x2f800, 0x10fffd];
	const text = `\ufeff${String.fromCodePoint(...planes)}\0\r\n`;
	assert.equal(decodeText(encode(text)), text);
	assert.equal(decodeText(Uint8Array.of(0x47, 0xfc, 0x6e, 0x80, 0, 0)), "Gün\x80");
	const long = new Uint8Array(100_000).fill(0xff);
	assert.equal(decodeText(long), "\xff".repeat(100_000));
});

test("pictures: the size that a file claims is read before it is decoded", async () => {
	const bmp = new Uint8Array(26);
	bmp.set([0x42, 0x4d]);
	new DataView(bmp.buffer).setInt32(18, 30_000, true);
	new DataView(bmp.buffer).setInt32(22, -30_000, true);
	assert.deepEqual(pictureSize(bmp), { width: 30_000, height: 30_000 });
	assert.equal(await decodeContent(MIME_IMAGE, bmp), null);
	assert.equal(await decodeContent(MIME_IMAGE, encode("/* XPM */ static char")), null);
	assert.equal(await decodeContent(0, encode("?")), null);
});

/* ---- from the server ---- */

test("the clipboard is asked for at once, PRIMARY when the page wants it", async () => {
	const { agent, posted, selections } = setUp();
	selections.handle(notice(PRIMARY));
	assert.deepEqual(agent.saw, []);
	selections.handle(notice(CLIPBOARD));
	assert.deepEqual(agent.saw, ["demand 1"]);
	selections.handle(piece({ first: true, data: encode("a ") }));
	selections.handle(piece({ data: encode("copy") }));
	selections.handle(piece({ last: true }));
	selections.tell({ type: "demand-selection", selection: PRIMARY });
	assert.deepEqual(agent.saw, ["demand 1", "demand 0"]);
	selections.handle(
		piece({ selection: PRIMARY, first: true, last: true, data: encode("picked") }),
	);
	await settle();
	assert.deepEqual(posted, [
		{ type: "selection-noticed", selection: PRIMARY },
		{ type: "selection-noticed", selection: CLIPBOARD },
		{ type: "selection", selection: CLIPBOARD, content: { text: "a copy" } },
		{ type: "selection", selection: PRIMARY, content: { text: "picked" } },
	]);
});

/* The real one then gives one for the other in two of three cases. */
test("the agent is never asked for both at a time", async () => {
	const { time, agent, posted, selections } = setUp();
	const wantPrimary = () => selections.tell({ type: "demand-selection", selection: PRIMARY });
	const whole = (/** @type {number} */ selection, /** @type {string} */ text) =>
		selections.handle(piece({ selection, first: true, last: true, data: encode(text) }));
	selections.handle(notice());
	selections.handle(piece({ first: true, data: encode("a ") }));
	wantPrimary();
	wantPrimary();
	time.advance(ANSWER_WAIT_MS - 1);
	assert.deepEqual(agent.saw, ["demand 1"]);
	selections.handle(piece({ last: true, data: encode("copy") }));
	assert.deepEqual(agent.saw, ["demand 1", "demand 0"]);
	selections.handle(notice());
	assert.equal(agent.saw.length, 2);
	whole(PRIMARY, "picked");
	assert.deepEqual(agent.saw.slice(2), ["demand 1"]);
	/* Both have their turn, whatever comes again. */
	wantPrimary();
	selections.handle(notice());
	whole(CLIPBOARD, "older");
	assert.deepEqual(agent.saw.slice(3), ["demand 0"]);
	whole(PRIMARY, "still picked");
	assert.deepEqual(agent.saw.slice(4), ["demand 1"]);
	/* And after a rebuild. */
	wantPrimary();
	selections.handle({ type: "reinit" });
	assert.deepEqual(agent.saw.slice(5), ["demand 0"]);
	whole(PRIMARY, "picked anew");
	assert.deepEqual(agent.saw.slice(6), ["demand 1"]);
	whole(CLIPBOARD, "newer");
	await settle();
	assert.ok(posted.every(({ type }) => type !== "selection-failed"));
});

test("a PRIMARY that nobody has does not hold up the clipboard, nor is it complained of", () => {
	const { time, agent, posted, selections } = setUp();
	selections.tell({ type: "demand-selection", selection: PRIMARY });
	time.advance(STALE_WAIT_MS);
	assert.deepEqual(agent.saw, ["demand 0"]);
	selections.handle(notice());
	time.advance(STALE_WAIT_MS - 1);
	assert.deepEqual(agent.saw, ["demand 0"]);
	time.advance(1);
	assert.deepEqual(agent.saw, ["demand 0", "demand 1"]);
	assert.deepEqual(
		posted.map(({ type }) => type),
		["selection-noticed"],
	);
});

test("the agent is not asked for what it has from us", async () => {
	const { agent, selections, offer } = setUp();
	offer("ours", false, [PRIMARY]);
	await settle();
	assert.deepEqual(agent.saw, ["notice 0 1"]);
	selections.tell({ type: "demand-selection", selection: PRIMARY });
	assert.equal(agent.saw.length, 1);
	selections.handle(notice(PRIMARY));
	selections.tell({ type: "demand-selection", selection: PRIMARY });
	assert.equal(agent.saw[1], "demand 0");
});

test("news during an answer: asked again after it, once", async () => {
	const { agent, posted, selections } = setUp();
	selections.handle(notice());
	selections.handle(notice());
	selections.handle(piece({ first: true, data: encode("ol") }));
	selections.handle(notice());
	assert.deepEqual(agent.saw, ["demand 1"]);
	selections.handle(piece({ last: true, data: encode("d") }));
	assert.deepEqual(agent.saw, ["demand 1", "demand 1"]);
	selections.handle(piece({ first: true, last: true, data: encode("new") }));
	await settle();
	assert.deepEqual(posted.at(-1).content, { text: "new" });
	assert.equal(agent.saw.length, 2);
});

test("no answer, or one that stops: said once, and the next news is asked for", () => {
	const { time, agent, posted, selections } = setUp();
	selections.handle(notice());
	time.advance(ANSWER_WAIT_MS - 1);
	selections.handle(piece({ first: true, data: encode("begun") }));
	time.advance(ANSWER_WAIT_MS - 1);
	assert.equal(posted.length, 1);
	time.advance(1);
	assert.deepEqual(posted[1], {
		type: "selection-failed",
		selection: CLIPBOARD,
		why: "timeout",
	});
	time.advance(10 * ANSWER_WAIT_MS);
	assert.equal(posted.length, 2);
	selections.handle(notice());
	assert.deepEqual(agent.saw, ["demand 1", "demand 1"]);
});

test("a newer copy whose owner's forerunner is gone is asked for soon, and nothing is complained of", () => {
	const { time, agent, posted, selections } = setUp();
	selections.handle(notice());
	selections.handle(piece({ first: true, data: encode("begun") }));
	selections.handle(notice());
	time.advance(STALE_WAIT_MS - 1);
	assert.equal(agent.saw.length, 1);
	time.advance(1);
	assert.deepEqual(agent.saw, ["demand 1", "demand 1"]);
	assert.ok(posted.every(({ type }) => type === "selection-noticed"));
});

test("a rebuild drops what the agent had begun: it is asked again", async () => {
	const { agent, posted, selections } = setUp();
	selections.handle(notice());
	selections.handle(piece({ first: true, data: encode("half") }));
	selections.handle({ type: "reinit" });
	assert.deepEqual(agent.saw, ["demand 1", "demand 1"]);
	selections.handle(piece({ last: true, data: encode("rest of nothing") }));
	selections.handle(piece({ first: true, last: true, data: encode("whole") }));
	await settle();
	assert.deepEqual(posted.at(-1).content, { text: "whole" });
	selections.handle({ type: "reinit" });
	assert.equal(agent.saw.length, 2);
});

test("what is cut again and again is given up, until something new is copied", () => {
	const { agent, posted, selections } = setUp();
	for (let round = 1; round <= 2; round++) {
		selections.handle(notice());
		for (let i = 0; i < CUTS_MAX; i++) {
			assert.notEqual(posted.at(-1).type, "selection-failed");
			selections.handle(piece({ first: true, data: encode("half") }));
			selections.handle({ type: "reinit" });
		}
		assert.equal(agent.saw.length, round * CUTS_MAX);
		assert.equal(posted.at(-1).type, "selection-failed");
		selections.handle({ type: "reinit" });
		assert.equal(agent.saw.length, round * CUTS_MAX);
	}
});

/* ---- from the user ---- */

test("a small paste goes before its key, in pieces, and is not sent twice", async () => {
	const { agent, sender, offer, selections } = setUp();
	const text = "x".repeat(CHUNK_BYTES + 1);
	offer(text, true);
	sender.pushMasked(key(55), 4);
	await settle();
	assert.deepEqual(agent.saw, [`piece 1 ${CHUNK_BYTES}`, "piece 1 1 last", "key 2 55"]);
	offer(text, true);
	sender.pushMasked(key(55), 4);
	await settle();
	assert.equal(agent.saw.length, 4);
	selections.handle(notice());
	offer(text, true);
	await settle();
	assert.equal(agent.whole[CLIPBOARD].length, 2);
});

test("a large paste is announced and sent when asked for, at the gateway's pace", async () => {
	const { agent, pings, offer, demand, selections, sender, posted } = setUp();
	const text = "y".repeat(5 * CHUNK_BYTES);
	offer(text, true);
	sender.pushMasked(key(55), 4);
	await settle();
	assert.deepEqual(agent.saw, ["notice 1 1", "key 2 55"]);
	demand();
	demand();
	const pieces = () => agent.saw.filter((line) => line.startsWith("piece")).length;
	assert.equal(pieces(), CHUNKS_UNDER_WAY);
	sender.pushMasked(key(38), 4);
	assert.equal(agent.saw.at(-1), "key 2 38");
	while (pieces() < 5) selections.confirmed(/** @type {string} */ (pings.shift()));
	assert.equal(agent.text(CLIPBOARD), text);
	assert.deepEqual(posted, [{ type: "selection-fetched", selection: CLIPBOARD }]);
	selections.confirmed("unknown");
	assert.equal(pieces(), 5);
});

test("what breaks into a transfer is whole, and the transfer begins again", async () => {
	const { agent, offer, demand, confirmAll } = setUp();
	const large = "z".repeat(3 * AT_ONCE_BYTES);
	offer(large);
	await settle();
	demand();
	offer("middle", true, [PRIMARY]);
	await settle();
	assert.equal(agent.text(PRIMARY), "middle");
	confirmAll();
	assert.equal(agent.text(CLIPBOARD), large);
});

test("a newer copy replaces one that is under way", async () => {
	const { agent, offer, demand, confirmAll } = setUp();
	offer("1".repeat(3 * AT_ONCE_BYTES));
	await settle();
	demand();
	offer("2".repeat(2 * AT_ONCE_BYTES));
	await settle();
	confirmAll();
	assert.equal(agent.whole[CLIPBOARD].length, 1);
	assert.equal(agent.text(CLIPBOARD), "2".repeat(2 * AT_ONCE_BYTES));
});

test("a program of the server takes the selection: what is under way stops", async () => {
	const { agent, offer, demand, confirmAll, selections } = setUp();
	offer("1".repeat(3 * AT_ONCE_BYTES));
	await settle();
	demand();
	selections.handle(notice());
	confirmAll();
	assert.equal(agent.whole[CLIPBOARD].length, 0);
	offer("after", true);
	await settle();
	assert.equal(agent.text(CLIPBOARD), "after");
});

test("another page had the stream: nothing goes on in the middle, and a paste is news again", async () => {
	const { agent, offer, demand, confirmAll, selections } = setUp();
	const large = "1".repeat(5 * CHUNK_BYTES);
	offer(large);
	await settle();
	demand();
	agent.open = null; /* the other one's selection was whole */
	selections.cut(true);
	confirmAll();
	offer(large);
	await settle();
	assert.equal(agent.saw.at(-1), "notice 1 1");
	demand();
	confirmAll();
	assert.equal(agent.text(CLIPBOARD), large);
});

test("a demand for nothing is not answered; too much and nothing are not offered", async () => {
	const { agent, offer, demand, posted } = setUp();
	demand();
	offer("");
	offer("x".repeat(32 * 1024 * 1024 + 1));
	await settle();
	assert.deepEqual(agent.saw, []);
	assert.deepEqual(posted, [{ type: "offer-failed", why: "too_large" }]);
});

/* ---- typing by pasting ---- */

test("text that is typed by pasting: fetched, then later keys, then the clipboard as it was", async () => {
	const { time, agent, offer, demand, sender, selections, agentProbe, answer } = setUp();
	offer("mine");
	await settle();
	agent.saw = [];
	selections.tell({ type: "paste-text", text: "ß→" });
	sender.pushMasked(key(38), 0);
	await settle();
	assert.deepEqual(agent.saw, ["update"]);
	agentProbe.pictureCame({ width: 100, height: 1 });
	await settle();
	assert.equal(agent.saw.length, 1);
	answer();
	await settle();
	assert.deepEqual(agent.saw.slice(1), ["notice 0 1", "notice 1 1", "key 2 118"]);
	demand(PRIMARY);
	await settle();
	assert.equal(agent.saw.at(-1), "update");
	answer();
	await settle();
	time.advance(20);
	assert.equal(agent.saw.at(-2), "key 3 50");
	assert.equal(agent.text(PRIMARY), "ß→");
	assert.equal(agent.saw.at(-1), "key 2 38");
	time.advance(LOAN_MS);
	assert.equal(agent.saw.at(-1), "notice 1 1");
	demand(CLIPBOARD);
	assert.equal(agent.text(CLIPBOARD), "mine");
});

test("words in quick succession each wait for the one before, and the server's copy comes back", async () => {
	const { time, agent, demand, selections, confirmAll, answer } = setUp();
	selections.handle(notice());
	selections.handle(piece({ first: true, last: true, data: encode("theirs") }));
	await settle();
	for (const text of ["a", "a", "b"]) selections.tell({ type: "paste-text", text });
	for (const text of ["a", "a", "b"]) {
		await settle();
		answer();
		await settle();
		time.advance(20);
		demand(CLIPBOARD);
		assert.equal(agent.text(CLIPBOARD), text);
		confirmAll();
		await settle();
		answer();
		await settle();
		time.advance(20);
	}
	await settle();
	assert.equal(agent.whole[CLIPBOARD].length, 3);
	time.advance(LOAN_MS + FETCH_WAIT_MS);
	demand(CLIPBOARD);
	assert.equal(agent.text(CLIPBOARD), "theirs");
});

test("nobody fetches the text: the keys go on after a while", async () => {
	const { time, agent, sender, selections } = setUp();
	selections.tell({ type: "paste-text", text: "x" });
	sender.pushMasked(key(38), 0);
	await settle();
	time.advance(PROBE_WAIT_MS); /* and the agent says nothing either */
	await settle();
	assert.equal(agent.saw.at(-1), "key 2 118");
	time.advance(FETCH_WAIT_MS);
	await settle();
	time.advance(PROBE_WAIT_MS);
	await settle();
	assert.deepEqual(agent.saw.slice(-2), ["key 3 50", "key 2 38"]);
});

/** @param {number} keycode */
function key(keycode) {
	const event = new DataView(new ArrayBuffer(41));
	event.setUint32(0, 2, true);
	event.setUint32(8, keycode, true);
	return new Uint8Array(event.buffer);
}
