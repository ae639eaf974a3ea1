/* SPDX-License-Identifier: ISC */
/*
 * The language of the page, and its catalogue. The language is the address's (?lang=de), else what
 * was chosen in this browser before, else the browser's own; it can be changed while the page is
 * shown.
 *
 * To add a language, say French: copy en.js, en_faults.js and en_help.js to fr.js and so on,
 * translate them, add a line to LANGUAGES, and run `npm run check`, which names what is missing.
 */

import { remember, remembered } from "../stored.js";
import { de } from "./de.js";
import { en } from "./en.js";

/** @typedef {typeof en} Catalogue */

/** @type {Record<string, {title: string, text: Catalogue}>} */
export const LANGUAGES = {
	en: { title: "English", text: en },
	de: { title: "Deutsch", text: de },
};

const STORED = "language";
const PARAMETER = "lang";

/** The first of these that there is a catalogue for. @param {readonly string[]} wishes */
export function pickLanguage(wishes) {
	const known = wishes.map((wish) => wish.toLowerCase().split("-")[0]);
	return known.find((wish) => Object.hasOwn(LANGUAGES, wish)) ?? "en";
}

function wishes() {
	if (typeof document === "undefined") return [];
	const asked = new URLSearchParams(location.search).get(PARAMETER) ?? "";
	return [asked, remembered(STORED), ...navigator.languages];
}

export let language = pickLanguage(wishes());
/** What to say. Taken anew each time: what keeps a text of it must listen to onLanguage. */
export let TEXT = LANGUAGES[language].text;

/** @type {(() => void)[]} */
const listeners = [];

/** @param {() => void} run after each change of the language */
export function onLanguage(run) {
	listeners.push(run);
}

/** From now on, and when the page is opened again. @param {string} name of LANGUAGES */
export function chooseLanguage(name) {
	language = pickLanguage([name]);
	TEXT = LANGUAGES[language].text;
	remember(STORED, language);
	const url = new URL(location.href);
	url.searchParams.delete(PARAMETER);
	history.replaceState(history.state, "", url);
	translatePage(document);
	for (const run of listeners) run();
}

/** Fills in what stands in the page itself. @param {ParentNode} root */
export function translatePage(root) {
	document.documentElement.lang = language;
	const page = /** @type {Record<string, string>} */ (TEXT.page);
	for (const element of root.querySelectorAll("[data-text]"))
		element.textContent = page[element.getAttribute("data-text") ?? ""];
	for (const element of root.querySelectorAll("[data-text-title]"))
		element.setAttribute("title", page[element.getAttribute("data-text-title") ?? ""]);
	for (const element of root.querySelectorAll("[data-text-label]"))
		element.setAttribute("aria-label", page[element.getAttribute("data-text-label") ?? ""]);
}
