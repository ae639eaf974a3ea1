/* SPDX-License-Identifier: ISC */
/*
 * One session on the screen: how it is opened, shown, left and ended, and what the page says of
 * each. What is chosen, and where the user goes afterwards, is somebody else's.
 */

import { DetachFlow, isDetached } from "./detach_flow.js";
import { KeyboardFlow } from "./keyboard_flow.js";
import { ReconnectFlow } from "./reconnect_flow.js";
import { faultOf, isLoginOver, messageOf } from "./rpc.js";
import { ScreenMode } from "./screen_mode.js";
import { SessionView } from "./session_view.js";
import { faultLine } from "./text/faults.js";
import { TEXT } from "./text/text.js";
import { AdminMessage } from "./ui/admin_message.js";
import { ClipboardPanel } from "./ui/clipboard_panel.js";
import { confirmTerminate } from "./ui/confirm.js";
import { byId } from "./ui/dom.js";
import { describeEnd, OutcomeCard, Progress } from "./ui/outcome.js";
import { ReconnectCard } from "./ui/reconnect_card.js";
import { boxOf } from "./ui/screen_place.js";
import { closePanels } from "./ui/panel.js";
import { SizePanel } from "./ui/size_panel.js";
import { Toolbar } from "./ui/toolbar.js";

/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").Startable} Startable */
/** @typedef {import("./types.js").StartOptions} StartOptions */
/** @typedef {import("./types.js").StreamReply} StreamReply */
/** @typedef {import("./types.js").EndReason} EndReason */
/** @typedef {import("./geometry.js").Size} Size */

export class ScreenFlow {
	/**
	 * @param {object} options
	 * @param {import("./rpc.js").Rpc} options.rpc
	 * @param {import("./page_state.js").PageState} options.state
	 * @param {() => import("./types.js").Config["limits"]} options.limits
	 * @param {() => import("./types.js").StartOptions} options.wishes for sessions that are opened
	 * @param {(desktop: string) => string} options.titleOf
	 * @param {(text: string, fault?: boolean) => void} options.say to the status line
	 * @param {(note: string) => void} options.onLeft the user is through with this screen; what has
	 * been done last
	 * @param {(text: string) => void} options.onLoginOver
	 * @param {() => void} options.onRelogin
	 */
	constructor({ rpc, state, limits, wishes, titleOf, say, onLeft, onLoginOver, onRelogin }) {
		this._rpc = rpc;
		this._state = state;
		this._limits = limits;
		this._wishes = wishes;
		this._titleOf = titleOf;
		this._say = say;
		this._onLeft = onLeft;
		this._onLoginOver = onLoginOver;
		this._stage = byId("stage", HTMLElement);
		this._viewport = byId("viewport", HTMLElement);
		this._mode = new ScreenMode({
			ratio: () => devicePixelRatio,
			lasting: () => localStorage,
			passing: () => sessionStorage,
		});
		new SizePanel({
			mode: this._mode,
			limits,
			current: () => this._mode.desiredSize(boxOf(this._stage), limits()),
			onDone: () => this._view?.focus(),
		});
		this._mode.onChange = () => this._view?.modeChanged();
		this._toolbar = new Toolbar({
			onSuspend: () => void this._suspend(),
			onTerminate: () => void this._terminate(),
			onDisconnect: () => this._onLeft(""),
			onStats: (on) => this._view?.showStats(on),
			onWork: () => this._view?.focus(),
			say,
		});
		this._clipboardPanel = new ClipboardPanel({
			clipboard: () => this._view?.clipboard,
			onDone: () => this._view?.focus(),
		});
		this._detach = new DetachFlow({
			current: () => this._shown(),
			onBlocked: () => say(TEXT.popupBlocked, true),
			onTaken: (row) => this._detached(row),
			onClosed: (row) => this._detachedClosed(row),
			onLeft: (row, note) => this._away === row && this._onLeft(note),
		});
		this._keyboard = new KeyboardFlow({ rpc, say });
		this._reconnect = new ReconnectFlow({
			rpc,
			onLong: () => this._reconnecting(),
			onBack: () => this._reconnected(),
			onGone: (reason) => this._gone(reason),
			onLoginOver,
		});
		this._reconnectCard = new ReconnectCard({
			onNow: () => this._view?.hurry(),
			onLeave: () => this._onLeft(""),
			onWork: () => this._view?.focus(),
		});
		this._message = new AdminMessage(() => this._view?.focus());
		this._progress = new Progress(() => this._onLeft(""));
		this._outcome = new OutcomeCard({ onBack: () => this._onLeft(""), onRelogin });
		/** @type {SessionView | null} */
		this._view = null;
		/** @type {SessionRow | null} that is, or was last, on the screen */
		this._session = null;
		this._kiosk = false;
		/** @type {SessionRow | null} that the page says of that it is in another window */
		this._away = null;
		this._attempt = 0; /* a reply that belongs to an earlier one is not wanted any more */
		/** @type {string | null} how the user is ending the session just now */
		this._finishing = null;
	}

