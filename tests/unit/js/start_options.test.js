/* SPDX-License-Identifier: ISC */
/* How sessions are to be opened: what is kept, and what of a store's content is believed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StartOptions } from "../../../www/js/start_options.js";

/** @param {string} [stored] */
function storeOf(stored = "") {
	const store = {
		stored,
		read: () => store.stored,
		write: (/** @type {string} */ value) => void (store.stored = value),
	};
	return store;
}

test("each server has its own; what is as usual is not kept", () => {
	const store = storeOf();
	const options = new StartOptions(store);
	options.use("a");
	assert.deepEqual(options.value, {});
	options.choose({ quality: 3, clipboard: "none" });
	options.use("b");
	assert.deepEqual(options.value, {});
	options.choose({ dpi: 120 });
	options.use("a");
	assert.deepEqual(options.value, { clipboard: "none", quality: 3 });
	options.choose({ clipboard: "both", quality: undefined });
	assert.deepEqual(options.value, {});
	assert.deepEqual(JSON.parse(store.stored), { b: { dpi: 120 } });
});

test("where nothing is to be remembered, nothing is read or written", () => {
	const store = storeOf('{"null":{"quality":1}}');
	const options = new StartOptions(store);
	options.use(null);
	assert.deepEqual(options.value, {});
	options.choose({ quality: 5 });
	assert.deepEqual(options.value, { quality: 5 });
	assert.equal(store.stored, '{"null":{"quality":1}}');
});

test("a store that holds anything at all", () => {
	for (const stored of [
		"",
		"{",
		"null",
		"[1]",
		'"x"',
		'{"a":null}',
		'{"a":7}',
		'{"a":{"quality":10,"dpi":1,"clipboard":"up"}}',
		'{"a":{"quality":"5","dpi":1e9,"clipboard":{}}}',
		'{"a":{"quality":2.5}}',
	]) {
		const options = new StartOptions(storeOf(stored));
		options.use("a");
		assert.deepEqual(options.value, {}, stored);
		options.use("toString");
		assert.deepEqual(options.value, {}, stored);
		options.choose({ quality: 1 });
	}
});

test("a server's name is only a name; the oldest of many go", () => {
	const store = storeOf();
	const options = new StartOptions(store);
	options.use("__proto__");
	options.choose({ quality: 9 });
	assert.equal(/** @type {any} */ ({}).quality, undefined);
	for (let i = 0; i < 30; i++) {
		options.use(`server ${i}`);
		options.choose({ quality: 1 });
	}
	const kept = Object.keys(JSON.parse(store.stored));
	assert.equal(kept.length, 20);
	assert.equal(kept.at(-1), "server 29");
});
