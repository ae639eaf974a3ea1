/* SPDX-License-Identifier: ISC */
/*
 * The page's side of one stream: the canvas, the engine that paints on it, and the user's input.
 * Made for a stream, closed with it; the canvas element is replaced, since one that was handed to
 * a worker cannot be taken back.
 */

import { SessionClipboard } from "./clipboard/session_clipboard.js";
import { CursorView } from "./ui/cursor_view.js";
import { byId } from "./ui/dom.js";
import { Engine } from "./stream/engine.js";
import { KeyInput } from "./input/key_input.js";
import { PaintHost } from "./stream/paint_host.js";
import { PointerInput } from "./input/pointer_input.js";
import { ScreenPlace } from "./ui/screen_place.js";
import { TouchRing } from "./ui/touch_ring.js";

/** @typedef {import("./types.js").PageMessage} PageMessage */
/** @typedef {import("./types.js").EngineMessage} EngineMessage */
/** @typedef {import("./types.js").EndReason} EndReason */
/** @typedef {import("./types.js").Stats} Stats */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {{tell: (message: PageMessage, transfer?: Transferable[]) => void, stop: () => void}} Host */

/**
 * @typedef {object} ViewEvents
 * @property {() => void} onConnected
 * @property {() => void} onPainted the first picture stands
 * @property {() => void} onReconnecting the network is gone
 * @property {() => void} onMissed once more in vain
 * @property {(lost: boolean) => void} onReconnected and there again; lost: what was typed meanwhile
 * @property {(reason: EndReason) => void} onEnded once, unless closed before
 * @property {(stats: Stats) => void} onStats
 * @property {(text: string) => void} onSaid by the gateway's administrator
 * @property {() => void} onLeave the user asks for the toolbar
 * @property {() => void} onClipboard its state has changed
 */

const WORKER_END_MS = 500;

export class SessionView {
	/**
	 * @param {object} options
	 * @param {HTMLElement} options.stage the room that the screen has
	 * @param {HTMLElement} options.viewport the seen part of it; holds the canvas
	 * @param {string} options.url of the WebSocket
	 * @param {Size} options.size that the gateway has asked the agent for
	 * @param {string} options.layout of the session's keyboard
	 * @param {import("./types.js").ClipboardDirection} options.direction of the clipboard
	 * @param {import("./types.js").Config["limits"]} options.limits
	 * @param {import("./screen_mode.js").ScreenMode} options.mode
	 * @param {ViewEvents} options.events
	 */
	constructor({ stage, viewport, url, size, layout, direction, limits, mode, events }) {
		this._events = events;
		this._canvas = freshCanvas(viewport);
		this._cursor = new CursorView(this._canvas);
		this._listeners = new AbortController();
		this._host = startEngine(this._canvas, { url, ...size }, (message) => this._heard(message));
		this.clipboard = new SessionClipboard({
			stage,
			direction,
			tell: (message) => this._host.tell(message),
			onChange: events.onClipboard,
		});
		this.keys = new KeyInput({
			screen: this._canvas,
			field: byId("text-input", HTMLTextAreaElement),
			send: (down, keycode, mask, repeat) =>
				this._tell({ type: "key", down, keycode, mask, repeat }),
			layout,
			beforeKey: (event) => this.clipboard.beforeKey(event),
			paste: (text) => this.pasteText(text),
			onLeave: events.onLeave,
			signal: this._listeners.signal,
		});
		this._place = new ScreenPlace({
			stage,
			viewport,
			canvas: this._canvas,
			mode,
			screen: size,
			signal: this._listeners.signal,
			onRoom: (box) => this._tell({ type: "resize", ...mode.desiredSize(box, limits) }),
			onDensity: (density) => this._cursor.setDensity(density),
		});
		const ring = new TouchRing(stage, this._listeners.signal);
		this._pointer = new PointerInput({
			canvas: this._canvas,
			signal: this._listeners.signal,
			tell: (message) => this._point(message),
			view: this._place,
			ring: (at) => ring.show(at),
			onPressed: () => this.focus(),
			before: (event) => {
				this.clipboard.beforePointer(event);
				this.keys.sync(event);
			},
		});
		this._listen();
		if (document.hidden) this.setVisible(false);
	}

	/** What the user chose of size and zoom is another now. */
	modeChanged() {
		this._place.modeChanged();
	}

	focus() {
		this.keys.focus();
	}

	/** A screen that nobody can see costs nothing. @param {boolean} visible */
	setVisible(visible) {
		this._tell({ type: "visible", visible });
	}

	/** @param {boolean} on */
	showStats(on) {
		this._tell({ type: "stats", on });
	}

	/** The network may be back, or gone. */
	hurry() {
		this._tell({ type: "hurry" });
	}

	/** Types text that no key of the layout has: the program with the focus pastes it. What the
	 * clipboard held comes back afterwards. @param {string} text */
	pasteText(text) {
		if (this.clipboard.mayOffer) this._tell({ type: "paste-text", text });
	}

