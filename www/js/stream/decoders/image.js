/* SPDX-License-Identifier: ISC */
/*
 * JPEG and PNG pictures of frames. The size that a file claims is read before the browser decodes
 * it, so that a small file cannot make the browser take memory for a large picture.
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{type: "image/jpeg" | "image/png", width: number, height: number}} ImageHeader */

const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PNG_SIZE_OFFSET = 16;
const PNG_SIZE_END = 24;

/** @param {Bytes} bytes */
export function isPng(bytes) {
	return bytes.length >= PNG_MAGIC.length && PNG_MAGIC.every((byte, i) => bytes[i] === byte);
}

/** @param {Bytes} bytes @returns {ImageHeader | null} null: neither JPEG nor PNG, or cut short */
export function readImageHeader(bytes) {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (isPng(bytes)) {
		if (bytes.length < PNG_SIZE_END) return null;
		const width = view.getUint32(PNG_SIZE_OFFSET);
		const height = view.getUint32(PNG_SIZE_OFFSET + 4);
		return { type: "image/png", width, height };
	}
	if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
	for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff;) {
		const marker = bytes[at + 1];
		if (marker === 0xff) {
			at += 1; /* a fill byte */
		} else if (isStartOfFrame(marker)) {
			const height = view.getUint16(at + 5);
			return { type: "image/jpeg", width: view.getUint16(at + 7), height };
		} else {
			at += 2 + view.getUint16(at + 2);
		}
	}
	return null;
}

/** C0..CF but for the tables C4 and CC and the reserved C8. @param {number} marker */
function isStartOfFrame(marker) {
	return (marker & 0xf0) === 0xc0 && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/**
 * @param {Bytes} bytes alone in their buffer; they may be gone afterwards
 * @param {number} width @param {number} height the picture must have exactly this size
 * @returns {Promise<ImageBitmap | VideoFrame | null>} null: not decodable, or of another size;
 * never rejects
 */
export async function decodeImage(bytes, width, height) {
	const header = readImageHeader(bytes);
	if (!header || header.width !== width || header.height !== height) return null;
	try {
		const picture = await decode(bytes, header.type);
		if (hasSize(picture, width, height)) return picture;
		picture.close();
	} catch {
		/* A damaged picture costs a repair, not the session. */
	}
	return null;
}

/** @param {ImageBitmap | VideoFrame} picture @param {number} width @param {number} height */
function hasSize(picture, width, height) {
	if ("displayWidth" in picture)
		return picture.displayWidth === width && picture.displayHeight === height;
	return picture.width === width && picture.height === height;
}

/* A Blob is announced to another process while the worker waits: far slower than its decoding. */
const decode = typeof ImageDecoder === "undefined" ? decodeByBlob : decodeDirectly;

/** @param {Bytes} data @param {string} type */
async function decodeDirectly(data, type) {
	const decoder = new ImageDecoder({
		data,
		type,
		/* Not copied, and let go at the decoder's end, not when garbage is collected. */
		transfer: [data.buffer],
		colorSpaceConversion: "none",
		preferAnimation: false,
	});
	try {
		return (await decoder.decode()).image;
	} finally {
		decoder.close();
	}
}

/** @param {Bytes} data @param {string} type */
function decodeByBlob(data, type) {
	return createImageBitmap(new Blob([data], { type }), { colorSpaceConversion: "none" });
}
