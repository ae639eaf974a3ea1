/* SPDX-License-Identifier: ISC */
/*
 * One WebSocket to the relay: its state, its control words, and why it ended. Bytes pass through
 * unread. Ends are codes; the page has the sentences.
 *
 *   connecting ---> open ---> closed      closed once, with one reason
 *        |            |          ^
 *        |            '-> failing '   a fault of ours was found; see fail()
 *        '-----------------------'
 */

import { logInfo } from "../log.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").EndReason} EndReason */
/** @typedef {"connecting" | "open" | "failing" | "closed"} ConnectionState */

/** The part of WebSocket that is used, so that tests can stand in for it.
 * @typedef {Pick<WebSocket, "send" | "close" | "protocol" | "binaryType" | "onopen" | "onmessage"
 *   | "onclose">} Socket */

export const SUBPROTOCOL = "x2goweb.v1";
const CONNECT_WAIT_MS = 15000;
/** An agent that is being suspended may break off inside a message: the relay's word on why it
 * ends comes right after, and is better than our complaint. */
export const FAIL_GRACE_MS = 500;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_OWN_FAULT = 4002;
const CLOSE_WORDS_FROM = 4000;

/** @type {Record<ConnectionState, ConnectionState[]>} */
const TRANSITIONS = {
	connecting: ["open", "closed"],
	open: ["failing", "closed"],
	failing: ["closed"],
	closed: [],
};

export class Connection {
	/**
	 * @param {object} options
	 * @param {() => Socket} options.createSocket
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 * @param {() => void} options.onOpen
	 * @param {(bytes: Bytes) => void} options.onBytes
	 * @param {(token: string) => void} options.onPong the relay has read all up to that ping
	 * @param {(reason: EndReason) => void} options.onEnd exactly once, and nothing after it
	 */
	constructor({ createSocket, setTimer, onOpen, onBytes, onPong, onEnd }) {
		this._setTimer = setTimer;
		this._onOpen = onOpen;
		this._onBytes = onBytes;
		this._onPong = onPong;
		this._onEnd = onEnd;
		/** @type {ConnectionState} */
		this._state = "connecting";
		/** @type {EndReason | null} the relay's own word */
		this._bye = null;
		this._socket = createSocket();
		this._socket.binaryType = "arraybuffer";
		this._socket.onopen = () => this._opened();
		this._socket.onmessage = (event) => this._received(event.data);
		this._socket.onclose = (event) => this._closed(event.code, event.reason);
		setTimer(() => this._connectTimedOut(), CONNECT_WAIT_MS);
	}

	get state() {
		return this._state;
	}

	/** @param {Bytes} bytes whole events; dropped unless the connection is open */
	send(bytes) {
		if (this._state === "open") this._socket.send(bytes);
	}

	/** @param {string} text a control word, such as "ping 7" */
	say(text) {
		if (this._state === "open") this._socket.send(text);
	}

	/**
	 * The stream makes no sense any more. Unless the relay says within the grace time that it had
	 * ended anyway, this is the reason given.
	 * @param {string} detail technical
	 */
	fail(detail) {
		if (this._state !== "open") return;
		logInfo(`connection: failing: ${detail}`);
		this._setState("failing");
		this._setTimer(() => {
			this._end(this._bye ?? badStream(detail), CLOSE_OWN_FAULT);
		}, FAIL_GRACE_MS);
	}

	/** The user leaves. */
	close() {
		this._endAs("left");
	}

	_opened() {
		if (this._state !== "connecting") return;
		if (this._socket.protocol !== SUBPROTOCOL) {
			this._end(badStream("another subprotocol"));
			return;
		}
		this._setState("open");
		this._onOpen();
	}

	/** @param {unknown} data */
	_received(data) {
		if (typeof data === "string") this._controlWord(data);
		else if (this._state === "open" && data instanceof ArrayBuffer)
			this._onBytes(new Uint8Array(data));
	}

	/** @param {string} text "word argument message…"; unknown words are for later versions */
	_controlWord(text) {
		const [word, argument, ...message] = text.split(" ");
		if (word === "pong" && argument && this._state === "open") this._onPong(argument);
		if (word === "bye" && argument) this._bye = { code: argument, message: message.join(" ") };
	}

	/** @param {number} closeCode @param {string} closeText */
	_closed(closeCode, closeText) {
		if (this._bye) this._end(this._bye);
		else if (closeCode >= CLOSE_WORDS_FROM && closeText !== "") {
			const [code, ...message] = closeText.split(" ");
			this._end({ code, message: message.join(" ") });
		} else if (this._state === "connecting") this._endAs("connect_failed");
		else if (closeCode === CLOSE_NORMAL) this._endAs("ended");
		else if (closeCode === CLOSE_GOING_AWAY) this._endAs("draining");
		else this._endAs("connection_lost");
	}

	_connectTimedOut() {
		if (this._state === "connecting") this._endAs("timeout");
	}

	/** @param {string} code */
	_endAs(code) {
		this._end({ code, message: "" });
	}

	/** @param {EndReason} reason @param {number} [closeCode] */
	_end(reason, closeCode = CLOSE_NORMAL) {
		if (this._state === "closed") return;
		this._setState("closed");
		this._socket.close(closeCode);
		this._onEnd(reason);
	}

	/** @param {ConnectionState} next */
	_setState(next) {
		if (!TRANSITIONS[this._state].includes(next))
			throw new Error(`connection: no way from ${this._state} to ${next}`);
		logInfo(`connection: ${this._state} -> ${next}`);
		this._state = next;
	}
}

/** @param {string} detail @returns {EndReason} in parentheses, where messages have their details */
function badStream(detail) {
	return { code: "bad_stream", message: `(${detail})` };
}