	/** The dots per inch that a session gets on this display. */
	get usualDpi() {
		return this._mode.startDpi;
	}

	/** Of the session that is, or was last, on the screen. */
	get sessionId() {
		return this._session?.id ?? "";
	}

	/** @param {{size: Size | null, kiosk: boolean}} wishes size: that the address asks for; kiosk:
	 * there is no list to go back to */
	setUp({ size, kiosk }) {
		if (size) this._mode.ask(size);
		this._kiosk = kiosk;
		byId("detach", HTMLElement).hidden = kiosk || isDetached();
		byId("back", HTMLElement).hidden = kiosk;
	}

	/** What an administrator says, whatever the page shows. @param {string} text */
	tell(text) {
		this._message.show(text);
	}

	/** @param {Startable} what */
	async start(what) {
		const title = this._titleOf("desktop" in what ? what.desktop : what.command);
		const dpi = this._mode.beginNew();
		await this._open(title, TEXT.starting(title), TEXT.startingHint, {
			again: () => void this.start(what),
			call: (options) => this._rpc.start({ ...what, dpi, ...options }),
		});
	}

	/** @param {SessionRow} row */
	async resume(row) {
		const title = this._titleOf(row.desktop);
		this._mode.beginAgain(row.id);
		this._detach.shownHere(row.id);
		await this._open(title, TEXT.resuming(title), TEXT.resumingHint, {
			again: () => void this.resume(row),
			call: (options) => this._rpc.resume({ id: row.id, ...options }),
		});
	}

	/** Nothing of the login is left. */
	forget() {
		this.close();
		this._detach.forget();
	}

	/** The stream ends from this side, and no answer that is still to come is wanted. */
	close() {
		this._attempt += 1;
		this._finishing = null;
		this._away = null;
		this._reconnect.stop();
		this._view?.close();
		this._view = null;
		this._keyboard.detach();
	}

	stateChanged() {
		const state = this._state.value;
		const open = state === "running" || state === "reconnecting";
		this._toolbar.setEnabled(open, this._finishing !== null);
		if (state === "reconnecting") this._reconnectCard.show();
		else this._reconnectCard.hide();
		if (!open) closePanels();
		const showing = open || state === "starting";
		if (!showing && !this._kiosk && document.fullscreenElement) void document.exitFullscreen();
	}

	/* ---- opening ---- */

	/**
	 * @param {string} title @param {string} doing @param {string} hint
	 * @param {{call: (options: Size & StartOptions & {layout: string}) => Promise<StreamReply>,
	 *   again: () => void}} how
	 */
	async _open(title, doing, hint, { call, again }) {
		this.close();
		const attempt = this._attempt;
		this._state.set("starting");
		this._toolbar.setTitle(title);
		this._progress.begin(doing, hint);
		this._say(doing);
		try {
			const size = this._mode.desiredSize(boxOf(this._stage), this._limits());
			const layout = await this._keyboard.layout();
			const wishes = this._wishes();
			const reply = await call({ ...size, layout, ...wishes });
			if (attempt !== this._attempt) return;
			this._session = reply.session;
			this._mode.remember(reply.session.id);
			this._progress.step(1);
			this._view = this._createView(reply.ws, size, layout, wishes.clipboard ?? "both");
			this._keyboard.attach(this._view, reply.session.id, layout);
		} catch (error) {
			if (attempt !== this._attempt) return;
			if (isLoginOver(error)) this._onLoginOver(messageOf(error));
			else {
				const outcome = { title: TEXT.startFailed, ...faultOf(error) };
				this._showOutcome("error", outcome, TEXT.tryAgain, again);
			}
		}
	}

	/** @param {string} path @param {Size} size @param {string} layout
	 * @param {import("./types.js").ClipboardDirection} direction */
	_createView(path, size, layout, direction) {
		const url = new URL(path, location.href);
		url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
		return new SessionView({
			stage: this._stage,
			viewport: this._viewport,
			mode: this._mode,
			url: url.href,
			size,
			layout,
			direction,
			limits: this._limits(),
			events: {
				onConnected: () => this._progress.step(2),
				onPainted: () => this._running(),
				onReconnecting: () => this._reconnect.lost(this.sessionId),
				onMissed: () => this._reconnect.missed(),
				onReconnected: (lost) => this._backAgain(lost),
				onEnded: (reason) => this._ended(reason),
				onStats: (stats) => this._toolbar.showStats(stats),
				onSaid: (text) => this.tell(text),
				onLeave: () => this._leaveScreen(),
				onClipboard: () => this._clipboardPanel.update(),
			},
		});
	}

