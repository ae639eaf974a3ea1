/* SPDX-License-Identifier: ISC */
/*
 * How large the remote screen is to be and how it is shown: what the user chose, kept in the
 * browser, and what the session was made for. Arithmetic is geometry.js's; no document here.
 *
 * A session's dots per inch are set once, when it starts: 96 times its density. A display of
 * another density later, by a resume or another monitor, changes how the screen is shown.
 */

import { limitSize, nativeDensity, remoteSize, wholeDensity } from "./geometry.js";

/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {import("./geometry.js").Limits} Limits */
/** @typedef {import("./geometry.js").Placement} Placement */

/**
 * `size` null: as large as the window. `fit`: a fixed size fills the window, else it is shown pixel
 * for pixel. `sharp`: in the display's own pixels; else a remote pixel is a CSS pixel.
 * @typedef {{size: Size | null, fit: boolean, sharp: boolean}} ScreenChoice
 */

/** Asked anew each time: a browser may deny the page any storage.
 * @typedef {() => Pick<Storage, "getItem" | "setItem">} Store */

/** Offered besides the window's own. @type {readonly Size[]} */
export const FIXED_SIZES = Object.freeze(
	[
		[1024, 768],
		[1280, 800],
		[1366, 768],
		[1600, 900],
		[1920, 1080],
		[2560, 1440],
	].map(([width, height]) => Object.freeze({ width, height })),
);

const CSS_DPI = 96;
const CHOICE_KEY = "x2goweb.screen";
const DENSITY_KEY = "x2goweb.density";
/** Sessions whose density is remembered. */
const DENSITIES_MAX = 20;

/** @type {Readonly<ScreenChoice>} */
const DEFAULT = Object.freeze({ size: null, fit: true, sharp: true });

export class ScreenMode {
	/**
	 * @param {object} options
	 * @param {() => number} options.ratio device pixels per CSS pixel
	 * @param {Store} options.lasting keeps the choice
	 * @param {Store} options.passing keeps the sessions' densities; they are this tab's business
	 */
	constructor({ ratio, lasting, passing }) {
		this._ratio = ratio;
		this._lasting = lasting;
		this._passing = passing;
		this._choice = readChoice(read(lasting, CHOICE_KEY));
		/** @type {Record<string, number>} by session id */
		this._densities = readDensities(read(passing, DENSITY_KEY));
		this._density = this._startDensity();
		/** Called after each change of the choice. @type {() => void} */
		this.onChange = () => {};
	}

	get choice() {
		return this._choice;
	}

	/** @param {Partial<ScreenChoice>} changes */
	choose(changes) {
		this._choice = { ...this._choice, ...changes };
		write(this._lasting, CHOICE_KEY, this._choice);
		this.onChange();
	}

	/** For this visit: the page's address asks for it. @param {Size} size */
	ask(size) {
		this._choice = { ...this._choice, size };
	}

	/** A new session is about to start. @returns {number} its dots per inch */
	beginNew() {
		this._density = this._startDensity();
		return this.startDpi;
	}

	/** The dots per inch that a session that starts now gets. */
	get startDpi() {
		return Math.round(CSS_DPI * this._startDensity());
	}

	/** A session is about to be resumed. @param {string} id */
	beginAgain(id) {
		this._density = this._densities[id] ?? nativeDensity(this._ratio());
	}

	/** What the session on the screen was made for. */
	get density() {
		return this._density;
	}

	/** @param {string} id @param {number} [density] */
	remember(id, density = this._density) {
		delete this._densities[id];
		/* What an ordinary display does needs no note. */
		if (density === 1 && nativeDensity(this._ratio()) === 1) return;
		this._densities[id] = density;
		const kept = Object.entries(this._densities).slice(-DENSITIES_MAX);
		this._densities = Object.fromEntries(kept);
		write(this._passing, DENSITY_KEY, this._densities);
	}

	/** The size to ask the server for. @param {Size} box in CSS pixels @param {Limits} [limits] */
	desiredSize(box, limits) {
		const { size } = this._choice;
		return size ? limitSize(size, limits) : remoteSize(box, this.viewDensity, limits);
	}

	/** Remote pixels per CSS pixel, where the screen is shown pixel for pixel. */
	get viewDensity() {
		return this._choice.sharp ? wholeDensity(this._ratio(), this._density) : 1;
	}

	/** @returns {Placement} */
	get placement() {
		const { size, fit } = this._choice;
		if (!size) return "shrink";
		return fit ? "fit" : "actual";
	}

	_startDensity() {
		const { size, fit, sharp } = this._choice;
		/* A fixed size that is stretched has no density of its own. */
		if (!sharp || (size && fit)) return 1;
		return Math.max(nativeDensity(this._ratio()), 1);
	}
}

/** @param {unknown} value @returns {ScreenChoice} */
function readChoice(value) {
	const { size, fit, sharp } = /** @type {Partial<ScreenChoice>} */ (value ?? {});
	const whole = (/** @type {unknown} */ side) => Number.isInteger(side) && Number(side) > 0;
	return {
		size:
			size && whole(size.width) && whole(size.height)
				? { width: size.width, height: size.height }
				: DEFAULT.size,
		fit: typeof fit === "boolean" ? fit : DEFAULT.fit,
		sharp: typeof sharp === "boolean" ? sharp : DEFAULT.sharp,
	};
}

/** @param {unknown} value @returns {Record<string, number>} */
function readDensities(value) {
	const entries = Object.entries(value ?? {});
	return Object.fromEntries(
		entries.filter(
			([, density]) => typeof density === "number" && density >= 1 && density <= 8,
		),
	);
}

/** @param {Store} store @param {string} key @returns {unknown} */
function read(store, key) {
	try {
		return JSON.parse(store().getItem(key) ?? "null");
	} catch {
		return null;
	}
}

/** @param {Store} store @param {string} key @param {unknown} value */
function write(store, key, value) {
	try {
		store().setItem(key, JSON.stringify(value));
	} catch {
		/* Then it holds until the page is left. */
	}
}
