/* SPDX-License-Identifier: ISC */
/* Counts what a stream brings, for the statistics panel. */

export class StreamStats {
	/** @param {() => number} now milliseconds, monotonic */
	constructor(now) {
		this._now = now;
		this._since = now();
		this._bytes = 0;
		this._frames = 0;
		this._decoded = 0;
		this._decodeMs = 0;
	}

	/** @param {number} bytes */
	received(bytes) {
		this._bytes += bytes;
	}

	/** What the paint side has done; `decodeMs` from the start of each frame's decoding to its end.
	 * @param {{painted: number, decoded: number, decodeMs: number}} work */
	painted({ painted, decoded, decodeMs }) {
		this._frames += painted;
		this._decoded += decoded;
		this._decodeMs += decodeMs;
	}

	/** The figures since the last call. */
	take() {
		const seconds = Math.max(this._now() - this._since, 1) / 1000;
		const figures = {
			framesPerSecond: this._frames / seconds,
			bytesPerSecond: this._bytes / seconds,
			decodeMs: this._decoded > 0 ? this._decodeMs / this._decoded : 0,
		};
		this._since = this._now();
		this._bytes = this._frames = this._decoded = this._decodeMs = 0;
		return figures;
	}
}
