/* SPDX-License-Identifier: ISC */
/*
 * Shows the server's pointer shapes as CSS cursors of the canvas. Keeps one object URL per shape
 * and gives each back.
 */

/** @typedef {import("../types.js").EngineMessage} EngineMessage */
/** @typedef {{url: string, width: number, height: number, hotX: number, hotY: number}} Shape */
/** `style` is made when the shape is first shown: an animation shows the same ones over and over.
 * @typedef {Shape & {style: string | null}} KnownShape */

/** Browsers ignore larger cursors; the arrow must do then. In CSS pixels. */
const CURSOR_CSS_MAX = 128;

export class CursorView {
	/** @param {HTMLElement} element */
	constructor(element) {
		this._element = element;
		/** @type {Map<number, KnownShape>} */
		this._shapes = new Map();
		/** @type {number | null} */
		this._shown = null;
		this._density = 1;
		this._applied = "";
	}

	/** @param {Extract<EngineMessage, {type: "cursor-image"}>} image */
	add({ serial, blob, width, height, hotX, hotY }) {
		this._forget(serial);
		const url = URL.createObjectURL(blob);
		this._shapes.set(serial, { url, width, height, hotX, hotY, style: null });
	}

	/** @param {number | null} serial null: the default */
	show(serial) {
		this._shown = serial;
		this._apply();
	}

	/** @param {number} density screen pixels per CSS pixel */
	setDensity(density) {
		if (density === this._density) return;
		this._density = density;
		for (const shape of this._shapes.values()) shape.style = null;
		this._apply();
	}

	/** The server starts its shapes afresh; the one that is shown stays until the next. */
	forgetOthers() {
		for (const serial of [...this._shapes.keys()])
			if (serial !== this._shown) this._forget(serial);
	}

	clear() {
		for (const serial of [...this._shapes.keys()]) this._forget(serial);
	}

	_apply() {
		const shape = this._shown === null ? undefined : this._shapes.get(this._shown);
		if (shape) shape.style ??= cursorStyle(shape, this._density);
		const style = shape?.style ?? "default";
		if (style === this._applied) return;
		this._applied = style;
		this._element.style.cursor = style;
	}

	/** @param {number} serial */
	_forget(serial) {
		const shape = this._shapes.get(serial);
		if (shape) URL.revokeObjectURL(shape.url);
		this._shapes.delete(serial);
	}
}

/** @param {Shape} shape @param {number} density @returns {string} */
function cursorStyle({ url, width, height, hotX, hotY }, density) {
	if (Math.max(width, height) / density > CURSOR_CSS_MAX) return "default";
	const hot = `${Math.round(hotX / density)} ${Math.round(hotY / density)}`;
	const scaled = `image-set(url("${url}") ${density}x) ${hot}, default`;
	if (density !== 1 && CSS.supports("cursor", scaled)) return scaled;
	return `url("${url}") ${hotX} ${hotY}, default`;
}