	/** Ends the stream from this side; no event comes any more. The last picture stays. */
	close() {
		this.clipboard.close();
		this._tell({ type: "close" });
		this._dispose();
	}

	/** @param {PageMessage} message of the pointer */
	_point(message) {
		if (message.type === "button") message.mask = this.keys.buttonMask(message.mask);
		this._tell(message);
	}

	/** @param {PageMessage} message */
	_tell(message) {
		this.clipboard.pass(message);
	}

	/** @param {EngineMessage} message */
	_heard(message) {
		if (this._listeners.signal.aborted) return;
		switch (message.type) {
			case "connected":
				this.clipboard.start();
				return this._events.onConnected();
			case "painted":
				return this._events.onPainted();
			case "reconnecting":
				return this._events.onReconnecting();
			case "missed":
				return this._events.onMissed();
			case "reconnected":
				return this._events.onReconnected(message.lost);
			case "screen":
				return this._place.setScreen({ width: message.width, height: message.height });
			case "cursor-image":
				return this._cursor.add(message);
			case "cursor":
				return this._cursor.show(message.serial);
			case "cursors-dropped":
				return this._cursor.forgetOthers();
			case "stats":
				return this._events.onStats(message.stats);
			case "said":
				return this._events.onSaid(message.text);
			case "selection-noticed":
			case "selection":
			case "selection-failed":
			case "selection-fetched":
			case "offer-failed":
				return this.clipboard.heard(message);
			case "ended":
				this._dispose();
				return this._events.onEnded(message.reason);
		}
	}

	_listen() {
		const canvas = this._canvas;
		const options = { signal: this._listeners.signal };
		canvas.addEventListener("blur", () => this._pointer.releaseAll(), options);
		window.addEventListener("blur", () => this._releaseAll(), options);
		document.addEventListener(
			"visibilitychange",
			() => this.setVisible(!document.hidden),
			options,
		);
		followNetwork(() => this.hurry(), options);
	}

	_releaseAll() {
		this._pointer.releaseAll();
		this.keys.releaseAll();
	}

	_dispose() {
		if (this._listeners.signal.aborted) return;
		this._listeners.abort();
		this.clipboard.close();
		this._cursor.clear();
		this._canvas.style.cursor = "default";
		this._host.stop();
	}
}

/** The browser knows of the network before the connection does, and Chromium tells no worker.
 * @param {() => void} changed it is there again, gone, or another one
 * @param {AddEventListenerOptions} options */
function followNetwork(changed, options) {
	for (const event of ["online", "offline"]) window.addEventListener(event, changed, options);
	const { connection } = /** @type {{connection?: EventTarget & {type?: string}}} */ (navigator);
	let type = connection?.type;
	/* Figures change all the time. */
	const look = () => {
		if (type !== connection?.type) changed();
		type = connection?.type;
	};
	connection?.addEventListener("change", look, options);
}

/** @param {HTMLElement} viewport @returns {HTMLCanvasElement} */
function freshCanvas(viewport) {
	const old = /** @type {HTMLCanvasElement} */ (viewport.querySelector("canvas"));
	const fresh = /** @type {HTMLCanvasElement} */ (old.cloneNode());
	old.replaceWith(fresh);
	return fresh;
}

/**
 * Engine and paint side in a worker each, with a line between them, or here if the canvas cannot
 * be in a worker.
 * @param {HTMLCanvasElement} canvas
 * @param {{url: string, width: number, height: number}} open
 * @param {(message: EngineMessage) => void} heard
 * @returns {Host}
 */
function startEngine(canvas, open, heard) {
	if (!("transferControlToOffscreen" in canvas) || typeof Worker === "undefined") {
		const paint = new PaintHost(canvas, heard, (report) => engine.painted(report));
		const engine = new Engine(open, heard, (orders) => paint.take(orders));
		return { tell: (message) => engine.tell(message), stop: () => {} };
	}
	const workers = {
		stream: new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
		paint: new Worker(new URL("./paint_worker.js", import.meta.url), { type: "module" }),
	};
	for (const worker of Object.values(workers)) {
		worker.onmessage = ({ data }) => heard(data);
		worker.onerror = (event) => {
			const message = `(${event.message ?? "the worker could not be loaded"})`;
			heard({ type: "ended", reason: { code: "page_fault", message } });
		};
	}
	const { port1: paint, port2: engine } = new MessageChannel();
	const offscreen = canvas.transferControlToOffscreen();
	workers.stream.postMessage({ type: "open", ...open, paint }, [paint]);
	workers.paint.postMessage({ canvas: offscreen, engine }, [offscreen, engine]);
	return {
		tell: (message) => workers.stream.postMessage(message),
		/* Not at once: it may have a socket to close. */
		stop: () => {
			setTimeout(() => {
				for (const worker of Object.values(workers)) worker.terminate();
			}, WORKER_END_MS);
		},
	};
}
