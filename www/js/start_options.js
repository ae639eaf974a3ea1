/* SPDX-License-Identifier: ISC */
/*
 * What the user wants of sessions besides their size: kept in this browser, for each server by its
 * title. What is not chosen is not sent: the server's own way holds.
 */

/** @typedef {import("./types.js").StartOptions} Options */
/** @typedef {import("./types.js").ClipboardDirection} ClipboardDirection */
/** @typedef {{read: () => string, write: (value: string) => void}} Store */

/** @type {readonly ClipboardDirection[]} */
export const DIRECTIONS = Object.freeze(["both", "client", "server", "none"]);
export const QUALITY_MAX = 9;
export const DPI_MIN = 48;
export const DPI_MAX = 480;
/** Servers whose options are remembered. */
const SERVERS_MAX = 20;

export class StartOptions {
	/** @param {Store} store */
	constructor(store) {
		this._store = store;
		/** @type {string | null} */
		this._server = null;
		/** @type {Options} */
		this._value = {};
	}

	/** @param {string | null} server whose they are from now on; null: nothing is remembered */
	use(server) {
		this._server = server;
		const all = this._readAll();
		const own = server !== null && Object.hasOwn(all, server) ? all[server] : {};
		this._value = readOptions(own);
	}

	/** @returns {Readonly<Options>} */
	get value() {
		return this._value;
	}

	/** @param {Options} changes undefined: no wish any more */
	choose(changes) {
		this._value = readOptions({ ...this._value, ...changes });
		if (this._server === null) return;
		const all = this._readAll();
		delete all[this._server];
		if (Object.keys(this._value).length > 0) all[this._server] = this._value;
		this._store.write(
			JSON.stringify(Object.fromEntries(Object.entries(all).slice(-SERVERS_MAX))),
		);
	}

	/** @returns {Record<string, unknown>} */
	_readAll() {
		try {
			const all = JSON.parse(this._store.read() || "{}");
			return all !== null && typeof all === "object" && !Array.isArray(all) ? all : {};
		} catch {
			return {};
		}
	}
}

/** Of what was stored, what makes sense. @param {unknown} stored @returns {Options} */
function readOptions(stored) {
	const { clipboard, quality, dpi } = /** @type {Options} */ (stored ?? {});
	const isIn = (
		/** @type {unknown} */ value,
		/** @type {number} */ min,
		/** @type {number} */ max,
	) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
	return {
		...(clipboard && clipboard !== "both" && DIRECTIONS.includes(clipboard) && { clipboard }),
		...(isIn(quality, 0, QUALITY_MAX) && { quality }),
		...(isIn(dpi, DPI_MIN, DPI_MAX) && { dpi }),
	};
}
