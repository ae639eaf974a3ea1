/* SPDX-License-Identifier: ISC */
/* One agent's message of every kind that there is, right in every detail. */

import * as agent from "../../e2e/standin/messages.mjs";
import { drawPng, solidPng } from "../../e2e/standin/png.mjs";

/** @param {number} size */
const noise = (size) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 5)) & 0xff);

/** The head of a JPEG file of this size: enough for those who only ask for its size.
 * @param {number} width @param {number} height */
const jpeg = (width, height) =>
	Uint8Array.of(
		...[0xff, 0xd8, 0xff, 0xe0, 0, 4, 9, 9, 0xff, 0xc0, 0, 11, 8],
		...[height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0],
	);

/** @param {number} x @param {number} y @param {number} width @param {number} height */
const image = (x, y, width, height, data = jpeg(width, height)) => ({ x, y, width, height, data });
/** @param {number} source @param {number} sourceY @param {number} height */
const copy = (source, sourceY, height) => ({ source, sourceY, x: 0, y: 0, width: 32, height });

/** @type {Record<string, Buffer>} */
export const SEEDS = {
	"whole screen": agent.wholeScreen(640, 480, jpeg(640, 480)),
	"a part of the screen": agent.frame({
		...{ width: 40, height: 30, x: 5, y: 6 },
		regions: [image(5, 6, 40, 30, solidPng(40, 30, [1, 2, 3]))],
	}),
	"a frame to be kept": agent.frame({
		...{ width: 32, height: 24, x: -3, y: 40, crc: 0xfedcba98 },
		regions: [image(0, 0, 32, 24)],
	}),
	"a scrolled frame": agent.frame({
		...{ width: 32, height: 24, x: 7, y: 8, crc: 77 },
		regions: [image(0, 16, 32, 8), copy(0xfedcba98, 8, 16)],
	}),
	"a frame of nine regions": agent.frame({
		...{ width: 32, height: 24, crc: 78 },
		regions: [...[...Array(8).keys()].map((i) => image(4 * i, 20, 4, 4)), copy(77, 0, 20)],
	}),
	"a frame shown again": agent.frame({ width: 32, height: 24, x: 9, y: 9, crc: 77 }),
	"deleted frames": agent.deleted([1, 0xffffffff, 3]),
	"no deleted frames": agent.deleted([]),
	"a core cursor": agent.cursor({ serial: 7, width: 16, height: 16, data: noise(512) }),
	"a raw cursor": agent.cursor({
		...{ serial: 8, width: 5, height: 4, hotX: 1, hotY: 2 },
		data: noise(80),
	}),
	"a PNG cursor": agent.cursor({
		...{ serial: 9, width: 8, height: 6 },
		data: drawPng(8, 6, (x, y) => [x, y, 3, 128]),
	}),
	"a cursor shown again": agent.cursor({ serial: 7 }),
	"deleted cursors": agent.deletedCursors([9, 10]),
	"a clipboard notification": agent.selection({ size: 0 }),
	"a clipboard's first piece": agent.selection({
		size: 300,
		total: 900,
		last: false,
		data: noise(300),
	}),
	"a compressed piece": agent.selection({
		size: 500,
		compressed: 20,
		first: false,
		data: noise(20),
	}),
	"an end mark": agent.selection({ selection: 0, size: 0, first: false, total: 229 }),
	"an image in the clipboard": agent.selection({ mime: 2, size: 90, data: noise(90) }),
	"the agent's version": agent.version(8),
	"a demand for the clipboard": agent.header(6, (bytes) => bytes.writeUInt16LE(1, 4)),
	"a fresh start": agent.reinit(),
	windows: agent.windowUpdate(
		Buffer.concat([
			agent.windowRecord("a title", 33),
			Buffer.from([1, 0, 0, 0, 3]),
			agent.windowRecord(""),
		]),
	),
	"no windows": agent.windowUpdate(new Uint8Array(0)),
	"a sign of life": agent.header(9),
	"a goodbye": agent.header(10),
	"an offer of UDP": agent.header(12, (bytes) => bytes.fill(0xee, 4)),
	"no UDP": agent.header(13, (bytes) => bytes.fill(0xee, 4)),
};
