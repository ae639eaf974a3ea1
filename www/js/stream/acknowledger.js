/* SPDX-License-Identifier: ISC */
/*
 * Tells the relay how far the stream has come: received, so that it need not keep those bytes, and
 * painted, so that it sends no more than can be shown soon. Often enough to keep the line busy, and
 * no oftener.
 */

/** So many bytes are told of at once ... */
export const ACK_BYTES = 96 * 1024;
/** ... and less after so long. */
export const ACK_MS = 25;

export class Acknowledger {
	/**
	 * @param {object} options
	 * @param {(text: string) => void} options.say
	 * @param {(run: () => void, ms: number) => any} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ say, setTimer, clearTimer }) {
		this._say = say;
		this._setTimer = setTimer;
		this._clearTimer = clearTimer;
		this._received = 0;
		this._unpainted = 0;
		this._toldReceived = 0;
		this._toldPainted = 0;
		/** @type {any} */
		this._timer = null;
	}

	/** The stream's position. */
	get received() {
		return this._received;
	}

	/** @param {number} bytes */
	take(bytes) {
		this._received += bytes;
		this._consider();
	}

	/** @param {number} bytes */
	setUnpainted(bytes) {
		this._unpainted = bytes;
		this._consider();
	}

	/** The stream goes on elsewhere. @param {number} position */
	restart(position) {
		this._received = position;
		this._toldReceived = position;
		this._toldPainted = position;
		this._unpainted = 0;
	}

	/** Nobody is there to be told. */
	pause() {
		this._clearTimer(this._timer);
		this._timer = null;
	}

	get _painted() {
		return Math.max(this._received - this._unpainted, this._toldPainted);
	}

	_consider() {
		const news = this._received - this._toldReceived + this._painted - this._toldPainted;
		if (news >= ACK_BYTES) this._tell();
		else if (news > 0 && this._timer === null)
			this._timer = this._setTimer(() => this._tell(), ACK_MS);
	}

	_tell() {
		this.pause();
		this._toldReceived = this._received;
		this._toldPainted = this._painted;
		this._say(`ack ${this._toldReceived} ${this._toldPainted}`);
	}
}
