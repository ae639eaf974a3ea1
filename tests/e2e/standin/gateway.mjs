/* SPDX-License-Identifier: ISC */
/*
 * A stand-in for the gateway and the agent behind it: serves the page as the web server would,
 * answers its calls from a script, and speaks for an agent on a WebSocket. Nothing here is the
 * product; what it proves, it proves of the page only.
 */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { WebSocketServer } from "ws";
import { parseEvents } from "./messages.mjs";

/** @typedef {import("./messages.mjs").ClientEvent} ClientEvent */
/** @typedef {import("../../../www/js/types.js").SessionRow} SessionRow */
/** @typedef {import("../../../www/js/types.js").PromptReply} PromptReply */
/** @typedef {{status?: number, body: object}} Reply */
/** @typedef {(body: any) => Reply | Promise<Reply>} Handler */

/** What the web server is to send. */
export const CSP =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"connect-src 'self' wss:; worker-src 'self'; font-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'";

const TYPES = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
};
const BASE = "/x2go/";
const WAIT_MS = 20_000;
const LOGIN = "0123456789abcdef";

/** One WebSocket, seen from the agent's side. */
export class StandinAgent {
	/** @param {import("ws").WebSocket} socket */
	constructor(socket) {
		this._socket = socket;
		/** @type {{at: number, events: ClientEvent[]}[]} one entry for each message */
		this.messages = [];
		/** @type {Error[]} */
		this.faults = [];
		this.answersPings = true;
		/** @type {(() => void)[]} */
		this._watchers = [];
		this.closed = new Promise((resolve) => socket.on("close", resolve));
		socket.on("message", (data, binary) => {
			try {
				if (!binary) return this._controlWord(String(data));
				const events = parseEvents(/** @type {Buffer} */ (data));
				this.messages.push({ at: performance.now(), events });
			} catch (error) {
				this.faults.push(/** @type {Error} */ (error));
			}
			this._watchers.splice(0).forEach((watcher) => watcher());
		});
	}

	/** @param {string} text */
	_controlWord(text) {
		const [, token] = text.match(/^ping ([0-9A-Za-z]{1,16})$/) ?? [];
		if (!token) throw new Error(`text from the client: ${text}`);
		if (this.answersPings) this.say(`pong ${token}`);
	}

	/** All events so far, flat. */
	get events() {
		return this.messages.flatMap(({ events }) => events);
	}

	forget() {
		this.messages = [];
	}

	/** @param {Uint8Array} bytes */
	send(bytes) {
		this._socket.send(bytes);
	}

	/** @param {string} text */
	say(text) {
		this._socket.send(text);
	}

	/** @param {string} code @param {string} message */
	bye(code, message) {
		this.say(`bye ${code} ${message}`);
		this._socket.close(4000, `${code} ${message}`);
	}

	/** The connection vanishes without a word. */
	cut() {
		this._socket.terminate();
	}

	/**
	 * Waits until what the client has sent satisfies a test.
	 * @template T @param {(agent: this) => T} test @param {string} what for the error
	 * @returns {Promise<NonNullable<T>>}
	 */
	async until(test, what) {
		const deadline = performance.now() + WAIT_MS;
		for (;;) {
			const found = test(this);
			if (found) return found;
			const left = deadline - performance.now();
			if (left <= 0) throw new Error(`no ${what}; seen: ${JSON.stringify(this.events)}`);
			await new Promise((resolve) => {
				const timer = setTimeout(resolve, left);
				this._watchers.push(() => {
					clearTimeout(timer);
					resolve(undefined);
				});
			});
		}
	}
}

/** @returns {SessionRow} */
export function sessionRow(changes = {}) {
	return {
		id: "alice-50-1795219328_stKICEWM_dp24",
		desktop: "ICEWM",
		kind: "desktop",
		status: "running",
		display: 50,
		server: "x2gohost",
		created: "2026-11-21T00:51:58",
		age: 0,
		attached: true,
		...changes,
	};
}

/** What a server asks, unless told otherwise a code. @param {Partial<PromptReply>} changes */
function prompt(changes) {
	const kind = changes.kind ?? "questions";
	const code = { text: "Verification code: ", echo: false };
	return {
		...{ kind, hop: "server", host: "demo.example", title: "", instruction: "" },
		prompts: kind === "questions" ? [code] : [],
		...changes,
	};
}

