// SPDX-License-Identifier: ISC
/**
 * What the client bench compares with: a painter in the manner of upstream's browser client. All of
 * it runs in the page. Each image region becomes an object URL and an <img>, one after another; each
 * cached frame is read back from the canvas and put from there. It checks nothing and repairs
 * nothing. Messages are read by our own parser, so that painting alone makes the difference.
 */
import { KEYCODES } from "../../../www/js/input/key_table.js";
import { KdriveReader } from "../../../www/js/stream/kdrive_read.js";
import { keyEvent } from "../../../www/js/stream/kdrive_send.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").Message} Message */
/** @typedef {import("../../../www/js/stream/kdrive_read.js").FrameMessage} FrameMessage */

const JPEG_FIRST_BYTE = 0xff;

const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
/** @type {Map<number, ImageData>} */
const cache = new Map();
/** @type {Message[]} */
const waiting = [];
let busy = false;

/** @param {Uint8Array<ArrayBuffer>} data @param {number} x @param {number} y */
async function drawImage(data, x, y) {
	const type = data[0] === JPEG_FIRST_BYTE ? "image/jpeg" : "image/png";
	const url = URL.createObjectURL(new Blob([data], { type }));
	const image = new Image();
	await new Promise((resolve, reject) => {
		image.onload = resolve;
		image.onerror = reject;
		image.src = url;
	});
	context.drawImage(image, x, y);
	URL.revokeObjectURL(url);
}

/** @param {FrameMessage} frame */
async function draw(frame) {
	const { crc, width, height, regions } = frame;
	const whole = crc === 0 && frame.x === -1;
	if (whole && (canvas.width !== width || canvas.height !== height))
		Object.assign(canvas, { width, height });
	const [left, top] = crc === 0 ? [0, 0] : [frame.x, frame.y];
	for (const region of regions) {
		const x = left + region.x;
		const y = top + region.y;
		if (region.data) {
			await drawImage(region.data, x, y);
			continue;
		}
		const { sourceX, sourceY } = region;
		const source = cache.get(region.source);
		if (!source) throw new Error("a copy of nothing");
		context.putImageData(
			source,
			...[x - sourceX, y - sourceY, sourceX, sourceY],
			...[region.width, region.height],
		);
	}
	if (crc === 0) return;
	if (regions.length > 0) {
		cache.set(crc, context.getImageData(left, top, width, height));
		return;
	}
	const cached = cache.get(crc);
	if (!cached) throw new Error("a frame that was never sent");
	context.putImageData(cached, left, top);
}

async function work() {
	busy = true;
	for (let message; (message = waiting.shift());) {
		if (message.type === "frame") await draw(message);
		else if (message.type === "deleted") message.ids.forEach((crc) => cache.delete(crc));
		else if (message.type === "reinit") cache.clear();
		else if (message.type === "cursor") /** @type {any} */ (window).bench.heard(message.serial);
	}
	busy = false;
}

/** Called by the bench. @param {string} path */
export function connect(path) {
	const address = new URL(path, location.href.replace("http", "ws"));
	address.search = "?hello.1.-.0.reference.1.shown";
	const socket = new WebSocket(address, "x2goweb.v1");
	socket.binaryType = "arraybuffer";
	const reader = new KdriveReader((message) => {
		waiting.push(message);
		if (!busy) void work();
	});
	/* The relay's rules, which cost next to nothing: hello in the address, and how far it has come. */
	let received = 0;
	socket.onmessage = ({ data }) => {
		if (!(data instanceof ArrayBuffer)) return;
		reader.push(new Uint8Array(data));
		received += data.byteLength;
		socket.send(`ack ${received} ${received}`);
	};
	document.addEventListener("keydown", (event) => {
		event.preventDefault();
		const keycode = /** @type {Record<string, number>} */ (KEYCODES)[event.code];
		socket.send(keyEvent(true, keycode, 0));
	});
}

Object.assign(window, { connect });
