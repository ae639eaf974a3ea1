/* SPDX-License-Identifier: ISC */
/* A page and its session's window, each with a stand-in for the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DetachedPage, DetachedWindow } from "../../../www/js/detach.js";
import { sessionRow } from "../../e2e/standin/gateway.mjs";

const ORIGIN = "https://gateway.example";
const WHAT = { login: "0123456789abcdef", row: sessionRow(), title: "IceWM" };

/** A window that others can speak to. */
class FakeWindow {
	closed = false;
	/** @type {FakeWindow | null} whose messages these are */
	from = null;
	/** @type {Set<(event: any) => void>} */
	listeners = new Set();
	/** @type {any[]} */
	got = [];

	listen = (/** @type {(event: any) => void} */ hear) => {
		this.listeners.add(hear);
		return () => this.listeners.delete(hear);
	};

	/** @param {any} data @param {string} target */
	postMessage(data, target) {
		assert.equal(target, ORIGIN);
		this.got.push(data);
		this.hear({ data, source: this.from, origin: ORIGIN });
	}

	/** @param {any} event */
	hear(event) {
		for (const listener of [...this.listeners]) listener(event);
	}
}

function setUp() {
	const page = new FakeWindow();
	const other = new FakeWindow();
	page.from = other;
	other.from = page;
	/** @type {string[]} */
	const seen = [];
	/** @type {Set<() => void>} */
	const timers = new Set();
	const mine = new DetachedWindow({
		...{ other: /** @type {any} */ (other), origin: ORIGIN, what: WHAT, listen: page.listen },
		setInterval: (run) => (timers.add(run), run),
		clearInterval: (run) => timers.delete(run),
		onTaken: () => seen.push("taken"),
		onLeft: (note) => seen.push(`left ${note}`),
		onClosed: (taken) => seen.push(`closed ${taken}`),
	});
	const load = () =>
		new DetachedPage({
			...{ opener: /** @type {any} */ (page), origin: ORIGIN, listen: other.listen },
			onTake: ({ login, row, title }) => seen.push(`take ${login} ${row.id} ${title}`),
			close: () => {
				seen.push("window closes");
				other.closed = true;
				other.listeners.clear();
			},
		});
	const pass = () => [...timers].forEach((run) => run());
	return { page, other, mine, seen, timers, load, pass };
}

const TAKEN = ["taken", `take ${WHAT.login} ${WHAT.row.id} IceWM`];

test("a window that is loaded gets the session, one that is reloaded gets it again", () => {
	const { seen, load, other } = setUp();
	load();
	assert.deepEqual(seen, TAKEN);
	other.listeners.clear();
	load();
	assert.deepEqual(seen, [...TAKEN, ...TAKEN]);
});

test("what was done in the window is told before it closes, and that it closed is no news", () => {
	const { seen, load, pass, page, timers } = setUp();
	load().left("Session suspended.");
	pass();
	assert.deepEqual(seen, [...TAKEN, "left Session suspended.", "window closes"]);
	assert.equal(page.listeners.size + timers.size, 0);
});

test("a window that is just closed is noticed, with or without the session", () => {
	for (const taken of [true, false]) {
		const { seen, load, pass, other, timers } = setUp();
		if (taken) load();
		seen.length = 0;
		pass();
		assert.deepEqual(seen, []);
		other.closed = true;
		pass();
		pass();
		assert.deepEqual(seen, [`closed ${taken}`]);
		assert.equal(timers.size, 0);
	}
});

test("given back: the window closes, and nothing comes of that", () => {
	const { seen, load, pass, mine } = setUp();
	load();
	seen.length = 0;
	mine.giveBack();
	pass();
	assert.deepEqual(seen, ["window closes"]);
});

test("a window that shows nothing yet is not told to close", () => {
	const { seen, mine, other } = setUp();
	mine.giveBack();
	assert.deepEqual([seen, other.got], [[], []]);
});

test("others are not heard: another origin, another window, words of another kind", () => {
	const { seen, page, other } = setUp();
	const data = { mark: "x2goweb-detached", type: "ready" };
	const foreign = [
		{ data, source: other, origin: "https://elsewhere.example" },
		{ data, source: {}, origin: ORIGIN },
		{ data: { type: "ready" }, source: other, origin: ORIGIN },
		{ data: null, source: other, origin: ORIGIN },
		{ data: { ...data, type: "take" }, source: other, origin: ORIGIN },
	];
	for (const event of foreign) page.hear(event);
	assert.deepEqual([seen, other.got], [[], []]);
	page.hear({ data, source: other, origin: ORIGIN });
	assert.deepEqual(seen, ["taken"]);
});

test("a window whose page has gone still closes", () => {
	const { seen, load, page } = setUp();
	const window = load();
	seen.length = 0;
	page.closed = true;
	window.left("");
	assert.deepEqual(seen, ["window closes"]);
});
