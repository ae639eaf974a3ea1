// SPDX-License-Identifier: ISC
/**
 * What the keys of a layout say, asked of a real X server: setxkbmap and xmodmap on the X2Go
 * server, keysyms turned into characters by the X protocol's own header.
 */
import { readFile } from "node:fs/promises";
import { WRITING_KEYCODES } from "../../../www/js/input/layout_keys.js";

const HEADER = "/usr/include/X11/keysymdef.h";
/** Of xmodmap's columns for a keyboard with one group, those of the four levels. */
const LEVEL_COLUMNS = [0, 1, 4, 5];

/** Dead keys and the combining characters that stand for them in our tables. */
const DEAD = {
	...{ grave: 0x300, acute: 0x301, circumflex: 0x302, tilde: 0x303, macron: 0x304 },
	...{ breve: 0x306, abovedot: 0x307, diaeresis: 0x308, hook: 0x309, abovering: 0x30a },
	...{ doubleacute: 0x30b, caron: 0x30c, doublegrave: 0x30f, invertedbreve: 0x311 },
	...{ abovecomma: 0x313, abovereversedcomma: 0x314, horn: 0x31b, belowdot: 0x323 },
	...{ belowcomma: 0x326, cedilla: 0x327, ogonek: 0x328, belowmacron: 0x331, iota: 0x345 },
};

/** @returns {Promise<(name: string) => string>} the character of a keysym, or "" */
export async function keysymReader() {
	/** @type {Map<string, string>} */
	const known = new Map();
	for (const line of (await readFile(HEADER, "utf8")).split("\n")) {
		const match = /^#define XK_(\w+)\s+0x[0-9a-f]+\s+\/\*[ (<]*U\+([0-9A-F]+)/.exec(line);
		if (match) known.set(match[1], String.fromCodePoint(parseInt(match[2], 16)));
	}
	for (const [name, mark] of Object.entries(DEAD))
		known.set(`dead_${name}`, String.fromCodePoint(mark));
	return (name) => {
		const code = /^U([0-9A-F]{4,6})$/.exec(name)?.[1];
		const sign = code ? String.fromCodePoint(parseInt(code, 16)) : (known.get(name) ?? "");
		/* A combining character in a table is a dead key, so one of its own cannot be there. */
		return /\p{M}|\p{C}|\p{Z}/u.test(sign) && !name.startsWith("dead_") ? "" : sign;
	};
}

/** setxkbmap's options for a layout. @param {string} layout name or name(variant) */
export function setxkbmapArgs(layout) {
	const [, name, variant = ""] = /** @type {RegExpExecArray} */ (
		/^([a-z]+)(?:\((\w+)\))?$/.exec(layout)
	);
	return `-rules evdev -model pc105 -layout '${name}' -variant '${variant}' -option ''`;
}

/**
 * The four levels of a keymap, one character for each of WRITING_KEYCODES.
 * @param {string} map as xmodmap -pke writes it
 * @param {(name: string) => string} charOf
 */
export function levelsOf(map, charOf) {
	const keys = new Map(
		map.split("\n").map((line) => {
			const [, keycode, names] = /^keycode +(\d+) =(.*)$/.exec(line) ?? [];
			return [Number(keycode), names?.trim().split(/\s+/) ?? []];
		}),
	);
	const levels = LEVEL_COLUMNS.map((column) =>
		WRITING_KEYCODES.map((keycode) => charOf(keys.get(keycode)?.[column] ?? "") || " ")
			.join("")
			.trimEnd(),
	);
	while (levels.at(-1) === "") levels.pop();
	return levels;
}
