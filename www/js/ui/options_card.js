/* SPDX-License-Identifier: ISC */
/* The part of the list's page where the user says how sessions are to be opened. Its one line says
 * what differs from the usual. Ids: option-clipboard option-quality option-dpi */

import { DIRECTIONS, QUALITY_MAX } from "../start_options.js";
import { onLanguage, TEXT } from "../text/text.js";
import { byId, fillSelect, make } from "./dom.js";
import { field, worded } from "./worded.js";

/** @typedef {import("../types.js").StartOptions} Options */

const DPIS = [96, 120, 144, 168, 192, 240, 288];
const USUAL = "";

export class OptionsCard {
	/**
	 * @param {import("../start_options.js").StartOptions} options
	 * @param {() => number} usualDpi of this display
	 */
	constructor(options, usualDpi) {
		this._options = options;
		this._usualDpi = usualDpi;
		this._card = byId("options", HTMLDetailsElement);
		this._chosen = make("span", { id: "options-chosen" });
		this._clipboard = make("select", { id: "option-clipboard" });
		this._quality = make("select", { id: "option-quality" });
		this._dpi = make("select", { id: "option-dpi" });
		const selects = [this._clipboard, this._quality, this._dpi];
		this._card.replaceChildren(
			make("summary", {}, worded("span", "options"), this._chosen),
			make(
				"div",
				{ className: "fields" },
				field(worded("label", "clipboard"), this._clipboard),
				field(worded("label", "optionQuality"), this._quality),
				field(worded("label", "optionDpi"), this._dpi),
			),
			worded("p", "optionsHint", { className: "hint" }),
		);
		for (const select of selects) select.addEventListener("change", () => this._choose());
		onLanguage(() => this.show());
	}

	/** The server, or its language, is another one. */
	show() {
		const { clipboard = "both", quality, dpi } = this._options.value;
		const words = TEXT.clipboardDirections;
		fillSelect(
			this._clipboard,
			DIRECTIONS.map((id) => ({ id, title: words[id] })),
			clipboard,
		);
		const best = TEXT.qualityMost(QUALITY_MAX);
		fillSelect(
			this._quality,
			[
				{ id: USUAL, title: TEXT.qualityUsual },
				{ id: `${QUALITY_MAX}`, title: best },
				...Array.from({ length: QUALITY_MAX - 1 }, (_, i) => numbered(QUALITY_MAX - 1 - i)),
				{ id: "0", title: TEXT.qualityLeast(0) },
			],
			`${quality ?? USUAL}`,
		);
		const offered = [...new Set([...DPIS, ...(dpi ? [dpi] : [])])].sort((a, b) => a - b);
		fillSelect(
			this._dpi,
			[{ id: USUAL, title: TEXT.dpiUsual(this._usualDpi()) }, ...offered.map(numbered)],
			`${dpi ?? USUAL}`,
		);
		this._sum();
	}

	_choose() {
		const number = (/** @type {string} */ value) =>
			value === USUAL ? undefined : Number(value);
		this._options.choose({
			clipboard: /** @type {Options["clipboard"]} */ (this._clipboard.value),
			quality: number(this._quality.value),
			dpi: number(this._dpi.value),
		});
		this._sum();
	}

	_sum() {
		this._chosen.textContent = TEXT.optionsChosen(this._options.value).join(" · ");
	}
}

/** @param {number} value */
function numbered(value) {
	return { id: `${value}`, title: `${value}` };
}
