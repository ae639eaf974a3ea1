/* SPDX-License-Identifier: ISC */
/*
 * Decodes the one kind of PNG that the agent sends as a cursor: 8-bit RGBA, not interlaced. The
 * browser's own decoder will not do: these files hold premultiplied colours, and what a canvas
 * gives back of those has lost its faint pixels.
 */

import { isPng } from "./image.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const CHUNK_IHDR = 0x49484452;
const CHUNK_IDAT = 0x49444154;
const BYTES_PER_PIXEL = 4;

/**
 * @param {Bytes} png @param {number} width @param {number} height its size must be this
 * @returns {Promise<Bytes>} width*height*4 bytes R,G,B,A as stored; rejects if it is anything else
 */
export async function decodePngRgba(png, width, height) {
	const rows = await inflate(collectData(png, width, height), height * (1 + width * 4));
	return unfilter(rows, width, height);
}

/** @param {Bytes} png @param {number} width @param {number} height @returns {Bytes[]} */
function collectData(png, width, height) {
	if (!isPng(png)) throw new Error("no PNG");
	const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
	const data = [];
	for (let at = 8; at + 12 <= png.length;) {
		const length = view.getUint32(at);
		const type = view.getUint32(at + 4);
		if (length > png.length - at - 12) throw new Error("PNG cut short");
		if (type === CHUNK_IHDR) {
			const known =
				length === 13 &&
				view.getUint32(at + 8) === width &&
				view.getUint32(at + 12) === height &&
				view.getUint32(at + 16) === 0x08060000 /* 8 bit, RGBA, deflate, filter 0 */ &&
				png[at + 20] === 0; /* not interlaced */
			if (!known) throw new Error("PNG of an unexpected kind");
		} else if (type === CHUNK_IDAT) {
			data.push(png.subarray(at + 8, at + 8 + length));
		}
		at += 12 + length;
	}
	return data;
}

/** @param {Bytes[]} data @param {number} size what must come out, no byte more */
async function inflate(data, size) {
	const stream = new Blob(data).stream().pipeThrough(new DecompressionStream("deflate"));
	const out = new Uint8Array(size);
	let done = 0;
	const reader = stream.getReader();
	for (let part; !(part = await reader.read()).done; done += part.value.length) {
		if (done + part.value.length > size) {
			await reader.cancel();
			throw new Error("PNG with too much data");
		}
		out.set(part.value, done);
	}
	if (done !== size) throw new Error("PNG with too little data");
	return out;
}

/** PNG specification, section 9. @param {Bytes} rows @param {number} width @param {number} height */
function unfilter(rows, width, height) {
	const stride = width * BYTES_PER_PIXEL;
	const out = new Uint8Array(stride * height);
	for (let y = 0; y < height; y++) {
		const filter = rows[y * (stride + 1)];
		const from = y * (stride + 1) + 1;
		const to = y * stride;
		for (let x = 0; x < stride; x++) {
			const left = x >= BYTES_PER_PIXEL ? out[to + x - BYTES_PER_PIXEL] : 0;
			const up = y > 0 ? out[to + x - stride] : 0;
			const corner =
				x >= BYTES_PER_PIXEL && y > 0 ? out[to + x - stride - BYTES_PER_PIXEL] : 0;
			out[to + x] = rows[from + x] + predict(filter, left, up, corner);
		}
	}
	return out;
}

/** @param {number} filter @param {number} left @param {number} up @param {number} corner */
function predict(filter, left, up, corner) {
	switch (filter) {
		case 0:
			return 0;
		case 1:
			return left;
		case 2:
			return up;
		case 3:
			return (left + up) >> 1;
		case 4:
			return paeth(left, up, corner);
		default:
			throw new Error("PNG with an unknown filter");
	}
}

/** @param {number} left @param {number} up @param {number} corner */
function paeth(left, up, corner) {
	const toLeft = Math.abs(up - corner);
	const toUp = Math.abs(left - corner);
	const toCorner = Math.abs(left + up - 2 * corner);
	if (toLeft <= toUp && toLeft <= toCorner) return left;
	return toUp <= toCorner ? up : corner;
}
