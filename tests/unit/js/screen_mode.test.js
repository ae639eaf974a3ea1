/* SPDX-License-Identifier: ISC */
/* The size that is asked for and how it is shown: the user's choice, the display, the session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FIXED_SIZES, ScreenMode } from "../../../www/js/screen_mode.js";

/** @param {Record<string, string>} [kept] */
function store(kept = {}) {
	const entries = new Map(Object.entries(kept));
	return {
		entries,
		getItem: (/** @type {string} */ key) => entries.get(key) ?? null,
		setItem: (/** @type {string} */ key, /** @type {string} */ value) =>
			void entries.set(key, value),
	};
}

function setUp({ ratio = 1, lasting = store(), passing = store() } = {}) {
	const display = { ratio };
	const mode = new ScreenMode({
		ratio: () => display.ratio,
		lasting: () => lasting,
		passing: () => passing,
	});
	return { mode, display, lasting, passing };
}

const BOX = { width: 1000, height: 600.5 };

test("by itself the screen is the window in the display's own pixels, and nothing is kept", () => {
	/** @type {[number, number, number, number][]} */
	const table = [
		[1, 1000, 600, 96],
		[1.25, 1250, 750, 120],
		[2, 2000, 1201, 192],
		[3, 1500, 900, 144],
		[0.5, 1000, 600, 96],
	];
	for (const [ratio, width, height, dpi] of table) {
		const { mode, lasting, passing } = setUp({ ratio });
		assert.equal(mode.beginNew(), dpi, `${ratio}`);
		assert.deepEqual(mode.desiredSize(BOX), { width, height });
		assert.equal(mode.placement, "shrink");
		if (ratio === 1) mode.remember("a-1");
		assert.equal(lasting.entries.size + passing.entries.size, 0);
	}
});

test("a fixed size, within the gateway's limits, stretched or pixel for pixel", () => {
	const { mode } = setUp({ ratio: 2 });
	mode.choose({ size: FIXED_SIZES[0] });
	assert.deepEqual(mode.desiredSize(BOX), { width: 1024, height: 768 });
	assert.equal(mode.placement, "fit");
	assert.equal(mode.beginNew(), 96);
	mode.choose({ fit: false });
	assert.equal(mode.placement, "actual");
	assert.equal(mode.beginNew(), 192);
	const limits = { width_min: 64, width_max: 800, height_min: 800, height_max: 900 };
	assert.deepEqual(mode.desiredSize(BOX, limits), { width: 800, height: 800 });
	mode.choose({ size: null });
	assert.equal(mode.placement, "shrink");
});

test("without the display's own pixels, CSS pixels at 96 dots per inch", () => {
	const { mode } = setUp({ ratio: 2 });
	mode.choose({ sharp: false });
	assert.equal(mode.beginNew(), 96);
	assert.deepEqual(mode.desiredSize(BOX), { width: 1000, height: 600 });
});

test("a session keeps its dots per inch: another display shows it otherwise", () => {
	const { mode, display, passing } = setUp({ ratio: 2 });
	mode.beginNew();
	mode.remember("fine");
	display.ratio = 1;
	assert.equal(mode.viewDensity, 2);
	mode.beginNew();
	mode.remember("plain");
	assert.equal(mode.viewDensity, 1);
	display.ratio = 2;
	assert.equal(mode.viewDensity, 1);
	mode.remember("plain");
	/* Later, in the same tab. */
	const later = setUp({ ratio: 2, passing }).mode;
	later.beginAgain("plain");
	assert.equal(later.viewDensity, 1);
	later.beginAgain("fine");
	assert.equal(later.viewDensity, 2);
	later.beginAgain("from elsewhere");
	assert.equal(later.viewDensity, 2);
});

test("only the last sessions are remembered", () => {
	const { mode, passing } = setUp({ ratio: 2 });
	for (let i = 0; i < 50; i++) mode.remember(`s-${i}`);
	const kept = Object.keys(JSON.parse(passing.entries.get("x2goweb.density") ?? ""));
	assert.deepEqual([kept.length, kept[0], kept[19]], [20, "s-30", "s-49"]);
});

test("the choice lasts, and tells when it changes", () => {
	const { mode, lasting } = setUp();
	let told = 0;
	mode.onChange = () => (told += 1);
	mode.choose({ size: { width: 1280, height: 800 }, fit: false });
	mode.choose({ sharp: false });
	assert.equal(told, 2);
	const { choice } = setUp({ lasting }).mode;
	assert.deepEqual(choice, { size: { width: 1280, height: 800 }, fit: false, sharp: false });
});

test("what is kept may be anything, or storage be denied", () => {
	const byItself = { size: null, fit: true, sharp: true };
	for (const kept of ["", "{", "null", "7", '"x"', "[]", '{"size":{"width":-1,"height":2}}'])
		assert.deepEqual(
			setUp({
				lasting: store({ "x2goweb.screen": kept }),
				passing: store({ "x2goweb.density": kept }),
			}).mode.choice,
			byItself,
			kept,
		);
	const denied = () => {
		throw new Error("denied");
	};
	const mode = new ScreenMode({ ratio: () => 2, lasting: denied, passing: denied });
	mode.choose({ sharp: false });
	mode.remember("a-1");
	assert.deepEqual(mode.choice, { ...byItself, sharp: false });
});
