/* SPDX-License-Identifier: ISC */
/*
 * Draws decoded frames: onto the screen, and, where they can be referred to later, into the cache.
 * It never asks for pixels back and never talks to the agent; what it could not draw it returns as
 * rectangles for somebody else to ask for again.
 */

import { clipRect } from "../geometry.js";

/** @typedef {import("../types.js").Rect} Rect */
/** @typedef {import("./kdrive_read.js").FrameMessage} FrameMessage */
/** @typedef {import("./kdrive_read.js").Region} Region */
/** @typedef {import("./frame_cache.js").FrameCache} FrameCache */
/** @typedef {import("./frame_cache.js").Cached} Cached */
/** @typedef {Cached["image"]} Picture */
/** @typedef {Pick<CanvasRenderingContext2D, "drawImage">} Context */

/**
 * Something to draw on. `finish` gives what was drawn as a picture and ends the surface's use.
 * @typedef {{context: Context, finish: () => Picture}} Surface
 */

/**
 * The visible canvas.
 * @typedef {{context: Context, width: number, height: number,
 *   resize: (width: number, height: number) => void}} Screen
 */

export class Painter {
	/**
	 * @param {object} options
	 * @param {Screen} options.screen
	 * @param {(width: number, height: number) => Surface} options.createSurface
	 * @param {FrameCache} options.cache
	 */
	constructor({ screen, createSurface, cache }) {
		this._screen = screen;
		this._createSurface = createSurface;
		this._cache = cache;
	}

	/**
	 * Draws one frame. Owns the pictures from now on.
	 * @param {FrameMessage} frame
	 * @param {(Picture | null)[]} pictures one per region; null: copied, or could not be decoded
	 * @returns {Rect[]} parts of the screen that are missing now
	 */
	paint(frame, pictures) {
		const missing =
			frame.crc === 0 ? this._paintMain(frame, pictures) : this._paintCached(frame, pictures);
		const { width, height } = this._screen;
		return missing.flatMap((rect) => clipRect(rect, width, height) ?? []);
	}

	/** Regions with absolute positions; nothing is kept.
	 * @param {FrameMessage} frame @param {(Picture | null)[]} pictures */
	_paintMain(frame, pictures) {
		if (isWholeScreen(frame)) this._screen.resize(frame.width, frame.height);
		const missing = frame.regions.filter(
			(region, i) => !this._draw(this._screen.context, region, pictures[i]),
		);
		pictures.forEach((picture) => picture?.close?.());
		return missing;
	}

	/** @param {FrameMessage} frame @param {(Picture | null)[]} pictures */
	_paintCached(frame, pictures) {
		if (frame.regions.length > 0 && !this._compose(frame, pictures)) {
			/* Incomplete: a later reference must miss, not show a hole. */
			this._cache.delete(frame.crc);
			return [frame];
		}
		const cached = this._cache.get(frame.crc);
		if (!cached) return [frame];
		this._screen.context.drawImage(cached.image, frame.x, frame.y);
		return [];
	}

	/**
	 * Builds the frame off screen and puts it into the cache.
	 * @param {FrameMessage} frame @param {(Picture | null)[]} pictures
	 * @returns {boolean} false if a part is missing: nothing was cached
	 */
	_compose(frame, pictures) {
		const { crc, width, height, regions } = frame;
		const [first] = regions;
		const [only] = pictures;
		if (regions.length === 1 && only && first.width === width && first.height === height) {
			this._cache.put(crc, { image: only, width, height });
			return true;
		}
		const surface = this._createSurface(width, height);
		let whole = true;
		regions.forEach((region, i) => {
			whole = this._draw(surface.context, region, pictures[i]) && whole;
			pictures[i]?.close?.();
		});
		const image = surface.finish();
		if (whole) this._cache.put(crc, { image, width, height });
		else image.close?.();
		return whole;
	}

	/**
	 * @param {Context} context @param {Region} region @param {Picture | null | undefined} picture
	 * @returns {boolean} whether all of it could be drawn
	 */
	_draw(context, region, picture) {
		const { x, y, width, height } = region;
		if (picture) {
			context.drawImage(picture, x, y);
			return true;
		}
		if (region.source === 0) return false;
		const source = this._cache.get(region.source);
		if (!source) return false;
		const wanted = { x: region.sourceX, y: region.sourceY, width, height };
		const part = clipRect(wanted, source.width, source.height);
		if (!part) return false;
		context.drawImage(
			source.image,
			part.x,
			part.y,
			part.width,
			part.height,
			x + part.x - wanted.x,
			y + part.y - wanted.y,
			part.width,
			part.height,
		);
		return part.width === width && part.height === height;
	}
}

/** A frame that says how large the screen is. @param {FrameMessage} frame */
export function isWholeScreen(frame) {
	return frame.crc === 0 && frame.x === -1 && frame.y === -1;
}
