/* SPDX-License-Identifier: ISC */
/*
 * Asks the agent how far it has read: by a picture of a size that nobody else asks for, whose
 * coming says that all before the question has been read. Runs in the engine.
 */

import { updateEvent } from "./kdrive_send.js";

const SIZE = { width: 2, height: 1 };
/** An agent that is busy with something else may leave a question out. */
export const ANSWER_WAIT_MS = 1500;

export class AgentProbe {
	/**
	 * @param {object} options
	 * @param {(bytes: Uint8Array<ArrayBuffer>) => void} options.send
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer for answers
	 */
	constructor({ send, setTimer }) {
		this._send = send;
		this._setTimer = setTimer;
		/** @type {(() => void)[]} in the order in which they were asked */
		this._questions = [];
	}

	/** @returns {Promise<void>} when the agent has read all that was sent before */
	ask() {
		return new Promise((resolve) => {
			this._questions.push(resolve);
			this._send(updateEvent({ x: 0, y: 0, ...SIZE }));
			this._setTimer(() => {
				this._questions = this._questions.filter((question) => question !== resolve);
				resolve();
			}, ANSWER_WAIT_MS);
		});
	}

	/** Every picture of the agent is shown here. @param {{width: number, height: number}} size */
	pictureCame({ width, height }) {
		if (width === SIZE.width && height === SIZE.height) this._questions.shift()?.();
	}
}
