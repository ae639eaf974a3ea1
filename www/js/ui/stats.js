/* SPDX-License-Identifier: ISC */
/*
 * The statistics in a corner of the screen: the figures of the last second, and the frame rate and
 * the data rate of the last minute as two lines. Presses go through it to the screen.
 */

import { byId, make } from "./dom.js";
import { TEXT } from "../text/text.js";

/** @typedef {import("../types.js").Stats} Stats */

/** One a second. */
const SAMPLES = 60;
const WIDTH = 236;
const HEIGHT = 48;
/** Below this a line is drawn as if this were its highest, so that noise stays noise. */
const LEAST_FRAMES = 10;
const LEAST_BYTES = 64 * 1024;

export class StatsPanel {
	constructor() {
		this._panel = byId("stats-panel", HTMLElement);
		this._figures = byId("stats-figures", HTMLDListElement);
		this._graph = byId("stats-graph", SVGSVGElement);
		this._framesLine = byId("stats-frames", SVGPolylineElement);
		this._bytesLine = byId("stats-bytes", SVGPolylineElement);
		/* Who wants no motion gets lines that are overwritten in place instead of wandering. */
		this._still = matchMedia("(prefers-reduced-motion: reduce)");
		this._count = 0;
		/** @type {number[]} */
		this._frames = [];
		/** @type {number[]} */
		this._bytes = [];
	}

	get shown() {
		return !this._panel.hidden;
	}

	/** @param {boolean} on */
	setShown(on) {
		this._panel.hidden = !on;
		this._reset();
	}

	/** @param {Stats} stats */
	add(stats) {
		const at = this._count % SAMPLES;
		this._frames[at] = stats.framesPerSecond;
		this._bytes[at] = stats.bytesPerSecond;
		this._count += 1;
		this._figures.replaceChildren(
			...TEXT.stats(stats).flatMap(([name, value]) => [
				make("dt", { textContent: name }),
				make("dd", { textContent: value }),
			]),
		);
		const most = Math.max(...this._frames);
		this._graph.setAttribute("aria-label", TEXT.statsGraph(stats.framesPerSecond, most));
		this._draw(this._framesLine, this._frames, LEAST_FRAMES);
		this._draw(this._bytesLine, this._bytes, LEAST_BYTES);
	}

	_reset() {
		this._count = 0;
		this._frames = [];
		this._bytes = [];
		this._figures.replaceChildren();
		for (const line of [this._framesLine, this._bytesLine]) line.setAttribute("points", "");
	}

	/** @param {SVGPolylineElement} line @param {number[]} samples @param {number} least */
	_draw(line, samples, least) {
		const most = Math.max(least, ...samples);
		const first = this._still.matches || this._count <= SAMPLES ? 0 : this._count % SAMPLES;
		const points = samples.map((_, i) => {
			const value = samples[(first + i) % samples.length];
			const x = (i * WIDTH) / (SAMPLES - 1);
			const y = HEIGHT - 2 - (value / most) * (HEIGHT - 4);
			return `${x.toFixed(1)},${y.toFixed(1)}`;
		});
		line.setAttribute("points", points.join(" "));
	}
}
