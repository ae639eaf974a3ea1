/* SPDX-License-Identifier: ISC */
/* Which layout is the user's, and how a layout's characters are typed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyMap } from "../../../www/js/input/key_map.js";
import { KEYCODES } from "../../../www/js/input/key_table.js";
import { WRITING_KEYCODES } from "../../../www/js/input/layout_keys.js";
import { LAYOUT_TABLES } from "../../../www/js/input/layout_tables.js";
import {
	askedLayout,
	detectLayout,
	layoutOfLanguage,
	LAYOUTS,
} from "../../../www/js/input/layouts.js";
import { TextTyper } from "../../../www/js/input/text_typer.js";
import { LANGUAGES } from "../../../www/js/text/text.js";

test("every layout has a title in each language, and a table that fits its keys", () => {
	for (const { text } of Object.values(LANGUAGES))
		assert.deepEqual(Object.keys(text.layouts).sort(), [...LAYOUTS].sort());
	for (const [layout, levels] of Object.entries(LAYOUT_TABLES)) {
		assert.match(layout, /^[a-z]+(\([a-z]+\))?$/);
		for (const level of levels) assert.ok([...level].length <= WRITING_KEYCODES.length);
	}
});

test("every layout that was asked for is there", () => {
	const wanted = "us gb de fr es it pt br ch se no dk fi pl cz ru tr jp";
	for (const layout of wanted.split(" ")) assert.ok(LAYOUTS.includes(layout), layout);
});

/** What a browser says that the keys of a layout write. @param {string} layout */
function written(layout) {
	const codes = Object.fromEntries(Object.entries(KEYCODES).map(([code, key]) => [key, code]));
	/* Browsers show dead keys as the accent by itself, and have no keys beyond the first rows. */
	const marks = /** @type {Record<string, string>} */ ({
		...{ "\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0303": "~", "\u0308": "¨" },
		...{ "\u030a": "°", "\u030c": "ˇ", "\u0327": "¸" },
	});
	return new Map(
		[...LAYOUT_TABLES[layout][0]].map((sign, i) => [
			codes[WRITING_KEYCODES[i]],
			marks[sign] ?? sign,
		]),
	);
}

test("each layout is found by its keys, or by its keys and the user's language", () => {
	/** @type {Record<string, string>} */
	const languages = {
		...{ at: "de-AT", pl: "pl", ro: "ro", lv: "lv", kr: "ko", fi: "fi", se: "sv", jp: "ja" },
		...{ ru: "ru", ua: "uk", gr: "el", bg: "bg", rs: "sr", il: "he", si: "sl", hr: "hr" },
	};
	for (const layout of LAYOUTS) {
		/* Without AltGr and dead keys it is the plain one. */
		if (layout === "us(intl)") continue;
		const found = detectLayout(written(layout), [languages[layout] ?? "en-US"]);
		assert.equal(found, layout);
	}
});

test("a keyboard that tells nothing: by language; one that does wins over it", () => {
	assert.equal(detectLayout(null, ["xx", "de-CH", "en"]), "ch");
	assert.equal(detectLayout(new Map(), ["fr-CA"]), "ca");
	assert.equal(detectLayout(null, []), "us");
	assert.equal(detectLayout(written("us"), ["de-DE"]), "us");
	assert.equal(detectLayout(written("de"), ["en-US"]), "de");
	assert.equal(detectLayout(written("de"), ["de-AT"]), "at");
	assert.equal(detectLayout(written("us"), ["pl"]), "pl");
	assert.equal(detectLayout(written("us"), ["ru", "en"]), "ru", "beside a Latin one");
	assert.equal(detectLayout(written("us"), ["en-GB", "ru"]), "us");
});

test("languages and what X calls their layouts", () => {
	const table = {
		...{ en: "us", "en-GB": "gb", "pt-BR": "br", "pt-PT": "pt", "fr-CH": "ch(fr)", cs: "cz" },
		...{ "es-MX": "latam", "es-ES": "es", es: "es", "zh-CN": null, "sv-SE": "se", uk: "ua" },
	};
	for (const [language, layout] of Object.entries(table))
		assert.equal(layoutOfLanguage(language), layout, language);
	assert.equal(askedLayout("?layout=de&x=1"), "de");
	assert.equal(askedLayout(""), null);
});

test("characters and the keys that write them", () => {
	/** @type {[string, string, string][]} keycode/mask */
	const table = [
		["de", "ß", "20/0"],
		["de", "@", "24/128"],
		["de", "€", "26/128"],
		["de", "}", "19/128"],
		["de", "Ä", "48/1"],
		["de", "^", "49/0 65/0"],
		["de", "é", "21/0 26/0"],
		["fr", "1", "10/1"],
		["fr", "ê", "34/0 26/0"],
		["fr", "Ï", "34/1 31/1"],
		["us(intl)", "ñ", "57/128"],
		["us(intl)", "ã", "49/1 38/0"],
		["us", "A", "38/1"],
		["us", "\n", "36/0"],
		["us", " ", "65/0"],
		["ru", "Ж", "47/1"],
	];
	for (const [layout, sign, keys] of table)
		assert.equal(
			new KeyMap(layout)
				.tapsFor(sign)
				?.map(({ keycode, mask }) => `${keycode}/${mask}`)
				.join(" "),
			keys,
			`${layout}: ${sign}`,
		);
	for (const [layout, sign] of [
		["us", "ä"],
		["us", "日"],
		["de", "ế"],
		["fr", "\u0302"],
	])
		assert.equal(new KeyMap(layout).tapsFor(sign), null, sign);
});

test("text is typed as far as the layout goes; the rest is pasted, in order", () => {
	/** @type {string[]} */
	const done = [];
	const typer = new TextTyper({
		send: (down, keycode, mask) => done.push(`${down ? "+" : "-"}${keycode}/${mask}`),
		keyMap: () => new KeyMap("us"),
		mask: () => 0x12,
		paste: (text) => done.push(`paste ${text}`),
	});
	typer.type("aü ö\r\n");
	assert.deepEqual(
		done,
		["+38/16", "-38/16", "-8/18", "paste ü ö", "+36/16", "-36/16", "-8/18"],
		"CapsLock is left out, NumLock stays",
	);
	done.length = 0;
	typer.type("long ".repeat(20));
	assert.deepEqual(done, [`paste ${"long ".repeat(20)}`]);
	assert.ok(typer.canType("Hello"));
	assert.ok(!typer.canType("Hëllo"));
});
