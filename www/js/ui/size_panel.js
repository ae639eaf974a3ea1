/* SPDX-License-Identifier: ISC */
/* The panel where the user says how large the remote screen is to be, and how it is shown. */

import { limitSize } from "../geometry.js";
import { FIXED_SIZES } from "../screen_mode.js";
import { TEXT } from "../text/text.js";
import { byId, fillSelect } from "./dom.js";
import { Panel } from "./panel.js";

/** @typedef {import("../geometry.js").Size} Size */
/** @typedef {import("../geometry.js").Limits} Limits */

const WINDOW = "window";
const CUSTOM = "custom";

export class SizePanel {
	/**
	 * @param {object} options
	 * @param {import("../screen_mode.js").ScreenMode} options.mode
	 * @param {() => Limits} options.limits
	 * @param {() => Size} options.current the screen's, for a start with another
	 * @param {() => void} options.onDone the user goes on working
	 */
	constructor({ mode, limits, current, onDone }) {
		this._mode = mode;
		this._limits = limits;
		this._current = current;
		this._size = byId("screen-size", HTMLSelectElement);
		this._custom = byId("custom-size", HTMLFormElement);
		this._width = byId("screen-width", HTMLInputElement);
		this._height = byId("screen-height", HTMLInputElement);
		this._zoom = byId("screen-zoom", HTMLSelectElement);
		this._sharp = byId("screen-sharp", HTMLInputElement);
		this._size.addEventListener("change", () => this._sizeChosen());
		this._custom.addEventListener("submit", (event) => {
			event.preventDefault();
			const size = { width: this._width.valueAsNumber, height: this._height.valueAsNumber };
			mode.choose({ size: limitSize(size, limits()) });
			this._panel.close();
		});
		this._zoom.addEventListener("change", () =>
			mode.choose({ fit: this._zoom.value === "fit" }),
		);
		this._sharp.addEventListener("change", () => mode.choose({ sharp: this._sharp.checked }));
		this._panel = new Panel({
			button: byId("size", HTMLButtonElement),
			panel: byId("size-panel", HTMLElement),
			onToggle: (open) => open && this._fill(),
			onDone,
		});
	}

	_fill() {
		const { size, fit, sharp } = this._mode.choice;
		const fixed = FIXED_SIZES.filter((one) => sameSize(limitSize(one, this._limits()), one));
		fillSelect(
			this._size,
			[
				{ id: WINDOW, title: TEXT.sizeOfWindow },
				...fixed.map((one) => ({ id: idOf(one), title: TEXT.sizeFixed(one) })),
				{ id: CUSTOM, title: TEXT.sizeCustom },
			],
			size ? CUSTOM : WINDOW,
		);
		if (size && fixed.some((one) => sameSize(one, size))) this._size.value = idOf(size);
		this._zoom.value = fit ? "fit" : "actual";
		this._sharp.checked = sharp;
		const { width_min, width_max, height_min, height_max } = this._limits();
		Object.assign(this._width, { min: `${width_min}`, max: `${width_max}` });
		Object.assign(this._height, { min: `${height_min}`, max: `${height_max}` });
		const shown = size ?? this._current();
		this._width.value = `${shown.width}`;
		this._height.value = `${shown.height}`;
		this._showFields();
	}

	_sizeChosen() {
		this._showFields();
		if (this._size.value === WINDOW) this._mode.choose({ size: null });
		const fixed = FIXED_SIZES.find((one) => idOf(one) === this._size.value);
		if (fixed) this._mode.choose({ size: fixed });
		if (this._size.value === CUSTOM) this._width.select();
	}

	/** Only what has a meaning with this size. */
	_showFields() {
		this._custom.hidden = this._size.value !== CUSTOM;
		this._zoom.disabled = this._size.value === WINDOW;
	}
}

/** @param {Size} size */
function idOf({ width, height }) {
	return `${width}x${height}`;
}

/** @param {Size} a @param {Size} b */
function sameSize(a, b) {
	return a.width === b.width && a.height === b.height;
}
