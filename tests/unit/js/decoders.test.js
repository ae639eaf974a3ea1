/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCursor } from "../../../www/js/stream/decoders/cursor.js";
import { readImageHeader } from "../../../www/js/stream/decoders/image.js";
import { decodePngRgba } from "../../../www/js/stream/decoders/png_rgba.js";
import { drawPng, encodePng, solidPng } from "../../e2e/standin/png.mjs";

/** @param {Uint8Array} bytes with a buffer of its own, as from a socket */
const own = (bytes) => Uint8Array.from(bytes);

/** @param {number} width @param {number} height @param {Uint8Array} data @param {object} [more] */
function cursor(width, height, data, more) {
	const base = {
		serial: 1,
		hotX: 0,
		hotY: 0,
		foreground: [1, 2, 3],
		background: [250, 240, 230],
	};
	return decodeCursor({
		type: "cursor",
		width,
		height,
		reuse: false,
		data: own(data),
		...base,
		...more,
	});
}

test("a core cursor: rows padded to 32 bits, lowest bit leftmost, mask in the second half", async () => {
	const [width, height] = [17, 3];
	const half = width * height;
	const data = new Uint8Array(half * 2).fill(0xaa); /* noise, as an agent leaves it */
	const stride = 4;
	data.fill(0, 0, stride * height);
	data.fill(0, half, half + stride * height);
	data[0] = 0b01; /* source: (0,0) */
	data[half] = 0b11; /* mask: (0,0) and (1,0) */
	data[half + stride + 2] = 0b1; /* mask: (16,1) */
	const rgba = await cursor(width, height, data);
	assert.ok(rgba);
	const at = (/** @type {number} */ x, /** @type {number} */ y) => [
		...rgba.subarray((y * width + x) * 4, (y * width + x) * 4 + 4),
	];
	assert.deepEqual(at(0, 0), [1, 2, 3, 255]);
	assert.deepEqual(at(1, 0), [250, 240, 230, 255]);
	assert.deepEqual(at(16, 1), [250, 240, 230, 255]);
	const shown = rgba.filter((value, i) => i % 4 === 3 && value > 0).length;
	assert.equal(shown, 3, "everything else is transparent");
});

test("a core cursor narrower than its rows: missing bytes are 0", async () => {
	/* 2x3: a half is 6 bytes, its rows of 4 would take 12: only the first and half the second. */
	const data = Uint8Array.of(1, 0, 0, 0, 1, 0, 3, 0, 0, 0, 3, 0);
	const rgba = await cursor(2, 3, data);
	const alphas = rgba?.filter((_, i) => i % 4 === 3);
	assert.deepEqual([...(alphas ?? [])], [255, 255, 255, 255, 0, 0]);
});

test("raw cursors: B,G,R,A, premultiplied", async () => {
	const data = Uint8Array.of(0, 64, 128, 128, 10, 20, 30, 255, 9, 9, 9, 0, 200, 0, 0, 100);
	const rgba = await cursor(2, 2, data);
	assert.deepEqual(
		[...(rgba ?? [])],
		[255, 128, 0, 128, 30, 20, 10, 255, 0, 0, 0, 0, 0, 0, 255, 100],
	);
});

test("PNG cursors: colours are divided by alpha, faint ones too", async () => {
	const png = drawPng(
		3,
		1,
		(x) =>
			[
				[64, 32, 0, 128],
				[3, 0, 1, 4],
				[7, 8, 9, 255],
			][x],
	);
	const rgba = await cursor(3, 1, png);
	assert.deepEqual([...(rgba ?? [])], [128, 64, 0, 128, 191, 0, 64, 4, 7, 8, 9, 255]);
});

test("content decides the format, PNG first", async () => {
	/* A PNG of exactly as many bytes as a raw cursor of that size would have. */
	const plain = solidPng(4, 4, [255, 0, 0, 255]);
	const side = Math.ceil(Math.sqrt(plain.length / 4));
	const png = solidPng(side, side, [255, 0, 0, 255]);
	const padded = new Uint8Array(side * side * 4);
	assert.ok(png.length <= padded.length);
	padded.set(png);
	const rgba = await cursor(side, side, padded);
	assert.deepEqual([...(rgba ?? [])].slice(0, 4), [255, 0, 0, 255]);
});

