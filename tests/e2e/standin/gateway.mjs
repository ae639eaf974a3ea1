/* SPDX-License-Identifier: ISC */
/*
 * A stand-in for the gateway and the agent behind it: serves the page as the web server would,
 * answers its calls from a script, and speaks for an agent on a WebSocket. Nothing here is the
 * product; what it proves, it proves of the page only.
 */

import { randomBytes } from "node:crypto";
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
/** @typedef {{text: string, stream: string, down: number, page: string, attempt: number}} Hello */

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

/** One stream, seen from the agent's side, over as many WebSockets as it takes (docs/stream.md). */
export class StandinAgent {
	/** @param {import("ws").WebSocket} socket */
	constructor(socket) {
		this._socket = socket;
		this.stream = randomBytes(8).toString("hex");
		/** @type {Uint8Array[]} what was sent and is not known to have come, somebody there or not */
		this._kept = [];
		this._base = 0; /* where that begins */
		this._down = 0;
		this._up = 0; /* taken of the client's events */
		/** @type {{at: number, events: ClientEvent[]}[]} one entry for each message */
		this.messages = [];
		/** @type {Error[]} */
		this.faults = [];
		this.answersPings = true;
		/** What came is not confirmed: the client must keep it. */
		this.acknowledges = true;
		/** This WebSocket stays, and nothing goes through it, either way. */
		this.silent = false;
		/** How a client that comes back is received; "foreign": somebody else had the stream.
		 * @type {"resume" | "fresh" | "foreign"} */
		this.how = "resume";
		/** @type {string[]} hellos and control words, but pings */
		this.words = [];
		this.page = ""; /* that has the stream */
		this.attempt = 0;
		/** @type {{received: number, painted: number}[]} */
		this.acks = [];
		/** When a browser has gone for the first time. @type {Promise<void>} */
		this.closed = new Promise((resolve) => (this._closed = resolve));
		/** @type {(() => void)[]} */
		this._watchers = [];
	}

	/** The position in its stream. */
	get down() {
		return this._down;
	}

	/** @param {import("ws").WebSocket} socket @param {Hello} hello */
	attach(socket, { text, stream, down, page, attempt }) {
		[this.page, this.attempt] = [page, attempt];
		const old = this._socket;
		this._socket = socket;
		this.silent = false;
		if (old !== socket) old.terminate();
		socket.on("close", () => this._closed());
		socket.on("message", (data, binary) => {
			if (socket === this._socket && !this.silent) this._received(data, binary);
		});
		this.words.push(text);
		if (stream === "-") {
			this.say(`hello 1 ${this.stream} 0 0 start`);
		} else if (this.how !== "resume") {
			if (this.how === "foreign") this._up += 1;
			this.say(`hello 1 ${this.stream} ${this._down} ${this._up} fresh`);
		} else {
			this.say(`hello 1 ${this.stream} ${down} ${this._up} resume`);
			const missing = Buffer.concat(this._kept).subarray(down - this._base);
			if (missing.length > 0) socket.send(missing);
		}
		this._notice();
	}

	/** @param {import("ws").RawData} data @param {boolean} binary */
	_received(data, binary) {
		try {
			if (!binary) this._controlWord(String(data));
			else this._take(/** @type {Buffer} */ (data));
		} catch (error) {
			this.faults.push(/** @type {Error} */ (error));
		}
		this._notice();
	}

	/** @param {Buffer} data */
	_take(data) {
		this.messages.push({ at: performance.now(), events: parseEvents(data) });
		this._up += data.length;
		if (this.acknowledges) this.say(`ack ${this._up}`);
	}

	_notice() {
		this._watchers.splice(0).forEach((watcher) => watcher());
	}

	/** @param {string} text */
	_controlWord(text) {
		const [, received, painted] = text.match(/^ack (\d+) (\d+)$/) ?? [];
		if (received) this._told(Number(received), Number(painted));
		if (!received && !text.startsWith("ping ")) this.words.push(text);
		if (received || text === "hide" || text === "show") return;
		const [, token] = text.match(/^ping ([0-9A-Za-z]{1,16})$/) ?? [];
		if (!token) throw new Error(`text from the client: ${text}`);
		if (this.answersPings) this.say(`pong ${token}`);
	}

	/** @param {number} received @param {number} painted */
	_told(received, painted) {
		if (received > this._down || painted > received) throw new Error("acknowledged too much");
		this.acks.push({ received, painted });
		while (this._kept.length > 0 && this._base + this._kept[0].length <= received)
			this._base += this._kept.shift()?.length ?? 0;
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
		this._kept.push(bytes);
		this._down += bytes.length;
		if (!this.silent) this._socket.send(bytes);
	}

	/** @param {string} text */
	say(text) {
		if (!this.silent) this._socket.send(text);
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
			verifyClient: ({ req }, answer) => {
				const refusal = this._refusal(helloOf(req));
				answer(refusal === 0, refusal);
			},
			handleProtocols: (offered) => offered.has("x2goweb.v1") && "x2goweb.v1",
		});
		this._sockets.on("connection", (socket, request) => this._take(socket, helloOf(request)));
		/** @type {StandinAgent | null} whose stream a browser may have */
		this._agent = null;
		/** The network is gone: "away" for everything, or there is no stream any more: "gone". */
		this.line = /** @type {"there" | "away" | "gone"} */ ("there");
		this._server.on("connection", (connection) => {
			if (this.line === "away") connection.resetAndDestroy();
		});
	}

	/** An HTTP status, or 0. @param {Hello} hello */
	_refusal({ page, attempt }) {
		if (this.line !== "there") return 503;
		return this._agent?.page === page && attempt <= this._agent.attempt ? 409 : 0;
	}

	/** @param {import("ws").WebSocket} socket @param {Hello} hello */
	_take(socket, hello) {
		if (hello.stream === "-") {
			this._agent = new StandinAgent(socket);
			this._agent.attach(socket, hello);
			this.onStream(this._agent);
		} else if (hello.stream === this._agent?.stream) {
			this._agent.attach(socket, hello);
		} else {
			socket.send("bye replaced The desktop has been opened elsewhere.");
			socket.close(4000, "replaced");
		}
	}

	/** @param {"there" | "away" | "gone"} line */
	setLine(line) {
		this.line = line;
		if (line === "away") this._server.closeAllConnections();
		if (line !== "there") this._agent?.cut();
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

/** @param {import("node:http").IncomingMessage} request @returns {Hello} */
function helloOf({ url = "" }) {
	const text = url.replace(/^[^?]*\??/, "").replaceAll(".", " ");
	const [, stream, down, page, attempt] =
		text.match(/^hello 1 (-|[0-9a-f]{16}) (\d+) ([0-9A-Za-z]{1,16}) (\d+) (?:shown|hidden)$/) ??
		[];
	if (!stream) throw new Error(`no hello: ${url}`);
	return { text, stream, down: Number(down), page, attempt: Number(attempt) };
}

/** An error as the gateway words it. @param {number} status @param {string} code
 * @param {string} message @param {{hop?: string, retry_after?: number}} [more] @returns {Reply} */
export function fault(status, code, message, more = {}) {
	return { status, body: { error: { code, message, ...more } } };
}
