/* SPDX-License-Identifier: ISC */
/*
 * The stream's line to the relay, over as many WebSockets as it takes (docs/stream.md): when one is
 * lost another one is made, and both sides go on where they were. Bytes pass through unread, and
 * counted. Ends are codes; the page has the sentences.
 *
 *   connecting ---> greeting ---> open ---> closed	closed once, with one reason
 *        |             ^  |        |  \        ^
 *        |             |  v        v   '-> failing	a fault of ours was found; see fail()
 *        |          reconnecting <-'           |
 *        '----------------'--------------------'
 */

import { logInfo } from "../log.js";
import { Acknowledger } from "./acknowledger.js";
import { Outbox } from "./outbox.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").EndReason} EndReason */
/** @typedef {"connecting" | "greeting" | "open" | "reconnecting" | "failing" | "closed"}
 *   ConnectionState */

/** The part of WebSocket that is used, so that tests can stand in for it.
 * @typedef {Pick<WebSocket, "send" | "close" | "protocol" | "binaryType" | "onopen" | "onmessage"
 *   | "onclose">} Socket */

export const SUBPROTOCOL = "x2goweb.v1";
const CONNECT_WAIT_MS = 15000;
/** An agent that is being suspended may break off inside a message: the relay's word on why it
 * ends comes right after, and is better than our complaint. */
export const FAIL_GRACE_MS = 500;
/** Between attempts to come back; each a little more or less, so that not all come at once. */
export const RETRY_FIRST_MS = 250;
export const RETRY_MOST_MS = 8000;
/** An attempt that brings nothing within this time is given up for the next one. */
export const ATTEMPT_MS = 8000;
/** After which the relay will have given up, too. */
export const GIVE_UP_MS = 120_000;
/** A relay that was not heard of for this long is asked whether it is there, and left if it does
 * not say so. */
export const QUIET_MS = 15_000;
export const ANSWER_MS = 6000;
const PINGS_MAX = 32;

const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_OWN_FAULT = 4002;
const CLOSE_WORDS_FROM = 4000;

/** @type {Record<ConnectionState, ConnectionState[]>} */
const TRANSITIONS = {
	connecting: ["greeting", "closed"],
	greeting: ["open", "reconnecting", "closed"],
	open: ["failing", "reconnecting", "closed"],
	reconnecting: ["greeting", "closed"],
	failing: ["closed"],
	closed: [],
};

export class Connection {
	/**
	 * @param {object} options
	 * @param {() => Socket} options.createSocket
	 * @param {() => number} options.now milliseconds, monotonic
	 * @param {(run: () => void, ms: number) => any} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 * @param {() => number} options.random from 0 to 1
	 * @param {() => void} options.onOpen for the first time
	 * @param {(bytes: Bytes) => void} options.onBytes
	 * @param {(token: string) => void} options.onPong the relay has read all up to that ping
	 * @param {() => void} options.onLost the network; another connection is being made
	 * @param {(fresh: boolean) => void} options.onBack fresh: what was not received is gone; a new
	 * message begins, and a REINIT comes
	 * @param {(reason: EndReason) => void} options.onEnd exactly once, and nothing after it
	 */
	constructor(options) {
		this._options = options;
		/** @type {ConnectionState} */
		this._state = "connecting";
		/** @type {EndReason | null} the relay's own word */
		this._bye = null;
		this._stream = "-";
		this._hidden = false;
		this._outbox = new Outbox();
		/** @type {string[]} not answered */
		this._pings = [];
		this._retryMs = RETRY_FIRST_MS;
		this._lostAt = 0;
		this._heardAt = 0;
		/** @type {any} */
		this._retryTimer = undefined;
		/** @type {any} */
		this._attemptTimer = undefined;
		/** @type {any} */
		this._quietTimer = undefined;
		this._acknowledger = new Acknowledger({
			say: (text) => this._sayNow(text),
			setTimer: options.setTimer,
			clearTimer: options.clearTimer,
		});
		/** @type {Socket} */
		this._socket = this._connect();
		options.setTimer(() => this._connectTimedOut(), CONNECT_WAIT_MS);
	}

	get state() {
		return this._state;
	}