test("cursors that make no sense give null, and never an exception", async () => {
	const png = solidPng(4, 4, [1, 2, 3, 255]);
	assert.equal(await cursor(4, 4, new Uint8Array(17)), null);
	assert.equal(await cursor(5, 4, png), null, "another size than announced");
	assert.equal(await cursor(4, 4, solidPng(4, 4, [1, 2, 3])), null, "no alpha");
	assert.equal(await cursor(4, 4, new Uint8Array(0), { data: null }), null);
	for (let cut = 8; cut < png.length - 12; cut += 3)
		assert.equal(await cursor(4, 4, png.subarray(0, cut)), null, `cut at ${cut}`);
});

/** The five filters of PNG, applied by the specification. */
test("all PNG filters", async () => {
	const [width, height, size] = [7, 10, 4];
	const pixels = Uint8Array.from(
		{ length: width * height * size },
		(_, i) => (i * 73 + 11 * (i >> 4)) & 255,
	);
	const png = encodePng(width, height, pixels, (row, previous, y) => {
		const filter = y % 5;
		const out = new Uint8Array(row.length + 1);
		out[0] = filter;
		row.forEach((value, x) => {
			const a = x >= size ? row[x - size] : 0;
			const b = previous[x];
			const c = x >= size ? previous[x - size] : 0;
			const p = a + b - c;
			const nearest = [a, b, c].reduce((best, one) =>
				Math.abs(p - one) < Math.abs(p - best) ? one : best,
			);
			out[x + 1] = value - [0, a, b, Math.floor((a + b) / 2), nearest][filter];
		});
		return out;
	});
	assert.deepEqual(await decodePngRgba(own(png), width, height), pixels);
});

test("a PNG that inflates to more than its size is refused", async () => {
	const bomb = encodePng(
		4,
		4,
		new Uint8Array(64),
		(row) => new Uint8Array(row.length + 1 + 50_000),
	);
	await assert.rejects(decodePngRgba(own(bomb), 4, 4), /too much/);
});

test("image headers", () => {
	const jpeg = (/** @type {number[]} */ ...segments) => Uint8Array.of(0xff, 0xd8, ...segments);
	const app = [0xff, 0xe0, 0, 4, 9, 9];
	const tables = [0xff, 0xdb, 0, 3, 9, 0xff, 0xc4, 0, 3, 9];
	const frame = [0xff, 0xc0, 0, 11, 8, 0x01, 0x02, 0x03, 0x04, 1, 1, 0x11, 0];
	/** @type {[string, Uint8Array<ArrayBuffer>, object | null][]} */
	const table = [
		["png", own(solidPng(33, 7, [1, 2, 3])), { type: "image/png", width: 33, height: 7 }],
		[
			"jpeg",
			jpeg(...app, ...tables, ...frame),
			{ type: "image/jpeg", width: 0x304, height: 0x102 },
		],
		[
			"fill bytes",
			jpeg(0xff, 0xff, ...frame),
			{ type: "image/jpeg", width: 0x304, height: 0x102 },
		],
		[
			"progressive",
			jpeg(0xff, 0xc2, ...frame.slice(2)),
			{ type: "image/jpeg", width: 0x304, height: 0x102 },
		],
		["cut png", own(solidPng(33, 7, [1, 2, 3]).subarray(0, 20)), null],
		["cut jpeg", jpeg(...app, 0xff, 0xc0, 0, 11), null],
		["jpeg without a frame", jpeg(...app, ...tables), null],
		["jpeg with a loop", jpeg(0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0), null],
		["gif", own(Buffer.from("GIF89a0123456789")), null],
		["nothing", new Uint8Array(0), null],
	];
	for (const [name, bytes, header] of table)
		assert.deepEqual(readImageHeader(bytes), header, name);
});
