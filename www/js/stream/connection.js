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

/**
 * How the stream goes on over another connection. `fresh`: what was not received is gone, a new message
 * begins, and a REINIT comes. `foreign`: besides, somebody else had the stream meanwhile, and what was
 * sent and not taken is forgotten; `lost`: there were presses of keys or buttons among that.
 * @typedef {{fresh: boolean, foreign: boolean, lost: boolean}} Return
 */

/** The part of WebSocket that is used, so that tests can stand in for it.
 * @typedef {Pick<WebSocket, "send" | "close" | "protocol" | "binaryType" | "onopen" | "onmessage"
 *   | "onclose">} Socket */

export const SUBPROTOCOL = "x2goweb.v1";
const CONNECT_WAIT_MS = 15000;
/** An agent that is being suspended may break off inside a message: the relay's word on why it
 * ends comes right after, and is better than our complaint. */
export const FAIL_GRACE_MS = 500;
/** What is lost is tried again at once, but not by all browsers in the same instant; */
export const AT_ONCE_MS = 50;
/** then after pauses that grow, each a little longer or shorter than the rule says. */
export const RETRY_FIRST_MS = 250;
export const RETRY_MOST_MS = 8000;
/** A connection that lived for less is not made again at once. */
export const STEADY_MS = 1000;
/** An attempt that brings nothing within this time is given up for the next one. */
export const ATTEMPT_MS = 8000;
/** So long after the loss, or the last reason to hope, the relay will have given up, too. */
export const GIVE_UP_MS = 120_000;
/** A relay that was not heard of for this long is asked whether it is there. Events are a question,
 * too: it says soon that it has taken them. Whoever gives no answer at all is left. */
export const QUIET_MS = 15_000;
export const ANSWER_MS = 6000;
/** The same where there is a reason to doubt. */
export const DOUBT_MS = 2000;
/** Reasons to hurry come several at a time: one attempt is enough for them. */
export const HURRY_MS = 1000;
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
	reconnecting: ["reconnecting", "greeting", "closed"],
	failing: ["closed"],
	closed: [],
};

export class Connection {
	/**
	 * @param {object} options
	 * @param {(hello: string) => Socket} options.createSocket hello: the query of its address
	 * @param {() => number} options.now milliseconds, monotonic
	 * @param {(run: () => void, ms: number) => any} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 * @param {() => number} options.random from 0 to 1
	 * @param {(fresh: boolean) => void} options.onOpen for the first time; fresh: not from the
	 * stream's beginning
	 * @param {(bytes: Bytes) => void} options.onBytes
	 * @param {(token: string) => void} options.onPong the relay has read all up to that ping
	 * @param {(text: string) => void} options.onSaid by an admin, to the user
	 * @param {() => void} options.onLost the network; another connection is being made
	 * @param {() => void} options.onMissed an attempt has failed: no network, or nobody there
	 * @param {(how: Return) => void} options.onBack
	 * @param {(reason: EndReason) => void} options.onEnd exactly once, and nothing after it
	 */
	constructor(options) {
		this._options = options;
		/** @type {ConnectionState} */
		this._state = "connecting";
		/** @type {EndReason | null} the relay's own word */
		this._bye = null;
		this._stream = "-";
		this._page = Math.floor(options.random() * 2 ** 53).toString(36);
		this._attempt = 0;
		this._hidden = false;
		this._toldHidden = false;
		this._outbox = new Outbox();
		/** @type {string[]} not answered */
		this._pings = [];
		this._retryMs = 0;
		this._openedAt = 0;
		this._hopedAt = 0; /* lost then, or there was a reason to hope */
		this._hurriedAt = -Infinity; /* the attempt that is under way began then, in a hurry */
		this._heardAt = 0;
		this._awaiting = false; /* some word of the relay, until the quiet timer runs out */
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
		/** @type {Socket | null} */
		this._socket = null;
		this._connect();
		options.setTimer(() => this._connectTimedOut(), CONNECT_WAIT_MS);
	}

	get state() {
		return this._state;
	}

	/** @param {Bytes} bytes whole events, one message; kept while the network is away */
	send(bytes) {
		const there = this._state === "open";
		if (!there && (this._stream === "-" || this._state === "closed")) return;
		this._outbox.add(bytes, there);
		if (there) {
			this._socket?.send(bytes);
			if (!this._awaiting) this._await(ANSWER_MS);
		} else if (this._outbox.isFull) this._endAs("connection_lost");
	}

