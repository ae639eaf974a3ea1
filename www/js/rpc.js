/* SPDX-License-Identifier: ISC */
/*
 * The gateway's calls, one function each. The login cookie travels by itself and is out of this
 * code's reach; nothing secret is kept here.
 */

import { logError } from "./log.js";
import { describeFault, faultLine } from "./text/faults.js";
import { TEXT } from "./text/text.js";

/** @typedef {import("./types.js").Application} Application */
/** @typedef {import("./types.js").Config} Config */
/** @typedef {import("./types.js").LoginReply} LoginReply */
/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").StreamReply} StreamReply */
/** `server`: id of one of the list, or else `host`: a typed name. What is absent is asked for when it
 * is needed.
 * @typedef {{server?: string, host?: string, user: string, password?: string, proxy_host?: string,
 *   proxy_user?: string, proxy_password?: string}} Credentials */

/** Longer than anything that the gateway itself waits for. */
const CALL_WAIT_MS = 260_000;

/** A call that failed; `code` and `message` are the gateway's, or `code` is one of the page's own.
 * `hop` "jump": at the jump host. `retryAfter`: seconds. */
export class RpcError extends Error {
	/** @param {string} code @param {string} [message]
	 * @param {{hop?: string, retryAfter?: number}} [more] */
	constructor(code, message = "", { hop = "", retryAfter = 0 } = {}) {
		super(message);
		this.code = code;
		this.hop = hop;
		this.retryAfter = retryAfter;
	}
}

/** What to tell the user of anything that was thrown.
 * @param {unknown} error @returns {import("./text/faults.js").Fault} */
export function faultOf(error) {
	if (error instanceof RpcError) return describeFault(error.code, error.message, error);
	logError(`page: ${error}`);
	return describeFault("page_fault", "");
}

/** The same in one line. @param {unknown} error */
export function messageOf(error) {
	return faultLine(faultOf(error));
}

/** Calls that may be made again when the gateway had no time for them, because it is being renewed:
 * what they do is the same, however often they are made. */
const REPEATABLE = ["config", "sessions", "applications", "layout", "suspend", "terminate"];
const REPEATS = 5;

const LOGIN_OVER = ["not_logged_in", "login_expired", "idle", "killed"];

/** @param {unknown} error */
export function isLoginOver(error) {
	return error instanceof RpcError && LOGIN_OVER.includes(error.code);
}

/** The network, or the web server. @param {unknown} error */
export function isUnreachable(error) {
	return error instanceof RpcError && error.code === "unreachable";
}

export class Rpc {
	/**
	 * @param {string} base ends with a slash
	 * @param {typeof fetch} [fetcher]
	 * @param {(ms: number) => Promise<unknown>} [pause]
	 */
	constructor(base, fetcher = (...request) => fetch(...request), pause = wait) {
		this._base = base;
		this._fetch = fetcher;
		this._pause = pause;
		this._login = "";
		/** An administrator says something. @type {(text: string) => void} */
		this.onSaid = () => {};
	}

	/** @returns {Promise<Config>} */
	config() {
		return this._call("config");
	}

	/** @param {Credentials} credentials @param {AbortSignal} [signal] gives it up
	 * @returns {Promise<LoginReply>} */
	login(credentials, signal) {
		return this._call("login", credentials, { signal });
	}

	/** To what a login was asked. @param {string} login @param {string[]} answers
	 * @param {AbortSignal} [signal] @returns {Promise<LoginReply>} */
	answer(login, answers, signal) {
		return this._call("answer", { login, answers }, { signal });
	}

	get loginId() {
		return this._login;
	}

	/** The calls below are for this login from now on. @param {string} login */
	use(login) {
		this._login = login;
	}

	/** @param {AbortSignal} [signal] gives it up
	 * @returns {Promise<{sessions: SessionRow[], said?: string}>} */
	async sessions(signal) {
		const login = this._login;
		const reply = await this._call("sessions", this._mine({}), { signal });
		if (reply.said && login === this._login) this.onSaid(reply.said);
		return reply;
	}

