/* SPDX-License-Identifier: ISC */
/*
 * The engine's part of the clipboard: joins the server's selections, the user's, and the queue of
 * events, in which a paste keeps its place among the keys. Runs in the engine.
 */

import { MASK_SHIFT } from "./kdrive_numbers.js";
import { keyEvent } from "./kdrive_send.js";
import { isNotice } from "./selection_reader.js";
import { SelectionsIn } from "./selections_in.js";
import { SelectionsOut } from "./selections_out.js";

/** @typedef {import("../types.js").SelectionOrder} SelectionOrder */
/** @typedef {import("../types.js").EngineMessage} EngineMessage */
/** @typedef {Extract<import("./kdrive_read.js").Message,
 *   {type: "selection" | "demand-selection" | "reinit"}>} SelectionNews */

const KEYCODE_INSERT = 118;
const KEYCODE_SHIFT = 50;

export class Selections {
	/**
	 * @param {object} options
	 * @param {import("./send_queue.js").SendQueue} options.sender
	 * @param {{send: (bytes: Uint8Array<ArrayBuffer>) => void, ping: (token: string) => void}}
	 *   options.connection
	 * @param {() => Promise<void>} options.probe resolves when the agent has read all so far
	 * @param {(message: EngineMessage) => void} options.post
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer for answers
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ sender, connection, probe, post, setTimer, clearTimer }) {
		this._sender = sender;
		this._probe = probe;
		this._in = new SelectionsIn({
			send: (bytes) => sender.push(bytes),
			post,
			setTimer,
			clearTimer,
		});
		this._out = new SelectionsOut({
			send: (bytes) => connection.send(bytes),
			ping: (token) => connection.ping(token),
			post,
			serverClipboard: () => this._in.clipboard,
			setTimer,
			clearTimer,
		});
	}

	/** From the page. @param {SelectionOrder} order */
	tell(order) {
		switch (order.type) {
			case "offer-selection":
				return this._sender.pushTask(() =>
					this._out.offer(order.selections, order.content, order.pasting),
				);
			case "demand-selection":
				/* The agent would have to ask us. */
				if (!this._out.owns(order.selection)) this._in.demand(order.selection);
				return;
			case "paste-text":
				return this._pasteText(order.text);
		}
	}

	/** From the agent. @param {SelectionNews} message */
	handle(message) {
		switch (message.type) {
			case "selection":
				if (isNotice(message)) this._out.lost(message.selection);
				return this._in.handle(message);
			case "demand-selection":
				return this._out.demanded(message.selection === 0 ? 0 : 1);
			case "reinit":
				return this._in.reinit();
		}
	}

	/** The gateway's answer to a ping. @param {string} token */
	confirmed(token) {
		this._out.confirmed(token);
	}

	/** What was coming is cut: another connection begins afresh. @param {boolean} foreign see Return of
	 * connection.js */
	cut(foreign) {
		this._in.cut();
		if (foreign) this._out.forget();
	}

	close() {
		this._in.close();
		this._out.close();
	}

	/** Keys that come after the text wait until a program has it. The agent is heard before and
	 * after: it presses Shift only for an event that it reads apart from earlier ones without it, and
	 * gives a program nothing if a new selection is announced in the same breath.
	 * @param {string} text */
	_pasteText(text) {
		this._sender.pushTask(this._probe);
		this._sender.pushTask(() => this._out.lend(text));
		this._sender.pushMasked(keyEvent(true, KEYCODE_INSERT, MASK_SHIFT), MASK_SHIFT);
		this._sender.pushTask(() => this._out.fetched());
		this._sender.pushTask(this._probe);
		this._sender.pushMasked(keyEvent(false, KEYCODE_SHIFT, 0), 0);
	}
}
