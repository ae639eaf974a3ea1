/* SPDX-License-Identifier: ISC */
/*
 * One login, from the form's credentials to the open login or its refusal: what the gateway asks in
 * between goes to the user, round by round, and the user can give up at any time. Answers and
 * passwords pass through here and are not kept.
 */

import { logInfo } from "./log.js";
import { RpcError } from "./rpc.js";
import { TEXT } from "./text/text.js";
import { PromptView } from "./ui/prompt.js";

/** @typedef {import("./types.js").LoginReply} LoginReply */
/** @typedef {import("./types.js").PromptReply} PromptReply */
/** @typedef {import("./types.js").ReadyReply} ReadyReply */
/** @typedef {import("./rpc.js").Credentials} Credentials */

const PROMPTS_MAX = 16;
const KINDS = ["questions", "password", "new_password", "host_key"];
/** What the page itself finds: the gateway may not know yet that this login is over. */
const OWN_FAULTS = ["unreachable", "timeout", "gateway_fault", "unexpected_login"];
/** With these the gateway leaves a login at its question. */
const STILL_ASKED = ["bad_request", "too_large", "session_busy", "broker_unavailable"];

export class LoginFlow {
	/**
	 * @param {object} options
	 * @param {import("./rpc.js").Rpc} options.rpc
	 * @param {import("./page_state.js").PageState} options.state
	 * @param {(text: string) => void} options.say to the status line
	 * @param {() => void} options.onCancel the user wants no login any more
	 */
	constructor({ rpc, state, say, onCancel }) {
		this._rpc = rpc;
		this._state = state;
		this._say = say;
		this._view = new PromptView({ onCancel });
		/** @type {AbortController | null} of the login under way */
		this._running = null;
		this._login = ""; /* its id, once the gateway has told it */
		document.addEventListener("keydown", (event) => {
			const waits = state.value === "authenticating" || state.value === "prompt";
			const closesList = event.target instanceof HTMLSelectElement;
			if (event.key === "Escape" && waits && !event.isComposing && !closesList) onCancel();
		});
		/* A page that the browser keeps and shows again must not show a question that is over. */
		window.addEventListener("pagehide", () => this._running && onCancel());
	}

	/**
	 * @param {Credentials} credentials
	 * @param {string} server its title
	 * @returns {Promise<ReadyReply | null>} null: cancelled
	 */
	async login(credentials, server) {
		const running = new AbortController();
		const { signal } = running;
		this._running = running;
		this._state.set("authenticating");
		this._say(TEXT.authenticating(server));
		let questioned = false;
		try {
			let reply = this._heard(await this._rpc.login(credentials, signal), signal);
			while (reply?.state === "prompt") {
				questioned ||= reply.kind === "questions";
				const answers = await this._ask(reply, signal);
				if (!answers) return null;
				reply = this._heard(await this._rpc.answer(reply.login, answers, signal), signal);
			}
			return reply;
		} catch (error) {
			if (signal.aborted) return null;
			if (this._login && mayLive(error)) this._logout();
			throw this._login ? afterQuestions(error, questioned) : error;
		} finally {
			if (this._running === running) this._end();
		}
	}

	/** The login under way is not wanted any more; the gateway hears of it. */
	cancel() {
		if (!this._running) return;
		this._running.abort();
		if (this._login) this._logout();
		this._end();
	}

	_end() {
		this._running = null;
		this._login = "";
		this._view.close();
	}

	/** @param {LoginReply} reply @param {AbortSignal} signal
	 * @returns {LoginReply | null} null: it came too late */
	_heard(reply, signal) {
		if (signal.aborted) {
			void this._rpc.logout(reply.login).catch(logLogout);
			return null;
		}
		this._login = reply.login;
		if (reply.state !== "ready" && !isPrompt(reply)) throw new RpcError("unexpected_login");
		return reply;
	}

	/** @param {PromptReply} prompt @param {AbortSignal} signal
	 * @returns {Promise<string[] | null>} null: cancelled */
	async _ask(prompt, signal) {
		this._state.set("prompt");
		this._say("");
		const answers = await this._view.ask(prompt, signal);
		if (!answers) return null;
		this._state.set("authenticating");
		this._say(TEXT.answering);
		return answers;
	}

	_logout() {
		void this._rpc.logout(this._login).catch(logLogout);
	}
}

/** Whether the gateway may still have the login that failed so. @param {unknown} error */
function mayLive(error) {
	return !(error instanceof RpcError) || [...OWN_FAULTS, ...STILL_ASKED].includes(error.code);
}

/**
 * What a failure means to somebody who was asked: an answer may be what was wrong, and a login that
 * is gone by now has waited too long for it.
 * @param {unknown} error
 * @param {boolean} questioned by the server's own questions
 */
function afterQuestions(error, questioned) {
	if (!(error instanceof RpcError)) return error;
	const { code, message } = error;
	if (code === "auth_failed" && questioned) return new RpcError("answer_refused", message, error);
	if (code === "not_logged_in") return new RpcError("prompt_timeout", message, error);
	return error;
}

/** Whether the page can show it. @param {any} reply */
function isPrompt({ state, kind, host, title, instruction, notice = "", prompts, host_key: key }) {
	const texts = [host, title, instruction, notice];
	return (
		state === "prompt" &&
		KINDS.includes(kind) &&
		texts.every((text) => typeof text === "string") &&
		Array.isArray(prompts) &&
		prompts.length <= PROMPTS_MAX &&
		prompts.every((prompt) => typeof prompt?.text === "string") &&
		(kind !== "host_key" || typeof key?.fingerprint === "string")
	);
}

/** @param {unknown} error */
function logLogout(error) {
	logInfo(`logout: ${error}`);
}
