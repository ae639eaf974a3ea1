// SPDX-License-Identifier: ISC
/**
 * The FastCGI responder alone: the real program between a web server and a broker that are played
 * by the test, so that both can misbehave at the right moment.
 */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before } from "node:test";
import * as fastcgi from "./fastcgi.mjs";
import { StandInBroker } from "./proto.mjs";
import { build, Process } from "./stack.mjs";

/** @typedef {import("./proto.mjs").Message} Message */
/** @typedef {import("./proto.mjs").Conn} Conn */

export const ORIGIN = "https://gate.example";
export const LOGIN = "0123456789abcdef";
export const COOKIE = "Cookie-of-43-characters_0123456789abcdefghi";
export const PASSWORD = "Tr0ub4dor-canary-pässword";
export const ROW = {
	id: "alice-50-1795219328_stKICEWM_dp24",
	desktop: "ICEWM",
	kind: 0,
	status: 1,
	display: 50,
	server: "x2gohost",
	created: "2026-11-21T00:51:58",
	age_s: 6,
	attached: 1,
};
/** What an obliging broker says. @type {Record<string, [string, object]>} */
const ANSWERS = {
	CONFIG_GET: [
		"CONFIG",
		{
			title: 'The "gate" <é>',
			default_server: "demo",
			default_desktop: "ICEWM",
			servers: [{ id: "demo", title: "Demo server" }, { id: "bare" }],
			desktops: [{ id: "ICEWM", title: "IceWM" }],
		},
	],
	LOGIN: [
		"LOGGED_IN",
		{
			login: LOGIN,
			cookie: COOKIE,
			sessions: [ROW],
			desktops: [{ id: "ICEWM", title: "IceWM" }],
		},
	],
	ANSWER: [
		"PROMPTED",
		{
			login: LOGIN,
			prompt: [
				{
					kind: 0,
					hop: 1,
					host: "bastion",
					title: "PAM",
					instruction: "Line one\nline two",
					questions: [{ text: "Code: " }, { text: "Colour? ", echo: 1 }],
				},
			],
		},
	],
	SESSIONS_GET: ["SESSIONS", { sessions: [ROW, { ...ROW, kind: 2, status: 2, attached: 0 }] }],
	START: ["STREAM", { session: [ROW], port: 20003 }],
	RESUME: ["STREAM", { session: [ROW], port: 20004 }],
	SUSPEND: ["SESSION", { session: [{ ...ROW, status: 2 }] }],
	TERMINATE: ["SESSION", { session: [{ ...ROW, status: 4 }] }],
	APPLICATIONS_GET: [
		"APPLICATIONS",
		{
			applications: [
				{ command: "xterm -ls", title: 'The "term" <é>', group: 10 },
				{ command: "/usr/bin/a", title: "A", group: 0 },
			],
		},
	],
	LAYOUT: ["DONE", {}],
	LOGOUT: ["DONE", {}],
};

/** @param {Message} message @param {Conn} conn */
export function oblige(message, conn) {
	const [type, values] = ANSWERS[message.type];
	conn.send(type, message.id, values);
}

export const credentials = { server: "demo", user: "alice", password: PASSWORD };
export const withCookie = { HTTP_COOKIE: `x2goweb_${LOGIN}=${COOKIE}` };

/** What nginx passes for a call, but for the length. @param {string} call */
export function params(call, more = {}) {
	return {
		REQUEST_METHOD: "POST",
		REQUEST_URI: `/x2go/rpc/${call}`,
		REQUEST_SCHEME: "https",
		HTTP_HOST: "gate.example",
		HTTP_ORIGIN: ORIGIN,
		HTTP_SEC_FETCH_SITE: "same-origin",
		CONTENT_TYPE: "application/json",
		REMOTE_ADDR: "192.0.2.7",
		...more,
	};
}

/** A request as bytes. @param {string} call @param {object | string} body */
export function requestBytes(call, body, more = {}) {
	const text = typeof body === "string" ? body : JSON.stringify(body);
	return fastcgi.whole(params(call, more), text);
}

/** @param {fastcgi.Answer} answer @param {number} status @param {string} code */
export function assertError(answer, status, code, message = /./) {
	assert.equal(`${answer.status} ${answer.json.error?.code}`, `${status} ${code}`);
	assert.match(answer.json.error.message, message);
}

export class Stage {
	static program = path.join(build, "bin/x2goweb-fcgi");

	/** Set up before the file's tests, and an obliging broker before each. */
	constructor() {
		this.directory = "";
		this.responder = /** @type {Process} */ (/** @type {unknown} */ (undefined));
		this.broker = /** @type {StandInBroker} */ (/** @type {unknown} */ (undefined));
		before(async () => {
			this.directory = await mkdtemp(path.join(tmpdir(), "x2goweb-fcgi-"));
			await chmod(this.directory, 0o755);
			this.broker = new StandInBroker(this.file("broker.sock"), oblige);
			await this.startBroker();
			await this.startResponder();
		});
		afterEach(() => {
			this.broker.answer = oblige;
			this.broker.asked = [];
		});
		after(async () => {
			await this.responder.stop();
			await this.broker.stop();
			await rm(this.directory, { recursive: true, force: true });
		});
	}

	/** @param {string} name */
	file(name) {
		return path.join(this.directory, name);
	}

	/** @param {string[]} args further options */
	async startResponder(...args) {
		this.responder = new Process(
			"x2goweb-fcgi",
			Stage.program,
			[
				...["--socket", this.file("fcgi.sock"), "--broker", this.file("broker.sock")],
				...["--debug", ...args],
			],
			// The leak checker cannot work inside the seccomp filter.
			{ cwd: "/", env: { ASAN_OPTIONS: "detect_leaks=0" } },
		);
		await this.responder.waitFor(/ready/);
	}

	/** Its socket is open to the web server's user, who has given up root. */
	async startBroker() {
		await this.broker.start();
		await chmod(this.file("broker.sock"), 0o777);
	}

	/** A connection to the responder. */
	connect() {
		return new fastcgi.Connection(this.file("fcgi.sock"));
	}

	/** A call as the page makes it. @param {string} call @param {object | string} body */
	async ask(call, body, more = {}) {
		const answer = await this.connect()
			.send(requestBytes(call, body, more))
			.answer();
		if (!answer) throw new Error(`${call}: no answer; log:\n${this.responder.log}`);
		return answer;
	}

	config() {
		return this.ask("config", "", { REQUEST_METHOD: "GET" });
	}
}
