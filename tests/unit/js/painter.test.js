/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameCache } from "../../../www/js/stream/frame_cache.js";
import { ScreenDraws } from "../../../www/js/stream/screen_draws.js";
import { Painter } from "../../../www/js/stream/painter.js";
import { fakeContext, FakePicture } from "./fake_canvas.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").FrameMessage} FrameMessage */
/** @typedef {import("../../../www/js/stream/kdrive_read.js").Region} Region */

const WIDTH = 20;
const HEIGHT = 10;

function setUp() {
	const picture = new FakePicture(WIDTH, HEIGHT);
	const screen = {
		context: fakeContext(picture),
		width: WIDTH,
		height: HEIGHT,
		resize(/** @type {number} */ width, /** @type {number} */ height) {
			Object.assign(this, { width, height });
			Object.assign(picture, new FakePicture(width, height));
		},
	};
	/** @type {FakePicture[]} */
	const surfaces = [];
	const createSurface = (/** @type {number} */ width, /** @type {number} */ height) => {
		const surface = new FakePicture(width, height);
		surfaces.push(surface);
		return { context: fakeContext(surface), finish: () => surface };
	};
	/** @type {(() => void)[]} */
	const flushes = [];
	const flush = () => flushes.splice(0).forEach((run) => run());
	const draws = new ScreenDraws(/** @type {any} the pictures are fakes */ (screen), (run) =>
		flushes.push(run),
	);
	const cache = new FrameCache((image) => draws.retire(image));
	const painter = new Painter(/** @type {any} */ ({ screen: draws, createSurface, cache }));
	return {
		picture,
		surfaces,
		cache,
		flush,
		paint: (
			/** @type {FrameMessage} */ frame,
			/** @type {(FakePicture | null)[]} */ pictures,
		) => {
			const missing = painter.paint(frame, /** @type {any} */ (pictures));
			flush();
			return missing;
		},
	};
}

/** @param {Partial<FrameMessage>} fields @returns {FrameMessage} */
function frame(fields) {
	const base = { width: 4, height: 4, x: 0, y: 0, crc: 0, window: 0, regions: [] };
	return { type: "frame", ...base, ...fields };
}

/** @param {Partial<Region>} fields @returns {Region} */
function region(fields) {
	const base = { source: 0, sourceX: 0, sourceY: 0, x: 0, y: 0, width: 4, height: 4 };
	return { ...base, data: null, ...fields };
}

test("an image over a whole frame is drawn, kept, and shown again elsewhere", () => {
	const { picture, cache, flush, surfaces, paint } = setUp();
	const image = new FakePicture(4, 4, 7);
	assert.deepEqual(paint(frame({ crc: 9, x: 2, y: 1, regions: [region({})] }), [image]), []);
	assert.deepEqual([picture.at(1, 1), picture.at(2, 1), picture.at(5, 4)], [0, 7, 7]);
	assert.equal(surfaces.length, 0, "nothing was composed needlessly");
	assert.deepEqual(paint(frame({ crc: 9, x: 10, y: 5 }), []), []);
	assert.equal(picture.at(13, 8), 7);
	assert.equal(cache.size, 1);
	cache.delete(9);
	flush();
	assert.ok(image.closed);
});

test("a copied region comes from the source as it was composed, not from the screen", () => {
	const { picture, paint } = setUp();
	const striped = new FakePicture(4, 4);
	striped.pixels = striped.pixels.map((_, i) => 10 + Math.floor(i / 4));
	paint(frame({ crc: 1, regions: [region({})] }), [striped]);
	paint(frame({ regions: [region({})] }), [new FakePicture(4, 4, 99)]);
	const scrolled = [
		region({ y: 3, height: 1 }),
		region({ source: 1, sourceY: 1, height: 3, y: 0 }),
	];
	const fresh = new FakePicture(4, 1, 50);
	assert.deepEqual(paint(frame({ crc: 2, x: 8, y: 2, regions: scrolled }), [fresh, null]), []);
	assert.deepEqual(
		[2, 3, 4, 5].map((y) => picture.at(8, y)),
		[11, 12, 13, 50],
	);
	assert.ok(fresh.closed, "a composed frame needs its parts no more");
});

