/* SPDX-License-Identifier: ISC */
/*
 * Decodes in parallel, commits in order. Frames refer to earlier frames, so whatever changes the
 * picture, the cache or the cursor goes through here as one job and takes effect in the order of
 * the stream, as soon as it can.
 */

/**
 * One step of the stream. `decode` may run while earlier jobs are unfinished and must not reject;
 * `commit` runs after all earlier commits; `discard` takes its place if the job is dropped, so
 * that what was decoded can be freed.
 * @template T
 * @typedef {object} Job
 * @property {boolean} [droppable] `shed` drops it
 * @property {number} [pixels] that it will hold once it is decoded
 * @property {() => Promise<T>} [decode]
 * @property {(decoded: T) => void} commit
 * @property {(decoded: T) => void} [discard]
 */

/** @typedef {Job<any> & {state: "waiting" | "decoding" | "ready", decoded: any,
 *   dropped: boolean}} Entry */

/** Decoders at work at once; more only cost memory. */
const DECODING_MAX = 12;
/** Pixels in decoding or decoded but not committed: 256 MiB. A larger job is decoded alone. */
export const PIXELS_MAX = 64 * 1024 * 1024;

export class CommitQueue {
	constructor() {
		/** @type {Entry[]} */
		this._entries = [];
		this._decoding = 0;
		this._nextToDecode = 0;
		this._committing = false;
		this._pixels = 0;
	}

	/** @template T @param {Job<T>} job */
	push(job) {
		this._entries.push({
			...job,
			state: job.decode ? "waiting" : "ready",
			decoded: undefined,
			dropped: false,
		});
		this._startDecoders();
		this._commitReady();
	}

	/** Drops every job that is not committed. */
	clear() {
		this._drop(() => true);
	}

	/** Drops the jobs that may be dropped; the others stay in their order.
	 * @returns {number} how many went */
	shed() {
		return this._drop((entry) => entry.droppable === true);
	}

	/** @param {(entry: Entry) => boolean} goes */
	_drop(goes) {
		const gone = this._entries.filter(goes);
		this._entries = this._entries.filter((entry) => !goes(entry));
		this._nextToDecode = 0;
		for (const entry of gone) {
			if (entry.state === "decoding") entry.dropped = true;
			else if (entry.state === "ready") this._free(entry);
		}
		this._startDecoders();
		this._commitReady();
		return gone.length;
	}

	_startDecoders() {
		while (this._decoding < DECODING_MAX && this._nextToDecode < this._entries.length) {
			const entry = this._entries[this._nextToDecode];
			if (entry.state === "waiting") {
				const pixels = this._pixels + (entry.pixels ?? 0);
				if (pixels > PIXELS_MAX && this._pixels > 0) return;
				this._pixels = pixels;
				void this._decode(entry);
			}
			this._nextToDecode += 1;
		}
	}

	/** Lets go what was decoded for nothing. @param {Entry} entry */
	_free(entry) {
		if (!entry.decode) return;
		this._pixels -= entry.pixels ?? 0;
		entry.discard?.(entry.decoded);
	}

	/** @param {Entry} entry */
	async _decode(entry) {
		this._decoding += 1;
		entry.state = "decoding";
		entry.decoded = await entry.decode?.();
		entry.state = "ready";
		this._decoding -= 1;
		if (entry.dropped) this._free(entry);
		this._startDecoders();
		this._commitReady();
	}

	/** A commit may push and drop other jobs; they take their turn. */
	_commitReady() {
		if (this._committing) return;
		this._committing = true;
		try {
			for (let next; (next = this._entries[0])?.state === "ready";) {
				this._entries.shift();
				this._nextToDecode = Math.max(this._nextToDecode - 1, 0);
				if (next.decode) this._pixels -= next.pixels ?? 0;
				next.commit(next.decoded);
			}
		} finally {
			this._committing = false;
		}
		this._startDecoders();
	}
}
