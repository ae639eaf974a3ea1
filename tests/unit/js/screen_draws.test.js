/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ScreenDraws } from "../../../www/js/stream/screen_draws.js";

function setUp() {
	/** @type {string[]} */
	const log = [];
	const screen = {
		width: 100,
		height: 80,
		context: {
			drawImage: (/** @type {any[]} */ ...args) =>
				log.push(`${args[0].name} at ${args[5]},${args[6]}`),
		},
		resize: (/** @type {number} */ width, /** @type {number} */ height) => {
			Object.assign(screen, { width, height });
			log.push(`resize ${width}x${height}`);
		},
	};
	/** @type {(() => void)[]} */
	const flushes = [];
	const draws = new ScreenDraws(/** @type {any} */ (screen), (flush) => flushes.push(flush));
	const picture = (/** @type {string} */ name) =>
		/** @type {any} */ ({ name, close: () => log.push(`closed ${name}`) });
	return {
		draws,
		picture,
		add: (/** @type {string} */ name, x = 0, y = 0, width = 10, height = 10) =>
			draws.add(picture(name), { x: 3, y: 4, width, height }, x, y),
		flushes,
		flush: () => flushes.splice(0).forEach((run) => run()),
		take: () => log.splice(0),
	};
}

test("nothing is drawn before the flush, then all in order, once", () => {
	const { add, flush, flushes, take } = setUp();
	add("a", 0, 0);
	add("b", 5, 5);
	add("c", 9, 0);
	assert.deepEqual(take(), []);
	assert.equal(flushes.length, 1);
	flush();
	flush();
	assert.deepEqual(take(), ["a at 0,0", "b at 5,5", "c at 9,0"]);
});

test("what a single later draw hides altogether is left out", () => {
	const { add, flush, take } = setUp();
	add("hidden", 10, 10);
	add("same place", 20, 20);
	add("sticks out", 11, 10);
	add("hides", 5, 5, 15, 15);
	add("on top", 6, 6, 2, 2);
	add("same place again", 20, 20);
	flush();
	assert.deepEqual(
		take().map((line) => line.replace(/ at .*/, "")),
		["sticks out", "hides", "on top", "same place again"],
	);
});

test("a picture is closed when no draw needs it any more", () => {
	const { draws, picture, flush, take } = setUp();
	const one = picture("one");
	draws.add(one, { x: 0, y: 0, width: 1, height: 1 }, 0, 0);
	draws.retire(one);
	draws.retire(null);
	draws.retire(/** @type {any} a canvas has nothing to close */ ({}));
	assert.deepEqual(take(), []);
	flush();
	flush();
	assert.deepEqual(take(), ["one at 0,0", "closed one"]);
});

test("a new size clears the screen, the same size does not", () => {
	const { draws, add, flush, take } = setUp();
	add("before");
	draws.resize(100, 80);
	add("after", 50, 50);
	flush();
	assert.deepEqual(take(), ["before at 0,0", "after at 50,50"]);
	add("lost");
	draws.resize(200, 80);
	add("new", 1, 1);
	flush();
	assert.deepEqual(take(), ["resize 200x80", "new at 1,1"]);
	assert.deepEqual([draws.width, draws.height], [200, 80]);
});
