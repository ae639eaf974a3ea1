/* SPDX-License-Identifier: ISC */
/*
 * What is to be drawn on the screen with the next animation frame, in order. A fast stream draws
 * the same places many times for one: what a later draw hides altogether is left out. Pictures that
 * are done with are given here, too, since draws may still need them.
 */

import { drawPart } from "./painter.js";

/** @typedef {import("../types.js").Rect} Rect */
/** @typedef {import("./painter.js").Picture} Picture */
/** @typedef {import("./painter.js").Screen} Screen */
/** @typedef {{picture: Picture, from: Rect, x: number, y: number}} Draw */

export class ScreenDraws {
	/**
	 * @param {Screen} screen
	 * @param {(flush: () => void) => void} schedule runs flush once, at a good moment to paint
	 */
	constructor(screen, schedule) {
		this._screen = screen;
		this._schedule = schedule;
		this._due = false;
		/** @type {Draw[]} */
		this._draws = [];
		/** @type {Picture[]} */
		this._retired = [];
	}

	get width() {
		return this._screen.width;
	}

	get height() {
		return this._screen.height;
	}

	/** @param {Picture} picture @param {Rect} from part of it @param {number} x @param {number} y */
	add(picture, from, x, y) {
		this._draws.push({ picture, from, x, y });
		this._request();
	}

	/** Closes a picture as soon as no draw needs it. @param {Picture | null | undefined} picture */
	retire(picture) {
		if (!picture?.close) return;
		this._retired.push(picture);
		this._request();
	}

	/** The screen's size may change, which clears it. @param {number} width @param {number} height */
	resize(width, height) {
		if (width === this._screen.width && height === this._screen.height) return;
		this._draws = [];
		this._screen.resize(width, height);
	}

	_request() {
		if (this._due) return;
		this._due = true;
		this._schedule(() => this._flush());
	}

	_flush() {
		this._due = false;
		for (const { picture, from, x, y } of visible(this._draws))
			drawPart(this._screen.context, picture, from, x, y);
		for (const picture of this._retired) picture.close?.();
		this._draws = [];
		this._retired = [];
	}
}

/** Those that no single later one hides, in their order. @param {Draw[]} draws */
function visible(draws) {
	/** @type {Draw[]} */
	const kept = [];
	for (const draw of draws.reverse())
		if (!kept.some((later) => hides(later, draw))) kept.push(draw);
	return kept.reverse();
}

/** @param {Draw} later @param {Draw} draw */
function hides(later, draw) {
	return (
		later.x <= draw.x &&
		later.y <= draw.y &&
		later.x + later.from.width >= draw.x + draw.from.width &&
		later.y + later.from.height >= draw.y + draw.from.height
	);
}
