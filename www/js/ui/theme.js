/* SPDX-License-Identifier: ISC */
/*
 * The administrator's logo and accent colour. Of the one colour, the others that the style sheet
 * needs are made here, for light and dark: it is moved towards black or white until everything
 * written in it or on it can be read. base.css takes them in place of its own.
 */

import { byId } from "./dom.js";
import { logWarn } from "../log.js";

/** @typedef {[number, number, number]} Rgb 0 to 255 */

/** WCAG asks for 4.5; a little more bears the rounding. */
const READABLE = 4.7;
const STEP = 0.04;
const STEPS = 80;
/** Surfaces that the accent stands on: those of base.css that are hardest to read it on. */
const SCHEMES = {
	light: { surfaces: ["#ffffff", "#eef2f1"], toward: /** @type {Rgb} */ ([0, 0, 0]), wash: 0.12 },
	dark: {
		surfaces: ["#101615", "#222c2b"],
		toward: /** @type {Rgb} */ ([255, 255, 255]),
		wash: 0.22,
	},
};
const INKS = ["#ffffff", "#06131a"];

/**
 * @param {string} accent "#rrggbb"
 * @param {keyof typeof SCHEMES} scheme
 */
export function accentColours(accent, scheme) {
	const { surfaces, toward, wash } = SCHEMES[scheme];
	const grounds = surfaces.map(parseColour);
	let colour = parseColour(accent);
	/* The wash is the accent thinned over the surface; text in the accent stands on it too. */
	const washOf = (/** @type {Rgb} */ over) => mix(grounds[0], over, wash);
	const readable = () =>
		[...grounds, washOf(colour)].every((ground) => contrast(colour, ground) >= READABLE) &&
		INKS.some((ink) => contrast(colour, parseColour(ink)) >= READABLE);
	for (let i = 0; i < STEPS && !readable(); i++) colour = mix(colour, toward, STEP);
	const [light, dark] = INKS.map((ink) => contrast(colour, parseColour(ink)));
	return {
		accent: format(colour),
		strong: format(mix(colour, toward, 0.22)),
		ink: light >= dark ? INKS[0] : INKS[1],
		wash: format(washOf(colour)),
	};
}

/** @param {{accent?: string, logo?: string}} config */
export function applyTheme({ accent, logo }) {
	if (accent && /^#[0-9a-f]{6}$/i.test(accent)) {
		const { style } = document.documentElement;
		for (const scheme of /** @type {const} */ (["light", "dark"]))
			for (const [name, value] of Object.entries(accentColours(accent, scheme)))
				style.setProperty(`--brand-${scheme}-${name}`, value);
	}
	if (logo) showLogo(logo);
}

/** @param {string} address */
function showLogo(address) {
	const image = byId("brand", HTMLImageElement);
	image.addEventListener("load", () => document.documentElement.classList.add("branded"));
	image.addEventListener("error", () => logWarn("page: the logo cannot be shown"));
	image.src = address;
}

/** @param {string} text "#rrggbb" @returns {Rgb} */
function parseColour(text) {
	const number = Number.parseInt(text.slice(1), 16);
	return [number >> 16, (number >> 8) & 255, number & 255];
}

/** @param {Rgb} colour */
function format(colour) {
	return `#${colour.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** @param {Rgb} from @param {Rgb} to @param {number} share @returns {Rgb} */
function mix(from, to, share) {
	const part = (/** @type {number} */ i) => from[i] + (to[i] - from[i]) * share;
	return [part(0), part(1), part(2)];
}

/** Relative luminance as WCAG defines it. @param {Rgb} colour */
function luminance(colour) {
	const [r, g, b] = colour.map((part) => {
		const value = part / 255;
		return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {Rgb} a @param {Rgb} b */
export function contrast(a, b) {
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high + 0.05) / (low + 0.05);
}

/** The same of two colours as text. @param {string} a @param {string} b */
export function contrastOf(a, b) {
	return contrast(parseColour(a), parseColour(b));
}
