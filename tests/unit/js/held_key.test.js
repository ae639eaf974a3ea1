/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldKey, REPEAT_WAIT_MS } from "../../../www/js/stream/held_key.js";
import { FakeTime } from "./fake_time.js";

/** As keyboards do. */
const REPEAT_MS = 33;

/** A key that is held on a line whose relay takes what it is given after so long. @param {number} tookMs */
function hold(tookMs) {
	const time = new FakeTime();
	const line = {
		state: /** @type {import("../../../www/js/stream/connection.js").ConnectionState} */ (
			"open"
		),
		position: 41 /* of the press itself */,
		taken: 0,
		tookMs,
		hasTaken: (/** @type {number} */ position) =>
			line.state === "open" && line.taken >= position,
	};
	const key = new HeldKey({ connection: line, now: time.now });
	const take = (/** @type {number} */ position) =>
		time.setTimer(() => (line.taken = Math.max(line.taken, position)), line.tookMs);
	take(41);
	/** @param {number} ms @returns {number} repeats that went out */
	const run = (ms) => {
		let sent = 0;
		for (let passed = 0; passed < ms; passed += REPEAT_MS) {
			time.advance(REPEAT_MS);
			if (!key.mayRepeat()) continue;
			sent += 1;
			line.position += 41;
			take(line.position);
		}
		return sent;
	};
	return { line, run };
}

test("on a line that works a held key repeats as fast as the keyboard says", () => {
	for (const tookMs of [0, 100, 300]) {
		const { run } = hold(tookMs);
		assert.equal(run(100 * REPEAT_MS), 100, `${tookMs} ms`);
	}
});

test("on a line that is gone it does not repeat", () => {
	const { line, run } = hold(10);
	run(1000);
	line.state = "reconnecting";
	assert.equal(run(60_000), 0);
	line.state = "open";
	assert.ok(run(1000) > 25);
});

test("on a line that has died without a word it stops soon, and goes on when what was sent is taken", () => {
	const { line, run } = hold(10);
	run(1000);
	line.tookMs = 1e9;
	const sent = run(30_000);
	assert.ok(sent <= REPEAT_WAIT_MS / REPEAT_MS + 2, `${sent} repeats`);
	assert.equal(run(30_000), 0);
	line.tookMs = 10;
	line.taken = line.position;
	assert.ok(run(1000) > 25);
});
