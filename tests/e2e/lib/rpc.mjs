// SPDX-License-Identifier: ISC
/**
 * The browser's calls without a browser: for tests that need many logins, or requests that no
 * browser would make.
 */
import { randomBytes } from "node:crypto";
import https from "node:https";
import WebSocket from "ws";

/** Where the gateway is: a stack, or what stands in front of one.
 * @typedef {Pick<import("./stack.mjs").Stack, "port" | "origin">} Place */
/** @typedef {{id: string, desktop: string, kind: string, status: string, display: number, attached: boolean}} Row */

/** As browsers name it: without the port that goes without saying. @param {Place} stack */
const hostOf = ({ port }) => (port === 443 ? "localhost" : `localhost:${port}`);

/**
 * One HTTP request to the gateway.
 * @param {Place} stack
 * @param {string} path
 * @param {{method?: string, headers?: Record<string, string>, body?: string | Buffer, agent?: https.Agent, from?: string, signal?: AbortSignal}} [options] from: the client's address
 * @returns {Promise<{status: number, headers: import("node:http").IncomingHttpHeaders, text: string}>}
 */
export function request(
	stack,
	path,
	{ method = "GET", headers = {}, body, agent, from, signal } = {},
) {
	return new Promise((resolve, reject) => {
		const outgoing = https.request(
			{
				host: "127.0.0.1",
				port: stack.port,
				localAddress: from,
				path,
				method,
				rejectUnauthorized: false,
				agent,
				signal,
			},
			(incoming) => {
				let text = "";
				incoming.setEncoding("utf8");
				incoming.on("data", (part) => (text += part));
				incoming.on("end", () =>
					resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
				);
				incoming.on("error", reject);
			},
		);
		outgoing.on("error", reject);
		outgoing.setHeader("Host", hostOf(stack));
		for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
		outgoing.end(body);
	});
}

/** A user's side of the calls: keeps the login and its cookie as a browser would. */
export class Client {
	/** @param {Place} stack
	 * @param {{from?: string, agent?: https.Agent, headers?: Record<string, string>}} [options]
	 * from: the client's address; headers: beside a browser's own */
	constructor(stack, { from, agent, headers = {} } = {}) {
		this.headers = headers;
		this.stack = stack;
		this.agent = agent;
		this.from = from;
		this.login = "";
		this.cookie = "";
	}

	/**
	 * @param {string} name
	 * @param {object} body
	 * @returns {Promise<{status: number, headers: import("node:http").IncomingHttpHeaders, json: any}>}
	 */
	async call(name, body) {
		const answer = await request(this.stack, `/x2go/rpc/${name}`, {
			method: "POST",
			headers: {
				"Content-Type": "application/json",
				Origin: this.stack.origin,
				"Sec-Fetch-Site": "same-origin",
				...this.headers,
				...(this.cookie ? { Cookie: this.cookie } : {}),
			},
			body: JSON.stringify(body),
			from: this.from,
			agent: this.agent,
		});
		const cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0];
		if (cookie !== undefined) this.cookie = cookie.endsWith("=") ? "" : cookie;
		return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.text) };
	}

	/**
	 * A call that has to work.
	 * @param {string} name
	 * @param {object} [body]
	 * @returns {Promise<any>}
	 */
	async ok(name, body = {}) {
		const { status, json } = await this.call(name, { login: this.login, ...body });
		if (status !== 200) throw new Error(`${name}: ${status} ${JSON.stringify(json)}`);
		return json;
	}

	/** @param {string} user */
	async logIn(user = "alice", password = "wonderland", server = "demo") {
		const { status, json } = await this.call("login", { server, user, password });
		if (status !== 200) throw new Error(`login: ${status} ${JSON.stringify(json)}`);
		this.login = json.login;
		return json;
	}

	/** @returns {Promise<Row[]>} */
	async sessions() {
		return (await this.ok("sessions")).sessions;
	}
}

/**
 * The browser's end of a stream, which counts what comes.
 */
