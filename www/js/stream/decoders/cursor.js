/* SPDX-License-Identifier: ISC */
/*
 * The three kinds of pointer shapes that an agent sends, told apart by their content alone:
 * PNG and raw BGRA, both with premultiplied colours, and two-colour core cursors.
 */

import { isPng } from "./image.js";
import { decodePngRgba } from "./png_rgba.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../kdrive_read.js").CursorMessage} CursorMessage */
/** @typedef {Uint8ClampedArray<ArrayBuffer>} Rgba width*height*4, colours not premultiplied */

/**
 * @param {CursorMessage} cursor
 * @returns {Promise<Rgba | null>} null: the shape cannot be read; never rejects
 */
export async function decodeCursor(cursor) {
	const { data, width, height } = cursor;
	if (!data) return null;
	try {
		if (isPng(data)) return unpremultiply(await decodePngRgba(data, width, height));
	} catch {
		return null;
	}
	if (data.length === width * height * 4) return unpremultiply(swapRedAndBlue(data));
	if (data.length === width * height * 2) return decodeCore(cursor, data);
	return null;
}

/** @param {Bytes} pixels R,G,B,A, premultiplied @returns {Rgba} */
function unpremultiply(pixels) {
	const out = new Uint8ClampedArray(pixels.length);
	for (let at = 0; at < pixels.length; at += 4) {
		const alpha = pixels[at + 3];
		if (alpha === 0) continue;
		for (let i = 0; i < 3; i++) out[at + i] = (pixels[at + i] * 255) / alpha;
		out[at + 3] = alpha;
	}
	return out;
}

/** @param {Bytes} bgra @returns {Bytes} */
function swapRedAndBlue(bgra) {
	const rgba = bgra.slice();
	for (let at = 0; at < rgba.length; at += 4) {
		rgba[at] = bgra[at + 2];
		rgba[at + 2] = bgra[at];
	}
	return rgba;
}

/**
 * Two halves, each beginning with a bitmap (source, then mask) of rows padded to 32 bits, lowest
 * bit leftmost. What a half holds beyond its bitmap is noise; what a bitmap lacks counts as 0.
 * @param {CursorMessage} cursor @param {Bytes} data @returns {Rgba}
 */
function decodeCore({ width, height, foreground, background }, data) {
	const half = width * height;
	const stride = 4 * Math.ceil(width / 32);
	/* Beyond the end of the data is nothing, which shifts to 0. */
	const bit = (/** @type {number} */ base, /** @type {number} */ x, /** @type {number} */ y) =>
		(data[base + y * stride + (x >> 3)] >> (x & 7)) & 1;
	const out = new Uint8ClampedArray(half * 4);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			if (!bit(half, x, y)) continue;
			const colour = bit(0, x, y) ? foreground : background;
			out.set([...colour, 255], (y * width + x) * 4);
		}
	}
	return out;
}