	/** @param {Bytes} bytes whole events, one message; kept while the network is away */
	send(bytes) {
		const there = this._state === "open";
		if (!there && this._state !== "reconnecting" && this._state !== "greeting") return;
		this._outbox.add(bytes, there);
		if (there) this._socket.send(bytes);
		else if (this._outbox.isFull) this._endAs("connection_lost");
	}

	/** Asks for a pong once all that was sent before has been taken. @param {string} token */
	ping(token) {
		if (this._state === "closed" || this._pings.length >= PINGS_MAX) return;
		this._pings.push(token);
		this._sayNow(`ping ${token}`);
	}

	/** Nobody looks: pictures need not come. @param {boolean} hidden */
	setHidden(hidden) {
		if (hidden === this._hidden) return;
		this._hidden = hidden;
		this._sayNow(hidden ? "hide" : "show");
	}

	/** Pictures of so many bytes, of those that have come, are not painted yet.
	 * @param {number} bytes */
	setUnpainted(bytes) {
		this._acknowledger.setUnpainted(bytes);
	}

	/** The network may be there again, or may have gone without a word: finds out at once. */
	hurry() {
		if (this._state === "reconnecting") this._retry();
		else if (this._state === "open") this._askWhetherThere(ANSWER_MS / 3);
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
		this._options.setTimer(() => {
			this._end(this._bye ?? badStream(detail), CLOSE_OWN_FAULT);
		}, FAIL_GRACE_MS);
	}

	/** The user leaves. */
	close() {
		this._endAs("left");
	}

	/* ---- one WebSocket ---- */

	_connect() {
		const socket = this._options.createSocket();
		const mine = () => socket === this._socket;
		socket.binaryType = "arraybuffer";
		socket.onopen = () => mine() && this._opened();
		socket.onmessage = (event) => mine() && this._received(event.data);
		socket.onclose = (event) => mine() && this._lost(event.code, event.reason);
		return socket;
	}

	_opened() {
		if (this._state !== "connecting" && this._state !== "reconnecting") return;
		if (this._socket.protocol !== SUBPROTOCOL) {
			this._end(badStream("another subprotocol"));
			return;
		}
		this._setState("greeting");
		this._socket.send(`hello 1 ${this._stream} ${this._acknowledger.received}`);
	}

	/** @param {unknown} data */
	_received(data) {
		this._heardAt = this._options.now();
		if (typeof data === "string") this._controlWord(data);
		else if (this._state === "open" && data instanceof ArrayBuffer) {
			this._acknowledger.take(data.byteLength);
			this._options.onBytes(new Uint8Array(data));
		}
	}

	/** @param {string} text "word argument message…"; unknown words are for later versions */
	_controlWord(text) {
		const [word, argument, ...rest] = text.split(" ");
		if (word === "hello" && this._state === "greeting") this._greeted(rest);
		else if (word === "bye" && argument)
			this._bye = { code: argument, message: rest.join(" ") };
		else if (word === "pong" && this._state === "open") this._answered(argument);
		else if (word === "ack" && this._state === "open")
			if (!this._outbox.acknowledge(Number(argument)))
				this.fail("events taken that were not sent");
	}

	/** @param {string[]} words of hello, after the version */
	_greeted([stream, downText, upText, how]) {
		const [down, up] = [Number(downText), Number(upText)];
		const first = this._stream === "-";
		const known = how === "resume" && stream === this._stream;
		const good =
			Number.isSafeInteger(down) &&
			Number.isSafeInteger(up) &&
			(known ? down === this._acknowledger.received : how === "start" || how === "fresh");
		if (!good || (stream === this._stream && !this._outbox.acknowledge(up))) {
			this._end(badStream("a greeting that does not fit"));
			return;
		}
		if (stream !== this._stream) this._outbox.restart(up);
		this._stream = stream;
		if (!known) this._acknowledger.restart(down);
		this._setState("open");
		this._retryMs = RETRY_FIRST_MS;
		this._options.clearTimer(this._attemptTimer);
		this._watch();
		if (first) this._options.onOpen();
		if (!first || how === "fresh") this._options.onBack(how === "fresh");
		for (const bytes of this._outbox.again()) this._socket.send(bytes);
		for (const token of this._pings) this._sayNow(`ping ${token}`);
		if (this._hidden) this._sayNow("hide");
	}

