/* SPDX-License-Identifier: ISC */
/*
 * The language of the page: chosen once, when the page is loaded. A new language is a catalogue
 * beside en.js and a line in LANGUAGES.
 */

import { de } from "./de.js";
import { en } from "./en.js";

/** @typedef {typeof en} Catalogue */

/** @type {Record<string, {title: string, text: Catalogue}>} */
export const LANGUAGES = {
	en: { title: "English", text: en },
	de: { title: "Deutsch", text: de },
};

const STORED = "x2goweb.language";

/** The first of these that there is a catalogue for. @param {readonly string[]} wishes */
export function pickLanguage(wishes) {
	const known = wishes.map((wish) => wish.toLowerCase().split("-")[0]);
	return known.find((wish) => Object.hasOwn(LANGUAGES, wish)) ?? "en";
}

/** By the address (?lang=de), by what was chosen here before, by the browser's own wishes. */
function wishes() {
	if (typeof document === "undefined") return [];
	return [
		new URLSearchParams(location.search).get("lang") ?? "",
		storedWish(),
		...navigator.languages,
	];
}

/** A browser may deny the page any storage. */
function storedWish() {
	try {
		return localStorage.getItem(STORED) ?? "";
	} catch {
		return "";
	}
}

export const language = pickLanguage(wishes());
export const TEXT = LANGUAGES[language].text;

/** For this page load and later ones. @param {string} name of LANGUAGES */
export function chooseLanguage(name) {
	const url = new URL(location.href);
	url.searchParams.delete("lang");
	try {
		localStorage.setItem(STORED, name);
	} catch {
		url.searchParams.set("lang", name);
	}
	location.replace(url);
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