	_running() {
		this._state.set("running");
		const { desktop, server } = /** @type {SessionRow} */ (this._session);
		this._say(TEXT.running(this._titleOf(desktop), server));
		if (this._toolbar.statsShown) this._view?.showStats(true);
		this._view?.focus();
		if (this._reconnect.isLong) this._reconnecting();
	}

	/** The user asks for the page's own controls. */
	_leaveScreen() {
		if (this._reconnectCard.shown) this._reconnectCard.focus();
		else this._toolbar.focus();
	}

	/** The last picture stays; what is typed is kept. */
	_reconnecting() {
		if (this._state.value !== "running") return; /* no picture yet: it is still starting */
		this._state.set("reconnecting");
		this._say(TEXT.reconnecting);
	}

	/** @param {boolean} lost what was typed meanwhile */
	_backAgain(lost) {
		this._reconnect.back();
		if (lost) this._say(TEXT.reconnectedWithout, true);
	}

	_reconnected() {
		if (this._state.value !== "reconnecting") return;
		this._state.set("running");
		this._say(TEXT.reconnected);
	}

	/* ---- ending ---- */

	/** Nothing is there to come back to. @param {EndReason} reason */
	_gone(reason) {
		this._view?.close();
		this._ended(reason);
	}

	/** @param {EndReason} reason */
	_ended(reason) {
		this._reconnect.stop();
		this._view = null;
		this._keyboard.detach();
		const outcome = describeEnd(reason);
		if (this._finishing && !outcome.fault) return; /* the call's answer is on its way */
		if (this._kiosk && !outcome.fault) {
			this._onLeft(`${outcome.title}. ${faultLine(outcome)}`);
			return;
		}
		const row = this._session;
		const again = row && !outcome.gone ? () => void this.resume(row) : null;
		if (outcome.fault) this._showOutcome("error", outcome, TEXT.tryAgain, again);
		else this._showOutcome("ended", outcome, TEXT.resume, again);
	}

	/** @returns {import("./detach.js").Taken | null} */
	_shown() {
		const row = this._view && this._session;
		return row && { login: this._rpc.loginId, row, title: this._titleOf(row.desktop) };
	}

	/** A window of its own takes the session over. @param {SessionRow} row */
	_detached(row) {
		if (!this._view || this._session?.id !== row.id) return;
		this.close();
		this._away = row;
		this._showAway(TEXT.detached, TEXT.bringBack, row);
	}

	/** @param {SessionRow} row */
	_detachedClosed(row) {
		if (this._away !== row) return;
		this._showAway(TEXT.detachedClosed, TEXT.resume, row);
	}

	/** @param {{title: string, what: string}} told @param {string} label @param {SessionRow} row */
	_showAway(told, label, row) {
		const outcome = { ...told, now: "", detail: "", retryAfter: 0 };
		this._showOutcome("ended", outcome, label, () => void this.resume(row));
	}

	/**
	 * @param {"ended" | "error"} state @param {import("./ui/outcome.js").Told} outcome
	 * @param {string} label of the button that runs again, if there is anything to run
	 * @param {(() => void) | null} again
	 */
	_showOutcome(state, outcome, label, again) {
		if (this._state.value !== state) this._state.set(state);
		this._say(`${outcome.title}. ${faultLine(outcome)}`);
		this._outcome.show(outcome, again && { label, run: again });
	}

	async _suspend() {
		await this._finish((id) => this._rpc.suspend(id), TEXT.suspended);
	}

	async _terminate() {
		if (await confirmTerminate(this._titleOf(this._session?.desktop ?? "")))
			await this._finish((id) => this._rpc.terminate(id), TEXT.terminated);
		else this._view?.focus();
	}

	/** @param {(id: string) => Promise<unknown>} call @param {string} done what to say then */
	async _finish(call, done) {
		if (!this._session || !this._view) return;
		const attempt = this._attempt;
		this._finishing = done;
		this._toolbar.setEnabled(true, true);
		this._say(TEXT.working);
		const fault = await call(this._session.id).then(
			() => null,
			(error) => ({ error }),
		);
		if (attempt !== this._attempt) return;
		this._finishing = null;
		if (fault) this._finishFailed(fault.error);
		else this._onLeft(`${done}.`);
	}

	/** @param {unknown} error */
	_finishFailed(error) {
		if (isLoginOver(error)) {
			this._onLoginOver(messageOf(error));
		} else if (this._view) {
			this._toolbar.setEnabled(true, false);
			this._say(messageOf(error), true);
		} else {
			const outcome = { title: TEXT.streamFailed, ...faultOf(error) };
			this._showOutcome("error", outcome, TEXT.tryAgain, null);
		}
	}
}
