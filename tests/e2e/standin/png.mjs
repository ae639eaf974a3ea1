/* SPDX-License-Identifier: ISC */
/* Writes PNG files of exact pixels, as an agent would, for tests. */

import { deflateSync, gzipSync } from "node:zlib";

const MAGIC = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOUR_RGB = 2;
const COLOUR_RGBA = 6;

/** @param {string} type @param {Uint8Array} data */
function chunk(type, data) {
	const bytes = Buffer.alloc(12 + data.length);
	bytes.writeUInt32BE(data.length, 0);
	bytes.write(type, 4, "latin1");
	bytes.set(data, 8);
	bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
	return bytes;
}

/** A gzip file ends with it (RFC 1952); Node.js 18 has no other door to zlib's own.
 * @param {Uint8Array} bytes */
function crc32(bytes) {
	const file = gzipSync(bytes, { level: 0 });
	return file.readUInt32LE(file.length - 8);
}

/**
 * @param {number} width @param {number} height
 * @param {Uint8Array} pixels 3 or 4 bytes each
 * @param {(row: Uint8Array, previous: Uint8Array, y: number, size: number) => Uint8Array} [filterRow]
 * gives a row with its filter byte in front
 */
export function encodePng(width, height, pixels, filterRow = plainRow) {
	const size = pixels.length / (width * height);
	const stride = width * size;
	const rows = [];
	for (let y = 0; y < height; y++) {
		const row = pixels.subarray(y * stride, (y + 1) * stride);
		const previous =
			y > 0 ? pixels.subarray((y - 1) * stride, y * stride) : new Uint8Array(stride);
		rows.push(filterRow(row, previous, y, size));
	}
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	head.set([8, size === 4 ? COLOUR_RGBA : COLOUR_RGB], 8);
	return Buffer.concat([
		MAGIC,
		chunk("IHDR", head),
		chunk("IDAT", deflateSync(Buffer.concat(rows))),
		chunk("IEND", Buffer.alloc(0)),
	]);
}

/** @param {Uint8Array} row */
function plainRow(row) {
	return Buffer.concat([Buffer.from([0]), row]);
}

/** An image computed for each pixel. @param {number} width @param {number} height
 * @param {(x: number, y: number) => number[]} colourAt 3 or 4 bytes */
export function drawPng(width, height, colourAt) {
	const size = colourAt(0, 0).length;
	const pixels = new Uint8Array(width * height * size);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) pixels.set(colourAt(x, y), (y * width + x) * size);
	return encodePng(width, height, pixels);
}

/** One colour all over. @param {number} width @param {number} height @param {number[]} colour */
export function solidPng(width, height, colour) {
	return drawPng(width, height, () => colour);
}