	/** Of what has been sent so far; for hasTaken. */
	get position() {
		return this._outbox.added;
	}

	/** Whether the relay has taken all up to there, and is there to tell what came of it.
	 * @param {number} position */
	hasTaken(position) {
		if (this._state === "closed") return true;
		return this._state === "open" && this._outbox.added - this._outbox.bytes >= position;
	}

	/** Asks for a pong once all that was sent before has been taken. @param {string} token */
	ping(token) {
		if (this._state === "closed" || this._pings.length >= PINGS_MAX) return;
		this._pings.push(token);
		this._sayNow(`ping ${token}`);
	}

	/** Nobody looks: pictures need not come. @param {boolean} hidden */
	setHidden(hidden) {
		this._hidden = hidden;
		this._tellHidden();
	}

	/** Pictures of so many bytes, of those that have come, are not painted yet.
	 * @param {number} bytes */
	setUnpainted(bytes) {
		this._acknowledger.setUnpainted(bytes);
	}

	/** The network may be there again, or may have gone without a word: finds out at once. */
	hurry() {
		if (this._state === "open") this._ask(DOUBT_MS);
		else if (this._stream !== "-" && ["reconnecting", "greeting"].includes(this._state)) {
			this._hopedAt = this._options.now();
			if (this._hopedAt < this._hurriedAt + HURRY_MS) return;
			this._hurriedAt = this._hopedAt;
			this._retryMs = RETRY_FIRST_MS;
			this._setState("reconnecting");
			this._retry();
		}
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
		const socket = this._options.createSocket(this._hello());
		const mine = () => socket === this._socket;
		socket.binaryType = "arraybuffer";
		socket.onopen = () => mine() && this._opened(socket);
		socket.onmessage = (event) => mine() && this._received(event.data);
		socket.onclose = (event) => mine() && this._lost(event.code, event.reason);
		this._bye = null;
		this._socket = socket;
	}

	/** The first word, which stands in the address. An attempt that comes late, when this page has made
	 * another one, is known by its number. */
	_hello() {
		this._attempt += 1;
		this._toldHidden = this._hidden;
		const { received } = this._acknowledger;
		const view = this._hidden ? "hidden" : "shown";
		return ["hello", 1, this._stream, received, this._page, this._attempt, view].join(".");
	}

	/** It is of no use, whatever it thinks itself. */
	_dropSocket() {
		const socket = this._socket;
		this._socket = null;
		socket?.close(CLOSE_OWN_FAULT);
	}

	/** @param {Socket} socket */
	_opened(socket) {
		if (this._state !== "connecting" && this._state !== "reconnecting") return;
		if (socket.protocol !== SUBPROTOCOL) {
			this._end(badStream("another subprotocol"));
			return;
		}
		this._setState("greeting");
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
		else if (word === "say" && this._state === "open") this._said(argument ?? "");
		else if (word === "pong" && this._state === "open") this._answered(argument);
		else if (word === "ack" && this._state === "open")
			if (!this._outbox.acknowledge(Number(argument)))
				this.fail("events taken that were not sent");
	}

	/** @param {string} encoded as a part of an address */
	_said(encoded) {
		try {
			this._options.onSaid(decodeURIComponent(encoded));
		} catch {
			logInfo("connection: an admin's words cannot be read");
		}
	}

	/** @param {string[]} words of hello, after the version */
	_greeted([stream, downText, upText, how]) {
		const [down, up] = [Number(downText), Number(upText)];
		const first = this._stream === "-";
		const known = how === "resume" && !first;
		const good =
			Number.isSafeInteger(down) &&
			Number.isSafeInteger(up) &&
			(first || stream === this._stream) &&
			(known ? down === this._acknowledger.received : how === "start" || how === "fresh");
		const fits = !first && this._outbox.acknowledge(up);
		if (!good || (known && !fits)) {
			this._end(badStream("a greeting that does not fit"));
			return;
		}
		/* Else the relay counts somebody else's events, too. */
		const lost = !fits && this._outbox.restart(up);
		this._stream = stream;
		if (!known) this._acknowledger.restart(down);
		this._openedAt = this._options.now();
		this._options.clearTimer(this._attemptTimer);
		this._setState("open");
		for (const bytes of this._outbox.again()) this._socket?.send(bytes);
		for (const token of this._pings) this._sayNow(`ping ${token}`);
		this._tellHidden();
		this._watch();
		if (first) this._options.onOpen(how === "fresh");
		else this._options.onBack({ fresh: !known, foreign: !fits, lost });
	}