	/** What may be started besides desktops. @returns {Promise<{applications: Application[]}>} */
	applications() {
		return this._call("applications", this._mine({}));
	}

	/** @param {import("./types.js").Startable & {width: number, height: number, layout: string}
	 *   & import("./types.js").StartOptions} options
	 * @returns {Promise<StreamReply>} */
	start(options) {
		return this._call("start", this._mine(options));
	}

	/** @param {{id: string, width: number, height: number, layout: string}
	 *   & import("./types.js").StartOptions} options
	 * @returns {Promise<StreamReply>} */
	resume(options) {
		return this._call("resume", this._mine(options));
	}

	/** The keyboard layout of a running session. @param {string} id @param {string} layout */
	async setLayout(id, layout) {
		await this._call("layout", this._mine({ id, layout }));
	}

	/** @param {string} id @returns {Promise<{session: SessionRow}>} */
	suspend(id) {
		return this._call("suspend", this._mine({ id }));
	}

	/** @param {string} id @returns {Promise<{session: SessionRow}>} */
	terminate(id) {
		return this._call("terminate", this._mine({ id }));
	}

	/** Goes out even if the page is being left. @param {string} [login] one that was never used; else
	 * this one, which is over then */
	async logout(login) {
		const body = { login: login ?? this._login };
		if (login === undefined) this._login = "";
		await this._call("logout", body, { keepalive: true });
	}

	/** @param {object} body */
	_mine(body) {
		return { login: this._login, ...body };
	}

	/** @param {string} call @param {object} [body] a call without one is a GET
	 * @param {{signal?: AbortSignal, keepalive?: boolean}} [options]
	 * @returns {Promise<any>} */
	async _call(call, body, options = {}) {
		for (let left = REPEATABLE.includes(call) ? REPEATS : 0; ; left--)
			try {
				return await this._callOnce(call, body, options);
			} catch (error) {
				const again =
					error instanceof RpcError &&
					error.code === "broker_unavailable" &&
					error.retryAfter > 0;
				if (!again || left === 0 || options.signal?.aborted) throw error;
				await this._pause(error.retryAfter * 1000);
			}
	}

	/** @param {string} call @param {object | undefined} body
	 * @param {{signal?: AbortSignal, keepalive?: boolean}} options
	 * @returns {Promise<any>} */
	async _callOnce(call, body, { signal, keepalive = false }) {
		const end = endAfter(CALL_WAIT_MS, signal);
		/** @type {RequestInit} */
		const request = { signal: end, cache: "no-store", keepalive };
		if (body) {
			request.method = "POST";
			request.headers = { "Content-Type": "application/json" };
			request.body = JSON.stringify(body);
		}
		let response;
		let reply;
		try {
			response = await this._fetch(`${this._base}${call}`, request);
			reply = await response.json();
		} catch (error) {
			/* An answer that is no JSON is some other server's; anything else is the line's end. */
			if (!(response && error instanceof SyntaxError)) {
				const late = error instanceof DOMException && error.name === "TimeoutError";
				throw new RpcError(late ? "timeout" : "unreachable");
			}
		}
		if (response.ok && reply) return reply;
		const fault = reply?.error;
		if (typeof fault?.message !== "string")
			throw new RpcError("gateway_fault", `(${TEXT.httpStatus(response.status)})`);
		throw new RpcError(String(fault.code), fault.message, {
			hop: String(fault.hop ?? ""),
			retryAfter: Math.max(Number(fault.retry_after) || 0, 0),
		});
	}
}

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Aborts after that time, or when another signal does. @param {number} ms
 * @param {AbortSignal} [signal] */
function endAfter(ms, signal) {
	const timeout = AbortSignal.timeout(ms);
	if (!signal) return timeout;
	const either = new AbortController();
	for (const one of [timeout, signal])
		one.addEventListener("abort", () => either.abort(one.reason), { once: true });
	if (signal.aborted) either.abort(signal.reason);
	return either.signal;
}
