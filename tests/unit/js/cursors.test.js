/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CURSOR_BYTES_MAX, Cursors, CURSORS_MAX } from "../../../www/js/stream/cursors.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").CursorMessage} CursorMessage */

function setUp() {
	/** @type {any[]} */
	const posts = [];
	const cursors = new Cursors((message) => posts.push(message));
	return {
		cursors,
		posts,
		take: () => posts.splice(0).map(({ type, serial }) => `${type} ${serial}`),
	};
}

/** @param {number} serial @param {Partial<CursorMessage>} [fields] @returns {CursorMessage} */
const cursor = (serial, fields) => ({
	type: "cursor",
	serial,
	width: 8,
	height: 8,
	hotX: 0,
	hotY: 0,
	foreground: [],
	background: [],
	reuse: false,
	data: null,
	...fields,
});
const again = { reuse: true, width: 0, height: 0 };
/** @param {number} size */
const blob = (size) => /** @type {Blob} */ ({ size });

test("an image is sent once, then shown by its serial; an unknown one is the default", () => {
	const { cursors, take } = setUp();
	cursors.show(cursor(5), blob(100));
	cursors.show(cursor(5, again), null);
	cursors.show(cursor(6, again), null);
	assert.deepEqual(take(), ["cursor-image 5", "cursor 5", "cursor 5", "cursor null"]);
});

test("one that cannot be read is the default, also later", () => {
	const { cursors, take } = setUp();
	cursors.show(cursor(5), blob(100));
	cursors.show(cursor(5), null);
	cursors.show(cursor(5, again), null);
	assert.deepEqual(take().slice(2), ["cursor null", "cursor null"]);
});

test("deleted ones are the default when they are asked for again", () => {
	const { cursors, take } = setUp();
	cursors.show(cursor(5), blob(100));
	cursors.delete(Uint32Array.of(4, 5));
	cursors.show(cursor(5, again), null);
	assert.deepEqual(take().slice(2), ["cursor null"]);
});

test("the hot spot lies within the image", () => {
	const { cursors, posts } = setUp();
	cursors.show(cursor(5, { hotX: 60000, hotY: 8 }), blob(1));
	assert.deepEqual([posts[0].hotX, posts[0].hotY], [7, 7]);
});

test("the page's store is bounded in number and bytes, deleted ones included", () => {
	for (const [count, size] of [
		[CURSORS_MAX, 1],
		[8, CURSOR_BYTES_MAX / 8],
	]) {
		const { cursors, take } = setUp();
		for (let serial = 0; serial < count; serial++) {
			cursors.show(cursor(serial), blob(size));
			cursors.delete(Uint32Array.of(serial));
		}
		assert.ok(!take().some((post) => post.startsWith("cursors-dropped")));
		cursors.show(cursor(77777), blob(size));
		assert.deepEqual(take(), [
			"cursors-dropped undefined",
			"cursor-image 77777",
			"cursor 77777",
		]);
	}
});

test("while nobody looks nothing is shown; afterwards the latest, at once", () => {
	const { cursors, take } = setUp();
	cursors.show(cursor(5), blob(100));
	cursors.hold(true);
	take();
	for (let i = 0; i < 9; i++) cursors.show(cursor(5, again), null);
	cursors.show(cursor(6), blob(100));
	assert.deepEqual(take(), ["cursor-image 6"]);
	cursors.hold(false);
	assert.deepEqual(take(), ["cursor 6"]);
});
