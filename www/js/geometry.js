/* SPDX-License-Identifier: ISC */
/*
 * Arithmetic with rectangles and sizes: clipping, the size to ask a server for, where the screen
 * stands in the page and which of its pixels lies under the pointer. No state, no DOM.
 */

import { SCREEN_MAX, SCREEN_MIN } from "./stream/kdrive_numbers.js";

/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width_min: number, width_max: number, height_min: number, height_max: number}} Limits */

/**
 * How a screen stands in its box: "shrink" pixel for pixel if it fits, else smaller; "fit" as large
 * as the box allows; "actual" pixel for pixel always.
 * @typedef {"shrink" | "fit" | "actual"} Placement
 */

/** An X desktop with more remote pixels per CSS pixel than this is unusably small. */
const DENSITY_MAX = 2;
/** Less than this off a whole number of device pixels is pixel for pixel, after all rounding. */
const WHOLE = 0.01;

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
 * Remote pixels per CSS pixel on a display for a session of its own making: the display's native
 * ones, or each a whole number of those where they are very small.
 * @param {number} devicePixelRatio
 */
export function nativeDensity(devicePixelRatio) {
	const ratio = devicePixelRatio || 1;
	return ratio / Math.ceil(ratio / DENSITY_MAX - WHOLE);
}

/**
 * Remote pixels per CSS pixel for a session that was made for another density: as near to it as
 * can be with whole device pixels for each remote pixel, or whole remote pixels for each device
 * pixel, so that things keep their size and the picture stays sharp.
 * @param {number} devicePixelRatio
 * @param {number} density of the session
 */
export function wholeDensity(devicePixelRatio, density) {
	const ratio = (devicePixelRatio || 1) / density;
	/* In the middle between two, native pixels are the better choice. */
	const whole = (/** @type {number} */ value) => Math.max(Math.round(value - WHOLE), 1);
	if (ratio >= 1) return (devicePixelRatio || 1) / whole(ratio);
	return (devicePixelRatio || 1) * whole(1 / ratio);
}

/** @param {Size} size @param {Limits} [limits] the gateway's own, if narrower @returns {Size} */
export function limitSize({ width, height }, limits) {
	return {
		width: clamp(
			Math.floor(width),
			Math.max(SCREEN_MIN, limits?.width_min ?? 0),
			Math.min(SCREEN_MAX, limits?.width_max ?? SCREEN_MAX),
		),
		height: clamp(
			Math.floor(height),
			Math.max(SCREEN_MIN, limits?.height_min ?? 0),
			Math.min(SCREEN_MAX, limits?.height_max ?? SCREEN_MAX),
		),
	};
}

/**
 * Remote size that fills a box of CSS pixels.
 * @param {Size} box @param {number} density @param {Limits} [limits] @returns {Size}
 */
export function remoteSize(box, density, limits) {
	return limitSize(
		{ width: box.width * density + WHOLE, height: box.height * density + WHOLE },
		limits,
	);
}

/**
 * Where the screen stands in its box, in CSS pixels; what is larger than the box begins at its
 * corner. Its corner is on a device pixel if the box's is.
 * @param {Size} box @param {Size} screen in remote pixels
 * @param {object} how
 * @param {number} how.density remote pixels per CSS pixel, at pixel for pixel
 * @param {Placement} [how.placement]
 * @param {number} [how.magnify]
 * @param {number} [how.devicePixelRatio]
 * @returns {Rect}
 */
export function placeScreen(
	box,
	screen,
	{ density, placement = "shrink", magnify = 1, devicePixelRatio = 1 },
) {
	const natural = { width: screen.width / density, height: screen.height / density };
	/* A screen that follows the window is cut to whole pixels; do not rescale for that. */
	const spare = 1 + WHOLE;
	const fit = (/** @type {number} */ room, /** @type {number} */ need) =>
		(placement === "fit" && room - need > spare) || room < need - spare ? room / need : 1;
	const across = fit(box.width, natural.width);
	const down = fit(box.height, natural.height);
	const scale = (placement === "actual" ? 1 : Math.min(across, down)) * magnify;
	const width = natural.width * scale;
	const height = natural.height * scale;
	const middle = (/** @type {number} */ room) =>
		Math.max(Math.floor((room * devicePixelRatio) / 2) / devicePixelRatio, 0);
	return { x: middle(box.width - width), y: middle(box.height - height), width, height };
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