export class StandinGateway {
	/** @param {{www: string, onStream: (agent: StandinAgent) => void}} options */
	constructor({ www, onStream }) {
		this._www = www;
		this.onStream = onStream;
		/** @type {SessionRow[]} */
		this.sessions = [];
		/** @type {import("../../../www/js/types.js").Application[]} */
		this.applications = [];
		/** @type {import("../../../www/js/types.js").Config} */
		this.config = {
			title: "X2Go",
			version: "0",
			servers: [{ id: "demo", title: "Demo server" }],
			other_servers: false,
			desktops: [
				{ id: "ICEWM", title: "IceWM" },
				{ id: "XFCE", title: "Xfce" },
				{ id: "LXQT", title: "LXQt" },
			],
			defaults: { server: "demo", desktop: "ICEWM" },
			limits: { width_min: 64, width_max: 8192, height_min: 64, height_max: 8192 },
			kiosk: false,
			native_mode: false,
		};
		/** @type {Partial<PromptReply>[]} what a login is asked, one after another */
		this.prompts = [];
		/** @type {Partial<PromptReply>[]} that are still to come in this login */
		this._rounds = [];
		this.notice = "";
		this.installed = this.config.desktops.slice(0, 2);
		/** @type {Record<string, Handler>} replaces the answers below, for one test */
		this.overrides = {};
		/** @type {{call: string, body: any, givenUp: boolean}[]} givenUp: the request was closed
		 * before its answer */
		this.calls = [];
		/** @type {Record<string, Handler>} */
		this._handlers = {
			config: () => ({ body: this.config }),
			login: () => {
				this._rounds = [...this.prompts];
				return this._round();
			},
			answer: (body) => this._answered(body),
			sessions: () => ({ body: { sessions: this.sessions } }),
			applications: () => ({ body: { applications: this.applications } }),
			layout: () => ({ body: {} }),
			start: ({ desktop, command }) =>
				this._stream(sessionRow({ desktop: desktop ?? command })),
			resume: ({ id }) => this._stream(sessionRow({ ...this._row(id), status: "running" })),
			suspend: ({ id }) => this._change(id, "suspended"),
			terminate: ({ id }) => this._change(id, "terminated"),
			logout: () => ({ body: {} }),
		};
		this._server = createServer((request, response) => void this._serve(request, response));
		this._sockets = new WebSocketServer({
			server: this._server,
			handleProtocols: (offered) => offered.has("x2goweb.v1") && "x2goweb.v1",
		});
		this._sockets.on("connection", (socket) => {
			const agent = new StandinAgent(socket);
			agent.say("hello 1");
			this.onStream(agent);
		});
	}

	/** @returns {Promise<string>} the page's address */
	async listen(port = 0) {
		await new Promise((resolve) =>
			this._server.listen(port, "127.0.0.1", () => resolve(undefined)),
		);
		const address = /** @type {import("node:net").AddressInfo} */ (this._server.address());
		return `http://127.0.0.1:${address.port}${BASE}`;
	}

	async close() {
		for (const socket of this._sockets.clients) socket.terminate();
		this._server.closeAllConnections();
		await new Promise((resolve) => this._server.close(resolve));
	}

	/** @param {string} id */
	_row(id) {
		return this.sessions.find((row) => row.id === id);
	}

	/** What comes next in a login. @returns {Reply} */
	_round() {
		const login = LOGIN;
		if (this._rounds.length > 0)
			return { body: { login, ...prompt(this._rounds[0]), state: "prompt" } };
		const notice = this.notice === "" ? {} : { notice: this.notice };
		const { sessions, installed: desktops } = this;
		return { body: { login, state: "ready", sessions, desktops, ...notice } };
	}

	/** @param {{login: string, answers: string[]}} body @returns {Reply} */
	_answered({ login, answers }) {
		const asked = this._rounds.shift();
		if (!asked || login !== LOGIN) return fault(401, "not_logged_in", "x");
		const { kind, prompts } = prompt(asked);
		if (answers.length !== (kind === "questions" ? prompts.length : 1))
			return fault(400, "bad_request", "x");
		if (kind === "host_key" && answers[0] !== "yes") return fault(403, "host_key_refused", "x");
		return this._round();
	}

	/** @param {SessionRow} session @returns {Reply} */
	_stream(session) {
		this.sessions = [...this.sessions.filter(({ id }) => id !== session.id), session];
		return { body: { session, ws: "/x2gows/20003" } };
	}

	/** @param {string} id @param {SessionRow["status"]} status @returns {Reply} */
	_change(id, status) {
		const session = sessionRow({ ...this._row(id), status, attached: false });
		this.sessions = this.sessions.filter((row) => row.id !== id);
		if (status !== "terminated") this.sessions.push(session);
		return { body: { session } };
	}

	/** @param {import("node:http").IncomingMessage} request
	 * @param {import("node:http").ServerResponse} response */
	async _serve(request, response) {
		const path = new URL(request.url ?? "/", "http://localhost").pathname;
		response.setHeader("Content-Security-Policy", CSP);
		response.setHeader("Cache-Control", "no-store");
		if (path.startsWith(`${BASE}rpc/`)) await this._answer(path, request, response);
		else await this._file(path, response);
	}

	/** @param {string} path @param {import("node:http").IncomingMessage} request
	 * @param {import("node:http").ServerResponse} response */
	async _answer(path, request, response) {
		const call = path.slice(`${BASE}rpc/`.length);
		let text = "";
		for await (const part of request) text += part;
		const body = text === "" ? {} : JSON.parse(text);
		const entry = { call, body, givenUp: false };
		this.calls.push(entry);
		response.on("close", () => (entry.givenUp = !response.writableEnded));
		const handler = this.overrides[call] ?? this._handlers[call];
		const reply = handler ? await handler(body) : { status: 404, body: {} };
		response.writeHead(reply.status ?? 200, { "Content-Type": "application/json" });
		response.end(JSON.stringify(reply.body));
	}

	/** @param {string} path @param {import("node:http").ServerResponse} response */
	async _file(path, response) {
		const name = path.startsWith(BASE)
			? normalize(path.slice(BASE.length) || "index.html")
			: "";
		const file = join(this._www, name);
		const found = name !== "" && (await stat(file).catch(() => null))?.isFile();
		const type = /** @type {Record<string, string>} */ (TYPES)[extname(file)];
		if (!found || !type || name.startsWith("..")) {
			response.writeHead(404).end();
			return;
		}
		response.writeHead(200, { "Content-Type": type });
		createReadStream(file).pipe(response);
	}
}

/** An error as the gateway words it. @param {number} status @param {string} code
 * @param {string} message @param {{hop?: string, retry_after?: number}} [more] @returns {Reply} */
export function fault(status, code, message, more = {}) {
	return { status, body: { error: { code, message, ...more } } };
}