	/** @param {string | undefined} token */
	_answered(token) {
		if (!token) return;
		this._pings = this._pings.filter((ping) => ping !== token);
		this._options.onPong(token);
	}

	/** @param {string} text a control word; of no use when nobody is there */
	_sayNow(text) {
		if (this._state === "open") this._socket.send(text);
	}

	/* ---- coming back ---- */

	/** @param {number} closeCode @param {string} closeText */
	_lost(closeCode, closeText) {
		if (this._bye) this._end(this._bye);
		else if (closeCode >= CLOSE_WORDS_FROM && closeText !== "") {
			const [code, ...message] = closeText.split(" ");
			this._end({ code, message: message.join(" ") });
		} else if (this._state === "connecting") this._endAs("connect_failed");
		else if (closeCode === CLOSE_NORMAL) this._endAs("ended");
		else if (closeCode === CLOSE_GOING_AWAY) this._endAs("draining");
		else if (this._state === "failing" || this._stream === "-") this._endAs("connection_lost");
		else this._comeBack();
	}

	_comeBack() {
		const { now, setTimer, random } = this._options;
		this._options.clearTimer(this._attemptTimer);
		this._options.clearTimer(this._quietTimer);
		this._acknowledger.pause();
		if (this._state === "open") {
			this._lostAt = now();
			this._setState("reconnecting");
			this._options.onLost();
		} else if (this._state === "greeting") this._setState("reconnecting");
		if (this._state !== "reconnecting") return;
		if (now() - this._lostAt > GIVE_UP_MS) {
			this._endAs("connection_lost");
			return;
		}
		const pauseMs = this._retryMs * (0.75 + random() / 2);
		this._retryMs = Math.min(2 * this._retryMs, RETRY_MOST_MS);
		this._retryTimer = setTimer(() => this._retry(), pauseMs);
	}

	_retry() {
		if (this._state !== "reconnecting") return;
		this._options.clearTimer(this._retryTimer);
		this._options.clearTimer(this._attemptTimer);
		const before = this._socket;
		this._socket = this._connect();
		before.close(CLOSE_OWN_FAULT);
		this._attemptTimer = this._options.setTimer(() => this._giveUpSocket(), ATTEMPT_MS);
	}

	/** It is not of use, whatever it thinks itself. */
	_giveUpSocket() {
		const { _socket: socket } = this;
		if (this._state === "closed") return;
		this._comeBack();
		socket.onclose = null;
		socket.close(CLOSE_OWN_FAULT);
	}

	/** A line that is quiet may be dead: the network says nothing of it. */
	_watch() {
		const { now, setTimer, clearTimer } = this._options;
		clearTimer(this._quietTimer);
		const quietMs = now() - this._heardAt;
		if (quietMs >= QUIET_MS) this._askWhetherThere(ANSWER_MS);
		else this._quietTimer = setTimer(() => this._watch(), QUIET_MS - quietMs);
	}

	/** @param {number} patienceMs */
	_askWhetherThere(patienceMs) {
		const { now, setTimer, clearTimer } = this._options;
		const askedAt = now();
		clearTimer(this._quietTimer);
		this._sayNow("ping alive");
		this._quietTimer = setTimer(() => {
			if (this._state !== "open") return;
			if (this._heardAt >= askedAt) this._watch();
			else this._giveUpSocket();
		}, patienceMs);
	}

	_connectTimedOut() {
		if (this._stream === "-") this._endAs("timeout");
	}

	/* ---- the end ---- */

	/** @param {string} code */
	_endAs(code) {
		this._end({ code, message: "" });
	}

	/** @param {EndReason} reason @param {number} [closeCode] */
	_end(reason, closeCode = CLOSE_NORMAL) {
		if (this._state === "closed") return;
		this._setState("closed");
		const { clearTimer } = this._options;
		for (const timer of [this._retryTimer, this._attemptTimer, this._quietTimer])
			clearTimer(timer);
		this._acknowledger.pause();
		this._socket.close(closeCode);
		this._options.onEnd(reason);
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
