/* SPDX-License-Identifier: ISC */
/*
 * The browser's canvases behind the painter's interfaces, in a worker (OffscreenCanvas) or, where
 * that is missing, in the page.
 */

/** @typedef {import("./painter.js").Surface} Surface */
/** @typedef {import("./painter.js").Screen} Screen */
/** @typedef {OffscreenCanvas | HTMLCanvasElement} Canvas */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */

/** @param {number} width @param {number} height @returns {Canvas} */
function createCanvas(width, height) {
	if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
	return Object.assign(document.createElement("canvas"), { width, height });
}

/** @param {Canvas} canvas @param {boolean} alpha @returns {Context} */
function context2d(canvas, alpha) {
	const context = /** @type {Context | null} */ (canvas.getContext("2d", { alpha }));
	if (!context) throw new Error("this browser gives no canvas to draw on");
	return context;
}

/** @param {Canvas} canvas @returns {Screen} */
export function openScreen(canvas) {
	const context = context2d(canvas, false);
	return {
		context,
		get width() {
			return canvas.width;
		},
		get height() {
			return canvas.height;
		},
		resize(width, height) {
			/* Setting a canvas's size clears it, even if it is the same size. */
			if (canvas.width !== width) canvas.width = width;
			if (canvas.height !== height) canvas.height = height;
		},
	};
}

/** A place to compose a frame. @param {number} width @param {number} height @returns {Surface} */
export function createSurface(width, height) {
	const canvas = createCanvas(width, height);
	return {
		context: context2d(canvas, false),
		finish: () => ("transferToImageBitmap" in canvas ? canvas.transferToImageBitmap() : canvas),
	};
}

/**
 * @param {Uint8ClampedArray<ArrayBuffer>} rgba @param {number} width @param {number} height
 * @returns {Promise<Blob | null>} as PNG
 */
export async function encodePng(rgba, width, height) {
	const canvas = createCanvas(width, height);
	context2d(canvas, true).putImageData(new ImageData(rgba, width, height), 0, 0);
	return canvasToPng(canvas);
}

/** @param {ImageBitmap} bitmap @returns {Promise<Blob | null>} as PNG */
export async function encodeBitmap(bitmap) {
	const canvas = createCanvas(bitmap.width, bitmap.height);
	context2d(canvas, true).drawImage(bitmap, 0, 0);
	return canvasToPng(canvas);
}

/** For pictures that are compared, never for those that are shown. @param {ImageBitmap} bitmap */
export function readPixels(bitmap) {
	const context = context2d(createCanvas(bitmap.width, bitmap.height), true);
	context.drawImage(bitmap, 0, 0);
	return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** @param {Canvas} canvas @returns {Promise<Blob | null>} */
async function canvasToPng(canvas) {
	if ("convertToBlob" in canvas) return canvas.convertToBlob({ type: "image/png" });
	return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
