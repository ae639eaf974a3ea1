/* SPDX-License-Identifier: ISC */
/*
 * Arithmetic with rectangles and sizes: clipping, the size to ask a server for, where the screen
 * stands in the page and which of its pixels lies under the pointer. No state, no DOM.
 */

import { SCREEN_MAX, SCREEN_MIN } from "./stream/kdrive_numbers.js";

/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {{width: number, height: number}} Size */

/** More remote pixels per CSS pixel than this make an X desktop unusably small. */
const DENSITY_MAX = 2;

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
	return Math.min(Math.max(value, low), high);
}

/**
 * The part of a rectangle inside (0, 0, width, height), or null if there is none.
 * @param {Rect} rect @param {number} width @param {number} height
 * @returns {Rect | null}
 */
export function clipRect(rect, width, height) {
	const x = Math.max(rect.x, 0);
	const y = Math.max(rect.y, 0);
	const right = Math.min(rect.x + rect.width, width);
	const bottom = Math.min(rect.y + rect.height, height);
	if (right <= x || bottom <= y) return null;
	return { x, y, width: right - x, height: bottom - y };
}

/**
 * Remote pixels per CSS pixel on a display: native ones, within reason.
 * @param {number} devicePixelRatio
 */
export function displayDensity(devicePixelRatio) {
	return clamp(devicePixelRatio || 1, 1, DENSITY_MAX);
}

/**
 * Remote size that fills a box of CSS pixels.
 * @param {Size} box @param {number} density
 * @param {{width_min: number, width_max: number, height_min: number, height_max: number}} [limits]
 * the gateway's own, if narrower
 * @returns {Size}
 */
export function remoteSize(box, density, limits) {
	const width = clamp(
		Math.floor(box.width * density),
		Math.max(SCREEN_MIN, limits?.width_min ?? 0),
		Math.min(SCREEN_MAX, limits?.width_max ?? SCREEN_MAX),
	);
	const height = clamp(
		Math.floor(box.height * density),
		Math.max(SCREEN_MIN, limits?.height_min ?? 0),
		Math.min(SCREEN_MAX, limits?.height_max ?? SCREEN_MAX),
	);
	return { width, height };
}

/**
 * Where the screen stands in its box, in CSS pixels: pixel for pixel if it fits, else scaled down
 * with its proportions kept. Whole offsets, so that it stays sharp.
 * @param {Size} box @param {Size} screen in remote pixels @param {number} density
 * @returns {Rect}
 */
export function placeScreen(box, screen, density) {
	/* A screen that follows the window is cut to whole pixels; do not rescale for that. */
	const fits = (/** @type {number} */ room, /** @type {number} */ need) =>
		need <= room + 1 ? 1 : room / need;
	const natural = { width: screen.width / density, height: screen.height / density };
	const scale = Math.min(fits(box.width, natural.width), fits(box.height, natural.height));
	const width = natural.width * scale;
	const height = natural.height * scale;
	return {
		x: Math.max(Math.floor((box.width - width) / 2), 0),
		y: Math.max(Math.floor((box.height - height) / 2), 0),
		width,
		height,
	};
}

/**
 * The remote pixel under a point of the page.
 * @param {{left: number, top: number, width: number, height: number}} shown the canvas in the page
 * @param {Size} screen @param {number} clientX @param {number} clientY
 * @returns {{x: number, y: number}}
 */
export function screenPoint(shown, screen, clientX, clientY) {
	if (shown.width <= 0 || shown.height <= 0) return { x: 0, y: 0 };
	const x = Math.floor(((clientX - shown.left) * screen.width) / shown.width);
	const y = Math.floor(((clientY - shown.top) * screen.height) / shown.height);
	return { x: clamp(x, 0, screen.width - 1), y: clamp(y, 0, screen.height - 1) };
}
