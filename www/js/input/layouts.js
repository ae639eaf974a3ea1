/* SPDX-License-Identifier: ISC */
/*
 * The keyboard layouts that are offered, and which of them is the user's: by the page's address,
 * by what was chosen here before, or found out from what the browser tells of the keys and of the
 * user's languages. Knows nothing of the server.
 */

import { WRITING_KEYCODES } from "./layout_keys.js";
import { LAYOUT_TABLES } from "./layout_tables.js";
import { KEYCODES } from "./key_table.js";

/** Instead of a layout's name: find it out. */
export const AUTOMATIC = "auto";

const STORED = "x2goweb.layout";
const FALLBACK = "us";

/** @type {readonly string[]} as xkb names them: name or name(variant) */
export const LAYOUTS = Object.keys(LAYOUT_TABLES);

/** What X calls a country's layout that browsers call a language's, where the two differ. */
const OF_LANGUAGE = /** @type {Record<string, string>} */ ({
	...{ en: "us", "en-gb": "gb", "en-ie": "gb", "en-ca": "us", "en-au": "us", "pt-br": "br" },
	...{ "de-at": "at", "de-ch": "ch", "fr-ch": "ch(fr)", "it-ch": "ch", "fr-be": "be" },
	...{ "nl-be": "be", "fr-ca": "ca", sv: "se", da: "dk", nb: "no", nn: "no", cs: "cz" },
	...{ sl: "si", et: "ee", el: "gr", uk: "ua", sr: "rs", he: "il", ja: "jp", ko: "kr" },
});
/** In the whole of a continent but for one country. */
const LATIN_AMERICA = /^es-(?!es\b)/;

/** What a key that is a dead one in a table may be called. */
const MARKS = /** @type {Record<string, string>} */ ({
	...{ "\u0300": "`", "\u0301": "´'", "\u0302": "^ˆ", "\u0303": "~˜", "\u0304": "¯" },
	...{ "\u0308": '¨"', "\u030a": "°˚", "\u030c": "ˇ", "\u0327": "¸" },
});

const CODES = new Map(Object.entries(KEYCODES).map(([code, keycode]) => [keycode, code]));

/** The layout of a language. @param {string} language as in navigator.languages */
export function layoutOfLanguage(language) {
	const wanted = language.toLowerCase();
	if (LATIN_AMERICA.test(wanted)) return "latam";
	const plain = wanted.split("-")[0];
	const found = OF_LANGUAGE[wanted] ?? OF_LANGUAGE[plain] ?? plain;
	return LAYOUTS.includes(found) ? found : null;
}

/** Whether a layout writes Latin letters without a second one beside it. @param {string} layout */
export function isLatin(layout) {
	return LAYOUT_TABLES[layout][0].includes("a");
}

/**
 * The layout that fits best.
 * @param {Pick<Map<string, string>, "get" | "size"> | null} written what the browser says that its
 * keys write, by code
 * @param {readonly string[]} languages the user's, best first
 */
export function detectLayout(written, languages) {
	const wishes = languages.map(layoutOfLanguage).filter((layout) => layout !== null);
	if (!written || written.size === 0) return wishes[0] ?? FALLBACK;
	/* Who writes another script has a Latin layout beside it, and that is what browsers tell of. */
	if (wishes[0] && !isLatin(wishes[0])) return wishes[0];
	const scores = new Map(LAYOUTS.map((layout) => [layout, score(layout, written)]));
	const best = Math.max(...scores.values());
	const fitting = LAYOUTS.filter((layout) => scores.get(layout) === best);
	return wishes.find((layout) => fitting.includes(layout)) ?? fitting[0];
}

/** How many keys write what the layout says, less those that do not.
 * @param {string} layout @param {Pick<Map<string, string>, "get">} written */
function score(layout, written) {
	let sum = 0;
	WRITING_KEYCODES.forEach((keycode, i) => {
		const seen = written.get(CODES.get(keycode) ?? "");
		if (!seen) return;
		const expected = LAYOUT_TABLES[layout][0][i] ?? " ";
		const same = seen === expected || (MARKS[expected] ?? "").includes(seen[0]);
		sum += same ? 1 : -1;
	});
	return sum;
}

/** The browser's own description of the keyboard; only some have one.
 * @returns {Promise<Map<string, string> | null>} */
async function writtenKeys() {
	try {
		const { keyboard } = /** @type {any} */ (navigator);
		return (await keyboard?.getLayoutMap()) ?? null;
	} catch {
		return null;
	}
}

/** What the page's address asks for: ?layout=de. @param {string} search */
export function askedLayout(search) {
	return new URLSearchParams(search).get("layout");
}

/** The user's choice of a layout. It is kept for later visits; what is found out is not. */
export class LayoutChoice {
	/** @param {string | null} [asked] by the page's address; wins for this visit */
	constructor(asked = null) {
		this._choice = known(asked) ?? known(stored()) ?? AUTOMATIC;
		this._detected = detectLayout(null, navigator.languages);
		/** @type {(() => void)[]} */
		this._listeners = [];
		void this.refresh();
	}

	/** AUTOMATIC or a layout. */
	get choice() {
		return this._choice;
	}

	/** What AUTOMATIC stands for at the moment. */
	get detected() {
		return this._detected;
	}

	/** The layout to use. */
	get layout() {
		return this._choice === AUTOMATIC ? this._detected : this._choice;
	}

	/** Looks at the keyboard again: the user may have plugged in another. */
	async refresh() {
		const found = detectLayout(await writtenKeys(), navigator.languages);
		if (found === this._detected) return;
		this._detected = found;
		this._tell();
	}

	/** @param {string} choice AUTOMATIC or a layout */
	choose(choice) {
		this._choice = known(choice) ?? AUTOMATIC;
		try {
			if (this._choice === AUTOMATIC) localStorage.removeItem(STORED);
			else localStorage.setItem(STORED, this._choice);
		} catch {
			/* Then it holds until the page is closed. */
		}
		this._tell();
	}

	/** @param {() => void} listener to any change */
	onChange(listener) {
		this._listeners.push(listener);
	}

	_tell() {
		for (const listener of this._listeners) listener();
	}
}

/** @param {string | null} layout */
function known(layout) {
	return layout !== null && LAYOUTS.includes(layout) ? layout : null;
}

/** A browser may deny the page any storage. */
function stored() {
	try {
		return localStorage.getItem(STORED);
	} catch {
		return null;
	}
}
