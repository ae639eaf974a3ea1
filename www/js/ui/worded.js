/* SPDX-License-Identifier: ISC */
/*
 * Parts of the page that are built when they are needed: elements that say something of the
 * catalogue's `page`, as those do that stand in index.html, and follow its language like them.
 */

import { TEXT } from "../text/text.js";
import { make } from "./dom.js";

/** @typedef {keyof import("../text/text.js").Catalogue["page"]} Words */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Words} words
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function worded(tag, words, properties = {}) {
	const element = make(tag, properties);
	element.textContent = TEXT.page[words];
	element.dataset.text = words;
	return element;
}

/** A control with its label above it. @param {HTMLLabelElement} label
 * @param {HTMLInputElement | HTMLSelectElement} control */
export function field(label, control) {
	label.htmlFor = control.id;
	return make("div", { className: "field" }, label, control);
}
