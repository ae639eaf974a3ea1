/* SPDX-License-Identifier: ISC */
/* Helpers for the page's parts. Text is always set as text, never as HTML. */

/**
 * An element that the page must have.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
	const element = document.getElementById(id);
	if (!(element instanceof type)) throw new Error(`page: no element ${id}`);
	return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties, ...children) {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
}

/** One of the page's icons. @param {string} name */
export function icon(name) {
	const space = "http://www.w3.org/2000/svg";
	const svg = document.createElementNS(space, "svg");
	const use = document.createElementNS(space, "use");
	use.setAttribute("href", `#icon-${name}`);
	svg.setAttribute("aria-hidden", "true");
	svg.append(use);
	return svg;
}

/** Turns while something is under way, where the style sheet shows it. */
export function spinner() {
	const element = make("span", { className: "spinner" });
	element.setAttribute("aria-hidden", "true");
	return element;
}

/**
 * Fills a select, keeping what was chosen where that is still offered.
 * @param {HTMLSelectElement} select
 * @param {import("../types.js").Choice[]} choices
 * @param {string} [preferred] id to choose
 */
export function fillSelect(select, choices, preferred) {
	const wanted = preferred ?? select.value;
	select.replaceChildren(
		...choices.map(({ id, title }) => make("option", { value: id, textContent: title })),
	);
	if (choices.some(({ id }) => id === wanted)) select.value = wanted;
}

/** Shows a text, or with "" hides its element. @param {HTMLElement} element @param {string} text */
export function showText(element, text) {
	element.textContent = text;
	element.hidden = text === "";
}