	/** @param {string | undefined} token */
	_answered(token) {
		if (!token) return;
		this._pings = this._pings.filter((ping) => ping !== token);
		this._options.onPong(token);
	}

	_tellHidden() {
		if (this._state !== "open" || this._toldHidden === this._hidden) return;
		this._toldHidden = this._hidden;
		this._sayNow(this._hidden ? "hide" : "show");
	}

	/** @param {string} text a control word; of no use when nobody is there */
	_sayNow(text) {
		if (this._state === "open") this._socket?.send(text);
	}

	/* ---- coming back ---- */

	/** @param {number} closeCode @param {string} closeText */
	_lost(closeCode, closeText) {
		const why = this._bye ?? wordsOfClose(closeCode, closeText);
		if (why) this._end(why);
		else if (this._state === "connecting") this._endAs("connect_failed");
		else if (closeCode === CLOSE_NORMAL) this._endAs("ended");
		else if (closeCode === CLOSE_GOING_AWAY) this._endAs("draining");
		else if (this._state === "failing" || this._stream === "-") this._endAs("connection_lost");
		else this._comeBack();
	}

	/** What there was is gone: another one, unless it has been too long. */
	_comeBack() {
		const { now, clearTimer } = this._options;
		this._dropSocket();
		clearTimer(this._attemptTimer);
		clearTimer(this._quietTimer);
		this._awaiting = false;
		this._hurriedAt = -Infinity;
		this._acknowledger.pause();
		if (this._state === "open") {
			this._hopedAt = now();
			this._retryMs = now() - this._openedAt < STEADY_MS ? RETRY_FIRST_MS : 0;
			this._setState("reconnecting");
			this._options.onLost();
		} else {
			this._setState("reconnecting");
			this._options.onMissed();
		}
		if (this._state !== "reconnecting") return;
		if (now() - this._hopedAt > GIVE_UP_MS) this._endAs("connection_lost");
		else this._retrySoon();
	}

	_retrySoon() {
		const { setTimer, random } = this._options;
		const pauseMs =
			this._retryMs === 0 ? AT_ONCE_MS * random() : this._retryMs * (0.75 + random() / 2);
		this._retryMs = Math.min(Math.max(2 * this._retryMs, RETRY_FIRST_MS), RETRY_MOST_MS);
		this._retryTimer = setTimer(() => this._retry(), pauseMs);
	}

	_retry() {
		if (this._state !== "reconnecting") return;
		this._options.clearTimer(this._retryTimer);
		this._options.clearTimer(this._attemptTimer);
		/* First: browsers make one connection to a host at a time. */
		this._dropSocket();
		this._attemptTimer = this._options.setTimer(() => this._comeBack(), ATTEMPT_MS);
		this._connect();
	}

	/* ---- a line that is quiet may be dead: the network says nothing of it ---- */

	_watch() {
		const { now, setTimer, clearTimer } = this._options;
		const quietMs = now() - this._heardAt;
		this._awaiting = false;
		if (this._outbox.bytes > 0) this._await(ANSWER_MS);
		else if (quietMs >= QUIET_MS) this._ask(ANSWER_MS);
		else {
			clearTimer(this._quietTimer);
			this._quietTimer = setTimer(() => this._watch(), QUIET_MS - quietMs);
		}
	}

	/** @param {number} patienceMs */
	_ask(patienceMs) {
		this._sayNow("ping alive");
		this._await(patienceMs);
	}

	/** Some word of the relay. @param {number} patienceMs */
	_await(patienceMs) {
		const { now, setTimer, clearTimer } = this._options;
		const since = now();
		clearTimer(this._quietTimer);
		this._awaiting = true;
		this._quietTimer = setTimer(() => {
			if (this._state !== "open") return;
			if (this._heardAt >= since) this._watch();
			else this._comeBack();
		}, patienceMs);
	}

	/* ---- the end ---- */

	_connectTimedOut() {
		if (this._stream === "-") this._endAs("timeout");
	}

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
		this._socket?.close(closeCode);
		this._socket = null;
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

/** A close may say why. @param {number} code @param {string} text @returns {EndReason | null} */
function wordsOfClose(code, text) {
	if (code < CLOSE_WORDS_FROM || text === "") return null;
	const [word, ...message] = text.split(" ");
	return { code: word, message: message.join(" ") };
}

/** @param {string} detail @returns {EndReason} in parentheses, where messages have their details */
function badStream(detail) {
	return { code: "bad_stream", message: `(${detail})` };
}
