/* SPDX-License-Identifier: ISC */
/*
 * What is in a selection, as bytes for the wire and as content for the page: text, and pictures,
 * which are PNG on our side whatever the server's program offers. Runs in the engine.
 */

import { isPng, readImageHeader } from "./decoders/image.js";
import { FRAME_PIXELS_MAX, MIME_IMAGE, MIME_TEXT } from "./kdrive_numbers.js";
import { encodeBitmap, readPixels } from "./surfaces.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").ClipboardContent} ClipboardContent */
/** @typedef {{mime: number, bytes: Bytes}} SelectionData */

const LATIN1_SLICE = 32 * 1024;

/**
 * @param {ClipboardContent} content
 * @returns {Promise<SelectionData | null>} null: a picture that cannot be read
 */
export async function encodeContent(content) {
	if ("text" in content)
		return { mime: MIME_TEXT, bytes: new TextEncoder().encode(content.text) };
	const bytes = await toPng(new Uint8Array(await content.image.arrayBuffer()));
	return bytes && { mime: MIME_IMAGE, bytes };
}

/**
 * @param {number} mime @param {Bytes} bytes
 * @returns {Promise<ClipboardContent | null>} null: nothing that we can show
 */
export async function decodeContent(mime, bytes) {
	if (mime === MIME_TEXT) return { text: decodeText(bytes) };
	const png = mime === MIME_IMAGE ? await toPng(bytes) : null;
	return png && { image: new Blob([png], { type: "image/png" }) };
}

/** Some programs give Latin-1 and some end their text as C does. @param {Bytes} bytes */
export function decodeText(bytes) {
	let end = bytes.length;
	while (end > 0 && bytes[end - 1] === 0) end -= 1;
	const text = bytes.subarray(0, end);
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
	} catch {
		let latin1 = "";
		for (let at = 0; at < text.length; at += LATIN1_SLICE)
			latin1 += String.fromCharCode(...text.subarray(at, at + LATIN1_SLICE));
		return latin1;
	}
}

/** Pixel by pixel, since browsers write a picture's file anew.
 * @param {ClipboardContent} a @param {ClipboardContent} b */
export async function isSamePicture(a, b) {
	if (!("image" in a) || !("image" in b)) return false;
	try {
		const [one, other] = await Promise.all([pixelsOf(a.image), pixelsOf(b.image)]);
		const same = one.width === other.width && one.height === other.height;
		return same && one.data.every((value, i) => value === other.data[i]);
	} catch {
		return false;
	}
}

/** @param {Blob} image @returns {Promise<ImageData>} */
async function pixelsOf(image) {
	const size = pictureSize(new Uint8Array(await image.arrayBuffer()));
	if (!size || size.width * size.height > FRAME_PIXELS_MAX) throw new Error("no picture");
	const bitmap = await createImageBitmap(image);
	const pixels = readPixels(bitmap);
	bitmap.close();
	return pixels;
}

/** @param {Bytes} bytes a picture in any format @returns {Promise<Bytes | null>} */
async function toPng(bytes) {
	const size = pictureSize(bytes);
	if (!size || size.width * size.height > FRAME_PIXELS_MAX) return null;
	if (isPng(bytes)) return bytes;
	try {
		const bitmap = await createImageBitmap(new Blob([bytes]));
		const blob = await encodeBitmap(bitmap);
		bitmap.close();
		return blob && new Uint8Array(await blob.arrayBuffer());
	} catch {
		return null;
	}
}

const BMP_HEAD_BYTES = 26;

/** What the file claims, read before a decoder takes memory for it. @param {Bytes} bytes
 * @returns {{width: number, height: number} | null} null: not a format that browsers know */
export function pictureSize(bytes) {
	if (bytes.length < BMP_HEAD_BYTES || bytes[0] !== 0x42 || bytes[1] !== 0x4d)
		return readImageHeader(bytes);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
}
