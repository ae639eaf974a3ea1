/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import {
	ASK_EVERY_MS,
	ASK_WAIT_MS,
	BLIP_MS,
	ReconnectFlow,
} from "../../../www/js/reconnect_flow.js";
import { RpcError } from "../../../www/js/rpc.js";
import { FakeTime } from "./fake_time.js";

/** @typedef {import("../../../www/js/types.js").SessionRow} SessionRow */

const real = { setTimeout, clearTimeout, now: performance.now };
/** @type {FakeTime} */ let time;

beforeEach(() => {
	time = new FakeTime();
	globalThis.setTimeout = /** @type {any} */ (time.setTimer);
	globalThis.clearTimeout = /** @type {any} */ (time.clearTimer);
	performance.now = time.now;
});
afterEach(() => {
	Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
	performance.now = real.now;
});

function setUp() {
	/** @type {string[]} */ const told = [];
	/** @type {{signal?: AbortSignal, answer: (rows: object[]) => void, fail: (code: string) => void}[]} */
	const calls = [];
	const flow = new ReconnectFlow({
		rpc: {
			sessions: (signal) =>
				new Promise((resolve, reject) =>
					calls.push({
						signal,
						answer: (rows) => resolve({ sessions: /** @type {SessionRow[]} */ (rows) }),
						fail: (code) => reject(new RpcError(code)),
					}),
				),
		},
		onLong: () => told.push("long"),
		onBack: () => told.push("back"),
		onGone: ({ code }) => told.push(code),
		onLoginOver: () => told.push("login over"),
	});
	return { flow, told, calls };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a blip is not worth a word, and nobody is asked about it", () => {
	const { flow, told, calls } = setUp();
	flow.lost("a");
	flow.missed();
	time.advance(BLIP_MS - 1);
	flow.back();
	time.advance(BLIP_MS);
	assert.deepEqual([told, calls.length], [[], 0]);
});

test("the gateway is asked now and then, and one call at a time hangs on a dead line", async () => {
	const { flow, told, calls } = setUp();
	flow.lost("a");
	time.advance(BLIP_MS);
	for (let passed = 0; passed < 2 * ASK_WAIT_MS; passed += 1000) {
		flow.missed();
		time.advance(1000);
	}
	assert.equal(calls.length, 2);
	assert.deepEqual(
		calls.map(({ signal }) => signal?.aborted),
		[true, false],
	);
	calls[1].fail("unreachable");
	await settled();
	flow.missed();
	assert.equal(calls.length, 3);
	flow.missed();
	time.advance(ASK_EVERY_MS);
	calls[2].answer([{ id: "a", status: "running", attached: true }]);
	await settled();
	flow.missed();
	assert.equal(calls.length, 4);
	flow.back();
	assert.equal(calls[3].signal?.aborted, true);
	calls[3].answer([]);
	await settled();
	assert.deepEqual(told, ["long", "back"]);
});

test("what became of it is told once", async () => {
	for (const [rows, word] of /** @type {[object[], string][]} */ ([
		[[], "ended"],
		[[{ id: "a", status: "suspended", attached: false }], "suspended_away"],
		[[{ id: "a", status: "running", attached: false }], "connection_lost"],
	])) {
		const { flow, told, calls } = setUp();
		flow.lost("a");
		time.advance(BLIP_MS);
		flow.missed();
		calls[0].answer(rows);
		await settled();
		assert.deepEqual(told, ["long", word]);
	}
});

test("a login that is over is told", async () => {
	const { flow, told, calls } = setUp();
	flow.lost("a");
	time.advance(BLIP_MS);
	flow.missed();
	calls[0].fail("not_logged_in");
	await settled();
	assert.deepEqual(told, ["long", "login over"]);
});
