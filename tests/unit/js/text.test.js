// SPDX-License-Identifier: ISC
/** The catalogues: the same entries in each language, and the page's own English is en.js's. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { describeFault } from "../../../www/js/text/faults.js";
import { LANGUAGES, pickLanguage } from "../../../www/js/text/text.js";

const html = await readFile(new URL("../../../www/index.html", import.meta.url), "utf8");
const ui = new URL("../../../www/js/ui/", import.meta.url);
const built = (
	await Promise.all(
		(await readdir(ui))
			.filter((name) => name.endsWith(".js"))
			.map((name) => readFile(new URL(name, ui), "utf8")),
	)
).join("\n");
const english = /** @type {Record<string, any>} */ (LANGUAGES.en.text);

/** @param {Record<string, any>} entries @returns {string[]} */
const shape = (entries) =>
	Object.entries(entries)
		.flatMap(([key, value]) =>
			typeof value === "object" && !Array.isArray(value)
				? shape(value).map((inner) => `${key}.${inner}`)
				: [`${key}: ${typeof value}`],
		)
		.sort();

test("every language says everything", () => {
	for (const [name, { text }] of Object.entries(LANGUAGES)) {
		assert.deepEqual(shape(text), shape(english), name);
		for (const [key, value] of Object.entries(text.page))
			assert.notEqual(value.trim(), "", `${name}: ${key}`);
	}
});

test("every failure that the gateway can tell has words of its own", async () => {
	const table = await readFile(new URL("../../../proto/errors.def", import.meta.url), "utf8");
	const codes = [...table.matchAll(/^ERROR\(\w+, \d+, "(\w+)"/gm)].map(([, code]) => code);
	assert.ok(codes.length > 30);
	for (const code of codes.filter((name) => name !== "ok")) {
		assert.ok(Object.hasOwn(english.faults, code), code);
		assert.match(english.faults[code].what, /\.$/, code);
	}
});

test("what happened at the jump host says so", () => {
	for (const { text } of Object.values(LANGUAGES))
		for (const [code, { what }] of Object.entries(text.jumpFaults)) {
			assert.ok(Object.hasOwn(text.faults, code), code);
			assert.match(what, /jump host|Sprungrechner/i, code);
		}
	const at = (/** @type {string} */ code) =>
		describeFault(code, "x (SHA256:abc)", { hop: "jump" });
	assert.match(at("host_key_changed").what, /^The jump host shows/);
	assert.equal(at("host_key_changed").detail, "SHA256:abc");
	assert.match(at("internal").what, /^At the jump host: Something/);
	assert.equal(
		describeFault("of_tomorrow", "In the gateway's words.", { hop: "jump" }).what,
		"In the gateway's words.",
	);
	assert.match(describeFault("host_key_changed", "x").what, /^The server shows/);
});

test("how long to wait is said in proper words, and never too short", () => {
	const { en, de } = LANGUAGES;
	for (const [seconds, english, german] of /** @type {[number, string, string][]} */ ([
		[1, "1 second", "1 Sekunde"],
		[2.2, "3 seconds", "3 Sekunden"],
		[89, "89 seconds", "89 Sekunden"],
		[90, "2 minutes", "2 Minuten"],
		[145, "3 minutes", "3 Minuten"],
	])) {
		assert.equal(en.text.retryAfter(seconds), `Try again in ${english}.`);
		assert.equal(de.text.retryAfter(seconds), `Versuchen Sie es in ${german} wieder.`);
	}
});

test("the page's own words are the catalogue's", () => {
	const used = new Set();
	for (const [tag] of html.matchAll(/<[a-z][^>]*>/g))
		for (const [attribute, own] of [
			["data-text-title", "title"],
			["data-text-label", "aria-label"],
		]) {
			const key = tag.match(`\\s${attribute}="(\\w+)"`)?.[1];
			if (!key) continue;
			used.add(key);
			assert.equal(tag.match(`\\s${own}="([^"]*)"`)?.[1], english.page[key], key);
		}
	for (const [, key, text] of html.matchAll(/<[^<>]*\sdata-text="(\w+)"[^<>]*>([^<]*)</g)) {
		used.add(key);
		assert.equal(text.replace(/\s+/g, " ").trim(), english.page[key], key);
	}
	/* Parts that are built when they are needed say the same words; their keys are checked by tsc. */
	for (const [, key] of built.matchAll(/\bworded\(\s*"\w+",\s*"(\w+)"/g)) used.add(key);
	assert.deepEqual(Object.keys(english.page).sort(), [...used].sort());
});

test("the first wish that there is a catalogue for", () => {
	assert.equal(pickLanguage(["", "xx", "de-AT", "en"]), "de");
	assert.equal(pickLanguage(["EN-gb"]), "en");
	assert.equal(pickLanguage(["constructor", "fr"]), "en");
	assert.equal(pickLanguage([]), "en");
});
