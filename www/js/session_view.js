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
import { displayDensity, placeScreen, remoteSize, screenPoint } from "./geometry.js";
import { KeyInput } from "./input/key_input.js";
import { maskOf } from "./input/modifiers.js";
import { Pointer } from "./input/pointer.js";
import { Wheel } from "./input/wheel.js";

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
 * @property {(reason: EndReason) => void} onEnded once, unless closed before
 * @property {(stats: Stats) => void} onStats
 * @property {() => void} onLeave the user asks for the toolbar
 * @property {() => void} onClipboard its state has changed
 */

const WORKER_END_MS = 500;

export class SessionView {
	/**
	 * @param {object} options
	 * @param {HTMLElement} options.stage the box that the screen fills; holds the canvas
	 * @param {string} options.url of the WebSocket
	 * @param {Size} options.size that the gateway has asked the agent for
	 * @param {string} options.layout of the session's keyboard
	 * @param {import("./types.js").Config["limits"]} options.limits
	 * @param {ViewEvents} options.events
	 */
	constructor({ stage, url, size, layout, limits, events }) {
		this._stage = stage;
		this._limits = limits;
		this._events = events;
		this._screen = size;
		this._canvas = freshCanvas(stage);
		this._cursor = new CursorView(this._canvas);
		this._wheel = new Wheel(() => performance.now());
		this._listeners = new AbortController();
		this._host = startEngine(this._canvas, { url, ...size }, (message) => this._heard(message));
		this.clipboard = new SessionClipboard({
			stage,
			tell: (message) => this._host.tell(message),
			onChange: events.onClipboard,
		});
		this.keys = new KeyInput({
			screen: this._canvas,
			field: byId("text-input", HTMLTextAreaElement),
			send: (down, keycode, mask) => this._tell({ type: "key", down, keycode, mask }),
			layout,
			beforeKey: (event) => this.clipboard.beforeKey(event),
			paste: (text) => this.pasteText(text),
			onLeave: events.onLeave,
			signal: this._listeners.signal,
		});
		this._pointer = new Pointer({
			sendMotion: (x, y) => this._tell({ type: "motion", x, y }),
			sendButton: (down, button, mask) => this._button(down, button, mask),
			toScreen: (x, y) =>
				screenPoint(this._canvas.getBoundingClientRect(), this._screen, x, y),
			onNextFrame: (run) => requestAnimationFrame(run),
		});
		this._listen();
		if (document.hidden) this.setVisible(false);
		this._observer = new ResizeObserver(() => this._stageResized());
		this._observer.observe(stage);
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

	/** Types text that no key of the layout has: the program with the focus pastes it. What the
	 * clipboard held comes back afterwards. @param {string} text */
	pasteText(text) {
		this._tell({ type: "paste-text", text });
	}

	/** Ends the stream from this side; no event comes any more. The last picture stays. */
	close() {
		this.clipboard.close();
		this._tell({ type: "close" });
		this._dispose();
	}

	/** @param {boolean} down @param {number} button @param {number} mask */
	_button(down, button, mask) {
		this._tell({ type: "button", down, button, mask: mask | this.keys.held });
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
			case "screen":
				this._screen = { width: message.width, height: message.height };
				return this._place();
			case "cursor-image":
				return this._cursor.add(message);
			case "cursor":
				return this._cursor.show(message.serial);
			case "cursors-dropped":
				return this._cursor.forgetOthers();
			case "stats":
				return this._events.onStats(message.stats);
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
		const pointer = (/** @type {PointerEvent} */ event) => {
			this.clipboard.beforePointer(event);
			this.keys.sync(event);
			this._pointer.update(event);
		};
		canvas.addEventListener("blur", () => this._pointer.releaseAll(), options);
		window.addEventListener("blur", () => this._releaseAll(), options);
		document.addEventListener(
			"visibilitychange",
			() => this.setVisible(!document.hidden),
			options,
		);
		canvas.addEventListener(
			"pointerdown",
			(event) => {
				this.focus();
				canvas.setPointerCapture(event.pointerId);
				event.preventDefault();
				pointer(event);
			},
			options,
		);
		canvas.addEventListener("pointermove", pointer, options);
		canvas.addEventListener("pointerup", pointer, options);
		canvas.addEventListener("pointercancel", () => this._pointer.releaseAll(), options);
		canvas.addEventListener("contextmenu", (event) => event.preventDefault(), options);
		canvas.addEventListener("wheel", (event) => this._wheelTurned(event), {
			...options,
			passive: false,
		});
	}

	/** @param {WheelEvent} event */
	_wheelTurned(event) {
		event.preventDefault();
		this._pointer.update(event);
		this._pointer.flush();
		const mask = maskOf(event);
		for (const button of this._wheel.notches(event)) {
			this._button(true, button, mask);
			this._button(false, button, mask);
		}
	}

	_releaseAll() {
		this._pointer.releaseAll();
		this.keys.releaseAll();
	}

	_stageResized() {
		const box = stageBox(this._stage);
		/* Hidden: there is no size to follow. */
		if (box.width < 1 || box.height < 1) return;
		this._place();
		this._tell({ type: "resize", ...desiredSize(this._stage, this._limits) });
	}

	/** The canvas itself may be the worker's: tests find the screen's size in its data. */
	_place() {
		Object.assign(this._canvas.dataset, this._screen);
		const box = stageBox(this._stage);
		const density = displayDensity(devicePixelRatio);
		const place = placeScreen(box, this._screen, density);
		Object.assign(this._canvas.style, {
			left: `${place.x}px`,
			top: `${place.y}px`,
			width: `${place.width}px`,
			height: `${place.height}px`,
		});
		if (place.width > 0) this._cursor.setDensity(this._screen.width / place.width);
	}

	_dispose() {
		if (this._listeners.signal.aborted) return;
		this._listeners.abort();
		this.clipboard.close();
		this._observer.disconnect();
		this._cursor.clear();
		this._canvas.style.cursor = "default";
		this._host.stop();
	}
}

/** @param {HTMLElement} stage @returns {Size} */
function stageBox(stage) {
	return { width: stage.clientWidth, height: stage.clientHeight };
}

/** The screen size that fills the stage. @param {HTMLElement} stage
 * @param {import("./types.js").Config["limits"]} limits */
export function desiredSize(stage, limits) {
	return remoteSize(stageBox(stage), displayDensity(devicePixelRatio), limits);
}

/** @param {HTMLElement} stage @returns {HTMLCanvasElement} */
function freshCanvas(stage) {
	const old = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
	const fresh = /** @type {HTMLCanvasElement} */ (old.cloneNode());
	old.replaceWith(fresh);
	return fresh;
}

/**
 * The engine in a worker that owns the canvas, or here if that cannot be.
 * @param {HTMLCanvasElement} canvas
 * @param {{url: string, width: number, height: number}} open
 * @param {(message: EngineMessage) => void} heard
 * @returns {Host}
 */
function startEngine(canvas, open, heard) {
	if (!("transferControlToOffscreen" in canvas) || typeof Worker === "undefined") {
		const engine = new Engine({ type: "open", canvas, ...open }, heard);
		return { tell: (message) => engine.tell(message), stop: () => {} };
	}
	const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
	worker.onmessage = ({ data }) => heard(data);
	worker.onerror = (event) => {
		const message = `(${event.message ?? "the worker could not be loaded"})`;
		heard({ type: "ended", reason: { code: "page_fault", message } });
	};
	const offscreen = canvas.transferControlToOffscreen();
	worker.postMessage({ type: "open", canvas: offscreen, ...open }, [offscreen]);
	return {
		tell: (message) => worker.postMessage(message),
		/* Not at once: it may have a socket to close. */
		stop: () => setTimeout(() => worker.terminate(), WORKER_END_MS),
	};
}
