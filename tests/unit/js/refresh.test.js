/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as r from "../../../www/js/stream/refresh.js";
import { parseEvents } from "../../e2e/standin/messages.mjs";
import { FakeTime } from "./fake_time.js";

const WHOLE = "update 0x0+0+0";

function setUp(version = 8, patience = /** @type {r.Clock | null} */ (null)) {
	const time = new FakeTime();
	patience ??= { setTimer: time.setTimer, clearTimer: time.clearTimer };
	/** @type {string[]} one entry for each message */
	const sent = [];
	const refresh = new r.Refresh({
		send: (bytes) => sent.push(parseEvents(bytes).map(describe).join(" & ")),
		now: time.now,
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
		patience,
		log: () => {},
		size: { width: 800, height: 600 },
	});
	refresh.setVersion(version);
	return { time, sent, refresh, take: () => sent.splice(0) };
}

/** @param {import("../../e2e/standin/messages.mjs").ClientEvent} event */
function describe(event) {
	if (event.type === "update")
		return `update ${event.width}x${event.height}+${event.x}+${event.y}`;
	if (event.type === "geometry") return `geometry ${event.width}x${event.height}`;
	return event.type;
}

const rect = (x = 0, y = 0, width = 10, height = 10) => ({ x, y, width, height });

test("a resize waits until the size is stable, and goes with a cache rebuild in one message", () => {
	const { time, sent, refresh } = setUp();
	for (let i = 0; i < 20; i++) {
		refresh.resize({ width: 900 + i, height: 700 });
		time.advance(100);
	}
	assert.deepEqual(sent, []);
	time.advance(r.RESIZE_STABLE_MS);
	assert.deepEqual(sent, ["cache-rebuild & geometry 919x700"]);
	time.advance(1000);
	assert.equal(sent.length, 1, "nothing is asked for before REINIT");
	refresh.reinit();
	assert.deepEqual(sent.slice(1), [WHOLE]);
});

test("the size that is in force already is not sent", () => {
	const { time, sent, refresh } = setUp();
	refresh.resize({ width: 900, height: 700 });
	refresh.resize({ width: 800, height: 600 });
	time.advance(10_000);
	assert.deepEqual(sent, []);
});

test("a second resize waits for the REINIT of the first", () => {
	const { time, refresh, take } = setUp();
	refresh.resize({ width: 900, height: 700 });
	time.advance(r.RESIZE_STABLE_MS);
	take();
	refresh.resize({ width: 950, height: 750 });
	time.advance(2000);
	assert.deepEqual(take(), []);
	refresh.reinit();
	time.advance(r.RESIZE_STABLE_MS);
	assert.deepEqual(take(), [WHOLE, "cache-rebuild & geometry 950x750"]);
});

test("without an answer to a rebuild the picture is asked for all the same", () => {
	const { time, refresh, take } = setUp();
	refresh.rebuild("test");
	time.advance(r.REINIT_WAIT_MS);
	assert.deepEqual(take(), ["cache-rebuild", WHOLE]);
	assert.equal(refresh.state, "idle");
});

test("an agent that cannot be heard is waited for: nothing is asked for right after a new size", () => {
	/** @type {(() => void)[]} */ const patient = [];
	const { time, refresh, take } = setUp(8, {
		setTimer: (run) => patient.push(run),
		clearTimer: (timer) => delete patient[timer - 1],
	});
	refresh.resize({ width: 900, height: 700 });
	time.advance(10 * r.REINIT_WAIT_MS);
	assert.deepEqual(take(), ["cache-rebuild & geometry 900x700"]);
	assert.equal(time.pending, 0);
	patient[0]();
	assert.deepEqual(take(), [WHOLE]);
	refresh.rebuild("again");
	refresh.close();
	assert.equal(patient[1], undefined);
});

test("an agent before version 5 gets the size alone, and is never asked to rebuild", () => {
	const { time, refresh, take } = setUp(4);
	refresh.resize({ width: 900, height: 700 });
	time.advance(r.RESIZE_STABLE_MS);
	for (let i = 0; i < 5; i++) refresh.rebuild("test");
	time.advance(r.OVERHAUL_DELAY_MS);
	assert.deepEqual(take(), ["geometry 900x700", WHOLE]);
});

test("missing rectangles are asked for once each, together", () => {
	const { time, refresh, take } = setUp();
	refresh.screenPainted({ width: 800, height: 600 });
	refresh.miss([rect(1, 2), rect(1, 2), rect(5, 6, 7, 8)]);
	assert.deepEqual(take(), []);
	time.advance(r.REPAIR_DELAY_MS);
	assert.deepEqual(take(), ["update 10x10+1+2", "update 7x8+5+6"]);
});