export class Stream {
	/**
	 * @param {Place} stack
	 * @param {string} path as the call gave it
	 * @param {{cookie?: string, origin?: string, protocols?: string[], hello?: string}} [options]
	 */
	constructor(
		stack,
		path,
		{
			cookie = "",
			origin = stack.origin,
			protocols = ["x2goweb.v1"],
			hello = `?hello.1.-.0.${randomBytes(8).toString("hex")}.1.shown`,
		} = {},
	) {
		this.bytes = 0; /* the stream's position */
		this.acknowledging = false;
		/** @type {string[]} */ this.words = [];
		// The address, not the name: that may mean ::1 first, where nobody listens.
		this.socket = new WebSocket(`wss://127.0.0.1:${stack.port}${path}${hello}`, protocols, {
			rejectUnauthorized: false,
			origin,
			headers: { Host: hostOf(stack), ...(cookie ? { Cookie: cookie } : {}) },
		});
		/** @type {Set<() => void>} */ this.watchers = new Set();
		/** @type {{code: number, reason: string} | undefined} */ this.end = undefined;
		/** @type {number | undefined} HTTP status of a refusal */ this.refusal = undefined;
		this.refusalText = "";
		this.open = false;
		this.spoken = protocols.includes("x2goweb.v1");
		this.socket.on("open", () => this.change(() => (this.open = true)));
		this.socket.on("message", (data, binary) =>
			this.change(() => {
				if (binary) this.take(/** @type {Buffer} */ (data));
				else this.hear(String(data));
			}),
		);
		this.socket.on("unexpected-response", (_request, response) => {
			response.setEncoding("utf8");
			response.on("data", (part) => (this.refusalText += part));
			response.on("close", () => this.change(() => (this.refusal = response.statusCode)));
		});
		/** @type {Error | undefined} */ this.error = undefined;
		this.socket.on("error", (error) => this.change(() => (this.error = error)));
		this.socket.on("close", (code, reason) =>
			this.change(() => (this.end = { code, reason: String(reason) })),
		);
	}

	/** @param {string} text */
	hear(text) {
		this.words.push(text);
		const [word, , , down] = text.split(" ");
		if (word === "hello") this.bytes = Number(down);
	}

	/** As a page that paints at once. @param {Buffer} data */
	take(data) {
		this.bytes += data.length;
		if (!this.spoken || this.acknowledging) return;
		this.acknowledging = true;
		setImmediate(() => {
			this.acknowledging = false;
			if (this.socket.readyState === WebSocket.OPEN)
				this.socket.send(`ack ${this.bytes} ${this.bytes}`);
		});
	}

	/** @param {() => unknown} action */
	change(action) {
		action();
		for (const watcher of this.watchers) watcher();
	}

	/** What there has been, for who waits in vain. */
	get story() {
		const { bytes, words, error, refusal, refusalText, end } = this;
		return JSON.stringify({ bytes, words, error: error?.message, refusal, refusalText, end });
	}

	/** @param {(stream: Stream) => boolean} condition @param {string} what */
	async until(condition, what, timeout = 20000) {
		await new Promise((resolve, reject) => {
			const finish = (/** @type {() => void} */ action) => {
				clearTimeout(timer);
				this.watchers.delete(check);
				action();
			};
			const fail = () => reject(new Error(`stream: never ${what}: ${this.story}`));
			const check = () => {
				if (condition(this)) finish(() => resolve(undefined));
				else if (this.refusal ?? this.end) finish(fail);
			};
			const timer = setTimeout(() => finish(fail), timeout);
			this.watchers.add(check);
			check();
		});
		return this;
	}

	/** The first picture is on its way. */
	picture() {
		return this.until((stream) => stream.bytes > 1000, "a picture");
	}

	closed(timeout = 20000) {
		return this.until((stream) => stream.end !== undefined, "closed", timeout);
	}
}

/**
 * Waits for something that tells nobody when it happens, with back-off.
 * @template T
 * @param {() => Promise<T> | T} probe
 * @param {string} what
 * @returns {Promise<Exclude<NonNullable<T>, false>>}
 */
export async function eventually(probe, what, timeout = 20000) {
	const end = Date.now() + timeout;
	let last;
	for (let pause = 20; ; pause = Math.min(pause * 1.5, 500)) {
		last = await probe();
		if (last) return /** @type {Exclude<NonNullable<T>, false>} */ (last);
		if (Date.now() > end) throw new Error(`never: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, pause));
	}
}