test("main images are drawn at absolute positions and closed", () => {
	const { picture, cache, paint } = setUp();
	const image = new FakePicture(4, 4, 3);
	paint(frame({ x: 100, y: 100, regions: [region({ x: 16, y: 6 })] }), [image]);
	assert.equal(picture.at(19, 9), 3);
	assert.equal(cache.size, 0);
	assert.ok(image.closed);
});

test("a whole-screen frame sets the size", () => {
	const { picture, paint } = setUp();
	const whole = frame({ width: 6, height: 5, x: -1, y: -1 });
	whole.regions = [region({ width: 6, height: 5 })];
	paint(whole, [new FakePicture(6, 5, 4)]);
	assert.deepEqual([picture.width, picture.height, picture.at(5, 4)], [6, 5, 4]);
});

/** What is missing must be asked for: the frame's rectangle, clipped to the screen. */
test("a frame that is not in the cache is missing", () => {
	const { paint } = setUp();
	assert.deepEqual(paint(frame({ crc: 5, x: 18, y: -2 }), []), [
		{ x: 18, y: 0, width: 2, height: 2 },
	]);
	assert.deepEqual(paint(frame({ crc: 5, x: 30, y: 0 }), []), [], "outside the screen");
});

test("what there is of an incomplete frame is shown; neither it nor an older one is kept", () => {
	const { cache, picture, surfaces, paint } = setUp();
	const parts = [region({ height: 2 }), region({ source: 77, y: 2, height: 2 })];
	paint(frame({ crc: 6, regions: [region({})] }), [new FakePicture(4, 4, 1)]);
	const part = new FakePicture(4, 2, 2);
	const missing = paint(frame({ crc: 6, x: 3, y: 4, regions: parts }), [part, null]);
	assert.deepEqual(
		missing.map(({ x, y, width, height }) => [x, y, width, height]),
		[[3, 4, 4, 4]],
	);
	assert.deepEqual([picture.at(3, 4), picture.at(6, 5), picture.at(3, 6)], [2, 2, 0]);
	assert.equal(cache.get(6), undefined);
	assert.ok(part.closed);
	assert.equal(surfaces.length, 0);
});

test("a main image without regions is missing, and says nothing of the screen's size", () => {
	const { picture, paint } = setUp();
	assert.deepEqual(paint(frame({ x: 1, y: 2 }), []).length, 1);
	assert.equal(paint(frame({ width: 300, height: 300, x: -1, y: -1 }), []).length, 1);
	assert.deepEqual([picture.width, picture.height], [WIDTH, HEIGHT]);
});

test("an image that could not be decoded is missing", () => {
	const { cache, paint } = setUp();
	assert.equal(paint(frame({ crc: 8, regions: [region({})] }), [null]).length, 1);
	assert.equal(cache.size, 0);
	const [missing] = paint(frame({ regions: [region({ x: 3, y: 3 })] }), [null]);
	assert.deepEqual([missing.x, missing.y], [3, 3]);
});

test("a copy that reaches out of its source is drawn as far as it goes, and is missing", () => {
	const { picture, paint } = setUp();
	paint(frame({ crc: 1, regions: [region({})] }), [new FakePicture(4, 4, 5)]);
	const reaching = region({ source: 1, sourceX: 2, sourceY: -1, x: 10, y: 4 });
	assert.equal(paint(frame({ regions: [reaching] }), [null]).length, 1);
	assert.deepEqual(
		[picture.at(10, 4), picture.at(10, 5), picture.at(11, 7), picture.at(12, 5)],
		[0, 5, 5, 0],
	);
});

test("the cache keeps to its budget, oldest use first, and closes what goes", () => {
	const cache = new FrameCache((image) => image.close?.(), 3 * 16 * 4);
	const pictures = [1, 2, 3, 4].map((value) => new FakePicture(4, 4, value));
	const put = (/** @type {number} */ crc) =>
		cache.put(crc, { image: /** @type {any} */ (pictures[crc - 1]), width: 4, height: 4 });
	[1, 2, 3].forEach(put);
	cache.get(1);
	put(4);
	assert.deepEqual(
		pictures.map(({ closed }) => closed),
		[false, true, false, false],
	);
	assert.equal(cache.bytes, 3 * 16 * 4);
	cache.clear();
	assert.ok(pictures.every(({ closed }) => closed));
	assert.equal(cache.bytes, 0);
});