test("many rectangles at once become the whole screen, as does any without a known size", () => {
	const { time, refresh, take } = setUp();
	refresh.miss([rect()]);
	time.advance(r.REPAIR_DELAY_MS);
	refresh.screenPainted({ width: 800, height: 600 });
	refresh.miss(Array.from({ length: r.REPAIR_RECTS_MAX + 1 }, (_, i) => rect(i)));
	time.advance(r.REPAIR_DELAY_MS);
	assert.deepEqual(take(), [WHOLE, WHOLE]);
});

test("a stream of misses leads to one rebuild, not to a flood", () => {
	const { time, refresh, take } = setUp();
	refresh.screenPainted({ width: 800, height: 600 });
	let rebuilds = 0;
	let updates = 0;
	for (let i = 0; i < 2000; i++) {
		refresh.miss([rect(i % 700)]);
		time.advance(5);
		for (const message of take()) {
			if (message === "cache-rebuild") {
				rebuilds += 1;
				refresh.reinit();
			} else updates += 1;
		}
	}
	assert.equal(rebuilds, 1);
	assert.ok(updates < 200, `${updates} updates in ten seconds`);
});

test("misses that go on after a rebuild end in the whole screen, not in a stale one", () => {
	const { time, refresh, take } = setUp();
	refresh.screenPainted({ width: 800, height: 600 });
	const many = Array.from({ length: r.MISSES_MAX + 1 }, (_, i) => rect(i));
	refresh.miss(many);
	refresh.reinit();
	assert.deepEqual(take(), ["cache-rebuild", WHOLE]);
	refresh.screenPainted({ width: 800, height: 600 });
	refresh.miss(many);
	refresh.miss(many);
	time.advance(r.OVERHAUL_DELAY_MS);
	assert.equal(take().filter((message) => message === WHOLE).length, 1);
	assert.equal(refresh.rebuildCount, 1);
});

test("a frame that makes no sense leads to a rebuild, many of them to no more than that", () => {
	const { time, refresh, take } = setUp();
	refresh.mistrust("a frame of 21965x9833 pixels");
	refresh.mistrust("another one");
	assert.deepEqual(take(), ["cache-rebuild"]);
	refresh.reinit();
	assert.deepEqual(take(), [WHOLE]);
	for (let i = 0; i < 50; i++) refresh.mistrust("one after the other");
	time.advance(r.OVERHAUL_DELAY_MS);
	assert.deepEqual(take(), [WHOLE]);
});

test("while a rebuild runs, misses are not asked for", () => {
	const { time, refresh, take } = setUp();
	refresh.rebuild("test");
	refresh.miss([rect()]);
	time.advance(1000);
	assert.deepEqual(take(), ["cache-rebuild"]);
});

test("a whole-screen picture is asked for by size once, to make it sharp", () => {
	const { time, refresh, take } = setUp();
	refresh.screenPainted({ width: 800, height: 600 });
	time.advance(r.SHARPEN_AFTER_MS);
	assert.deepEqual(take(), ["update 800x600+0+0"]);
	refresh.screenPainted({ width: 800, height: 600 });
	time.advance(10_000);
	assert.deepEqual(take(), []);
	refresh.reinit();
	refresh.screenPainted({ width: 800, height: 600 });
	time.advance(r.SHARPEN_AFTER_MS);
	assert.deepEqual(take(), [WHOLE, "update 800x600+0+0"]);
});

test("no resize follows closely on an explicit rectangle, and none is asked for before one", () => {
	const { time, refresh, take } = setUp();
	refresh.screenPainted({ width: 800, height: 600 });
	refresh.resize({ width: 900, height: 700 });
	time.advance(r.RESIZE_STABLE_MS - 50);
	refresh.miss([rect()]);
	time.advance(100);
	assert.deepEqual(take(), ["update 10x10+0+0"]);
	time.advance(r.RESIZE_STABLE_MS);
	assert.deepEqual(take(), ["cache-rebuild & geometry 900x700"]);
	time.advance(r.SHARPEN_AFTER_MS);
	assert.deepEqual(take(), [], "the picture before the resize is not made sharp");
});

test("close leaves no timer", () => {
	const { time, refresh } = setUp();
	refresh.resize({ width: 900, height: 700 });
	refresh.miss([rect()]);
	refresh.close();
	assert.equal(time.pending, 0);
});
