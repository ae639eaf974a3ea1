// SPDX-License-Identifier: ISC
/**
 * The FastCGI responder alone: the real program between a web server and a broker that are played
 * here, so that both can misbehave at the right moment.
 */
import assert from "node:assert/strict";
import { existsSync, openSync, closeSync, readFileSync, readSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import * as fastcgi from "./lib/fastcgi.mjs";
import { encode, StandInBroker } from "./lib/proto.mjs";
import { eventually } from "./lib/rpc.mjs";
import { build, Process } from "./lib/stack.mjs";
import { processStatus } from "./lib/status.mjs";

/** @typedef {import("./lib/proto.mjs").Message} Message */
/** @typedef {import("./lib/proto.mjs").Conn} Conn */

const program = path.join(build, "bin/x2goweb-fcgi");
const ORIGIN = "https://gate.example";
const LOGIN = "0123456789abcdef";
const COOKIE = "Cookie-of-43-characters_0123456789abcdefghi";
const PASSWORD = "Tr0ub4dor-canary-pässword";
const ROW = {
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
const ROW_JSON = {
	id: "alice-50-1795219328_stKICEWM_dp24",
	desktop: "ICEWM",
	kind: "desktop",
	status: "running",
	display: 50,
	server: "x2gohost",
	created: "2026-11-21T00:51:58",
	age: 6,
	attached: true,
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
	SESSIONS_GET: ["SESSIONS", { sessions: [ROW, { ...ROW, kind: 2, status: 2, attached: 0 }] }],
	START: ["STREAM", { session: [ROW], port: 20003 }],
	RESUME: ["STREAM", { session: [ROW], port: 20004 }],
	SUSPEND: ["SESSION", { session: [{ ...ROW, status: 2 }] }],
	TERMINATE: ["SESSION", { session: [{ ...ROW, status: 4 }] }],
	LOGOUT: ["DONE", {}],
};

/** @param {Message} message @param {Conn} conn */
function oblige(message, conn) {
	const [type, values] = ANSWERS[message.type];
	conn.send(type, message.id, values);
}

let directory = "";
/** @type {Process} */ let responder;
/** @type {StandInBroker} */ let broker;
const file = (/** @type {string} */ name) => path.join(directory, name);

/** @param {string[]} args */
async function startResponder(...args) {
	const started = new Process(
		"x2goweb-fcgi",
		program,
		["--socket", file("fcgi.sock"), "--broker", file("broker.sock"), "--debug", ...args],
		{ cwd: "/", env: { ASAN_OPTIONS: "detect_leaks=0" } },
	);
	await started.waitFor(/ready/);
	return started;
}

/** The socket is open to the web server's user, who has given up root. */
async function startBroker() {
	await broker.start();
	await chmod(file("broker.sock"), 0o777);
}

before(async () => {
	directory = await mkdtemp(path.join(tmpdir(), "x2goweb-fcgi-"));
	await chmod(directory, 0o755);
	broker = new StandInBroker(file("broker.sock"), oblige);
	await startBroker();
	responder = await startResponder();
});
afterEach(() => {
	broker.answer = oblige;
	broker.asked = [];
});
after(async () => {
	await responder.stop();
	await broker.stop();
	await rm(directory, { recursive: true, force: true });
});

/** What nginx passes for a call. @param {string} call @param {Buffer | string} body */
function params(call, body, more = {}) {
	return {
		REQUEST_METHOD: "POST",
		REQUEST_URI: `/x2go/rpc/${call}`,
		REQUEST_SCHEME: "https",
		HTTP_HOST: "gate.example",
		HTTP_ORIGIN: ORIGIN,
		HTTP_SEC_FETCH_SITE: "same-origin",
		CONTENT_TYPE: "application/json",
		CONTENT_LENGTH: String(Buffer.byteLength(body)),
		REMOTE_ADDR: "192.0.2.7",
		...more,
	};
}

/** A request as bytes. @param {string} call @param {object | string} body */
function requestBytes(call, body, more = {}) {
	const text = typeof body === "string" ? body : JSON.stringify(body);
	return fastcgi.whole(params(call, text, more), text);
}

/** A call as the page makes it. @param {string} call @param {object | string} body */
async function ask(call, body, more = {}) {
	const connection = new fastcgi.Connection(file("fcgi.sock"));
	const answer = await connection.send(requestBytes(call, body, more)).answer();
	if (!answer) throw new Error(`${call}: no answer; log:\n${responder.log}`);
	return answer;
}

const config = () => ask("config", "", { REQUEST_METHOD: "GET", CONTENT_LENGTH: "" });
const credentials = { server: "demo", user: "alice", password: PASSWORD };
const withCookie = { HTTP_COOKIE: `x2goweb_${LOGIN}=${COOKIE}` };

/** @param {fastcgi.Answer} answer @param {number} status @param {string} code */
function assertError(answer, status, code, message = /./) {
	assert.equal(`${answer.status} ${answer.json.error?.code}`, `${status} ${code}`);
	assert.match(answer.json.error.message, message);
}

describe("calls", () => {
	test("config: what the form needs, and headers that keep it where it belongs", async () => {
		const { status, json, headers, text } = await config();
		assert.equal(status, 200);
		assert.deepEqual(json, {
			title: 'The "gate" <é>',
			version: json.version,
			servers: [
				{ id: "demo", title: "Demo server" },
				{ id: "bare", title: "bare" },
			],
			other_servers: false,
			desktops: [{ id: "ICEWM", title: "IceWM" }],
			defaults: { server: "demo", desktop: "ICEWM" },
			limits: { width_min: 64, width_max: 8192, height_min: 64, height_max: 8192 },
		});
		assert.match(json.version, /^\d+\.\d+\.\d+$/);
		assert.deepEqual(headers, {
			status: "200",
			"content-type": "application/json",
			"cache-control": "no-store",
			"x-content-type-options": "nosniff",
			"content-security-policy": "default-src 'none'; frame-ancestors 'none'",
			"referrer-policy": "no-referrer",
			"cross-origin-resource-policy": "same-origin",
			"content-length": String(Buffer.byteLength(text)),
		});
	});

	test("login: asks the broker, hands the cookie to nobody but the browser", async () => {
		const { status, json, headers, text } = await ask("login", credentials);
		assert.equal(status, 200);
		assert.deepEqual(json, {
			login: LOGIN,
			state: "ready",
			sessions: [ROW_JSON],
			desktops: [{ id: "ICEWM", title: "IceWM" }],
		});
		assert.equal(
			headers["set-cookie"],
			`x2goweb_${LOGIN}=${COOKIE}; Path=/; HttpOnly; Secure; SameSite=Strict`,
		);
		assert.ok(!text.includes(COOKIE));
		const { id, ...asked } = await broker.request("LOGIN");
		assert.ok(id > 0);
		assert.deepEqual(asked, {
			...credentials,
			type: "LOGIN",
			client: "192.0.2.7",
			origin: ORIGIN,
		});
	});

	/** @type {[string, object, string, object, object][]} call, JSON, message, its fields, answer */
	const calls = [
		[
			"sessions",
			{},
			"SESSIONS_GET",
			{},
			{
				sessions: [
					ROW_JSON,
					{ ...ROW_JSON, kind: "nx", status: "suspended", attached: false },
				],
			},
		],
		[
			"start",
			{ desktop: "ICEWM", width: 1024, height: 768, layout: "de", dpi: 96 },
			"START",
			{ command: "ICEWM", width: 1024, height: 768, layout: "de", dpi: 96 },
			{ session: ROW_JSON, ws: "/x2gows/20003" },
		],
		[
			"start",
			{ command: "xterm -e 'a \"b\"'", width: 64, height: 8192 },
			"START",
			{ command: "xterm -e 'a \"b\"'", width: 64, height: 8192, layout: "", dpi: 0 },
			{ session: ROW_JSON, ws: "/x2gows/20003" },
		],
		[
			"resume",
			{ id: ROW.id, width: 1024, height: 768 },
			"RESUME",
			{ session: ROW.id, width: 1024, height: 768, layout: "" },
			{ session: ROW_JSON, ws: "/x2gows/20004" },
		],
		[
			"suspend",
			{ id: ROW.id },
			"SUSPEND",
			{ session: ROW.id },
			{ session: { ...ROW_JSON, status: "suspended" } },
		],
		[
			"terminate",
			{ id: ROW.id },
			"TERMINATE",
			{ session: ROW.id },
			{ session: { ...ROW_JSON, status: "terminated" } },
		],
		["logout", {}, "LOGOUT", {}, {}],
	];
	for (const [call, body, type, fields, expected] of calls)
		test(`${call} ${JSON.stringify(body)}`, async () => {
			const answer = await ask(call, { login: LOGIN, ...body }, withCookie);
			assert.equal(answer.status, 200);
			assert.deepEqual(answer.json, expected);
			const { id, ...asked } = await broker.request(type);
			assert.ok(id > 0);
			assert.deepEqual(asked, { type, login: LOGIN, cookie: COOKIE, ...fields });
			assert.equal(
				answer.headers["set-cookie"],
				call === "logout"
					? `x2goweb_${LOGIN}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict`
					: undefined,
			);
		});

	test("the cookie is found among others, and only that of this login counts", async () => {
		const other = `x2goweb_${"f".repeat(16)}=${"B".repeat(43)}`;
		const found = { HTTP_COOKIE: `a=b; ${other};x2goweb_${LOGIN}=${COOKIE}; c=d` };
		assert.equal((await ask("sessions", { login: LOGIN }, found)).status, 200);
		for (const HTTP_COOKIE of [
			"",
			other,
			`x2goweb_${LOGIN}=short`,
			`Xx2goweb_${LOGIN}=${COOKIE}`,
		])
			assertError(
				await ask("sessions", { login: LOGIN }, { HTTP_COOKIE }),
				401,
				"not_logged_in",
			);
		assert.equal(broker.asked.length, 1);
	});

	test("a failure is told by code, status and a text for the user", async () => {
		broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 26, retry_after_s: 7, detail: "port pool" });
		const full = await ask("login", credentials);
		assertError(full, 503, "too_many_logins", /^The gateway is full at the moment\. Try/);
		assert.equal(full.json.error.retry_after, 7);
		assert.equal(full.headers["retry-after"], "7");

		broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 8, detail: "no such user" });
		const wrong = await ask("login", credentials);
		assertError(wrong, 401, "auth_failed", /^The user name or the password is wrong\.$/);
		assert.equal(wrong.headers["set-cookie"], undefined);

		broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 13, detail: "SHA256:abc" });
		assertError(await ask("login", credentials), 502, "host_key_changed", /\(SHA256:abc\)$/);

		broker.answer = (message, conn) => conn.send("FAIL", message.id, { code: 31 });
		assertError(await ask("suspend", { login: LOGIN, id: "x" }, withCookie), 409, "suspended");
	});

	test("a login that has ended takes its cookie along", async () => {
		broker.answer = (message, conn) => conn.send("FAIL", message.id, { code: 7 });
		const { headers } = await ask("sessions", { login: LOGIN }, withCookie);
		assert.match(headers["set-cookie"], new RegExp(`^x2goweb_${LOGIN}=; Max-Age=0;`));
	});
});

describe("guards", () => {
	/** @type {[string, string, object, number, string][]} what, call, parameters, status, code */
	const table = [
		["no such call", "logins", {}, 404, "not_found"],
		["no call", "", {}, 404, "not_found"],
		["another path", "", { REQUEST_URI: "/x2go/login" }, 404, "not_found"],
		["an encoded path", "", { REQUEST_URI: "/x2go/rpc/%6cogin" }, 404, "not_found"],
		["no path", "", { REQUEST_URI: "" }, 404, "not_found"],
		["GET", "login", { REQUEST_METHOD: "GET" }, 405, "method_not_allowed"],
		["PUT", "login", { REQUEST_METHOD: "PUT" }, 405, "method_not_allowed"],
		["another origin", "login", { HTTP_ORIGIN: "https://evil.example" }, 403, "bad_origin"],
		["another scheme", "login", { HTTP_ORIGIN: "http://gate.example" }, 403, "bad_origin"],
		["another port", "login", { HTTP_ORIGIN: `${ORIGIN}:444` }, 403, "bad_origin"],
		["origin null", "login", { HTTP_ORIGIN: "null" }, 403, "bad_origin"],
		["no origin", "login", { HTTP_ORIGIN: "" }, 403, "bad_origin"],
		["cross-site", "login", { HTTP_SEC_FETCH_SITE: "cross-site" }, 403, "bad_origin"],
		["same-site", "login", { HTTP_SEC_FETCH_SITE: "same-site" }, 403, "bad_origin"],
		["a form", "login", { CONTENT_TYPE: "text/plain" }, 415, "unsupported_media_type"],
		["no type", "login", { CONTENT_TYPE: "" }, 415, "unsupported_media_type"],
		["no length", "login", { CONTENT_LENGTH: "" }, 400, "bad_request"],
		["a wrong length", "login", { CONTENT_LENGTH: "5" }, 400, "bad_request"],
		["a length that lies", "login", { CONTENT_LENGTH: "16385" }, 413, "too_large"],
	];
	for (const [what, call, more, status, code] of table)
		test(`${what}: ${status}`, async () => {
			const answer = await ask(call, credentials, more);
			assertError(answer, status, code);
			assert.equal(answer.headers.allow, status === 405 ? "POST" : undefined);
			assert.equal(broker.asked.length, 0);
		});

	for (const [what, body, message] of /** @type {[string, string, RegExp][]} */ ([
		["nothing", "", /well-formed/],
		["cut", '{"server":"demo"', /well-formed/],
		["an array", "[]", /not a JSON object/],
		["deep nesting", "[".repeat(9000), /not a JSON object/],
		["another object inside", '{"server":{"a":1}}', /server must be a text/],
		["a list of users", '{"user":["a"]}', /user must be a text/],
		["null", '{"server":null}', /server must be a text/],
		["a missing field", '{"server":"demo","user":"alice"}', /password is missing/],
		["an unknown field", '{"role":"root"}', /role is not a field/],
		["a field twice", '{"user":"a","user":"b"}', /user is given twice/],
		["NUL", '{"user":"a\\u0000b"}', /user holds characters/],
		["a line feed", '{"user":"a\\nb"}', /user holds characters/],
		["two objects", "{}{}", /well-formed|missing/],
		["a long name", `{"user":"${"a".repeat(65)}"}`, /user must not be longer than 64/],
	]))
		test(`JSON: ${what}`, async () => {
			assertError(await ask("login", body), 400, "bad_request", message);
			assert.equal(broker.asked.length, 0);
		});

	test("numbers have bounds", async () => {
		for (const width of [63, 8193, -1, 1e300, 100.5, "100"]) {
			const body = { login: LOGIN, desktop: "ICEWM", width, height: 600 };
			assertError(
				await ask("start", body, withCookie),
				400,
				"bad_request",
				/width|well-formed/,
			);
		}
		assert.equal(broker.asked.length, 0);
	});

	test("a body of 16 KiB is read, one of a byte more or a megabyte is too large", async () => {
		const padded = (/** @type {number} */ size) =>
			JSON.stringify({ ...credentials, password: "x" }).padEnd(size);
		assert.equal((await ask("login", padded(16384))).status, 200);
		for (const size of [16385, 300000, 1000000])
			assertError(await ask("login", padded(size)), 413, "too_large");
	});

	test("--origin names the public origins, then the request's own is none", async () => {
		await responder.stop();
		responder = await startResponder(
			"--origin",
			"https://a.example",
			"--origin",
			"https://b.example:8443",
		);
		for (const HTTP_ORIGIN of ["https://a.example", "https://B.example:8443"])
			assert.equal((await ask("login", credentials, { HTTP_ORIGIN })).status, 200);
		assertError(await ask("login", credentials), 403, "bad_origin");
		await responder.stop();
		responder = await startResponder();
	});
});

describe("a web server that misbehaves", () => {
	test("a request in single bytes is served", async () => {
		const connection = new fastcgi.Connection(file("fcgi.sock"));
		for (const byte of requestBytes("login", credentials)) {
			connection.send(Buffer.from([byte]));
			await new Promise((resolve) => setImmediate(resolve));
		}
		assert.equal((await connection.answer())?.status, 200);
	});

	test("a request that is cut off anywhere is dropped; nothing reaches the broker", async () => {
		const bytes = requestBytes("login", credentials);
		for (const cut of [0, 1, 8, 15, 17, 30, 200, bytes.length - 60, bytes.length - 1]) {
			const connection = new fastcgi.Connection(file("fcgi.sock"));
			connection.send(bytes.subarray(0, cut)).finish();
			assert.equal(await connection.answer(), undefined, `cut at ${cut}`);
		}
		assert.equal(broker.asked.length, 0);
	});

	test("what is not one request for a responder is dropped", async () => {
		const good = requestBytes("config", "");
		const { record, begin, whole, STDIN, PARAMS, GET_VALUES, ABORT_REQUEST } = fastcgi;
		for (const bytes of [
			Buffer.from("GET / HTTP/1.1\r\n\r\n"),
			record(GET_VALUES, fastcgi.pairs({ FCGI_MAX_CONNS: "" }), { id: 0 }),
			Buffer.concat([begin(), record(STDIN)]),
			Buffer.concat([begin(), begin()]),
			Buffer.concat([begin(), record(PARAMS, "", { id: 2 })]),
			Buffer.concat([
				begin(),
				record(PARAMS, "x".repeat(60000)),
				record(PARAMS, "x".repeat(60000)),
			]),
			Buffer.concat([
				begin(),
				record(PARAMS, Buffer.from([9, 200, 0, 0])),
				record(PARAMS),
				record(STDIN),
			]),
			Buffer.concat([
				begin(),
				record(PARAMS, Buffer.from("ffffffffffffffff61", "hex")),
				record(PARAMS),
				record(STDIN),
			]),
			Buffer.concat([begin(), record(ABORT_REQUEST)]),
			record(1, Buffer.alloc(8), { version: 2 }),
			Buffer.concat([good, good]),
			Buffer.concat([whole(params("login", "x".repeat(2 ** 21)), "x".repeat(2 ** 21))]),
		]) {
			const connection = new fastcgi.Connection(file("fcgi.sock")).send(bytes);
			assert.equal(
				await connection.answer(),
				undefined,
				bytes.subarray(0, 40).toString("hex"),
			);
		}
		assert.equal((await config()).status, 200);
	});

	test("padding and records of any size are understood", async () => {
		const { begin, record, pairs, PARAMS, STDIN } = fastcgi;
		const body = JSON.stringify(credentials);
		const parts = [...pairs(params("login", body))].map((byte) =>
			record(PARAMS, Buffer.from([byte]), { padding: 7 }),
		);
		const bytes = Buffer.concat([
			begin(),
			...parts,
			record(PARAMS, "", { padding: 255 }),
			...[...Buffer.from(body)].map((byte) =>
				record(STDIN, Buffer.from([byte]), { padding: 1 }),
			),
			record(STDIN, "", { padding: 3 }),
		]);
		const answer = await new fastcgi.Connection(file("fcgi.sock")).send(bytes).answer();
		assert.equal(answer?.status, 200);
		assert.equal((await broker.request("LOGIN")).password, PASSWORD);
	});

	test("hundreds of silent and half-sent requests keep nobody waiting, and end by themselves", async () => {
		const half = requestBytes("login", credentials).subarray(0, 300);
		const crowd = Array.from({ length: 240 }, (_, i) => {
			const connection = new fastcgi.Connection(file("fcgi.sock"));
			return i % 2 ? connection.send(half) : connection;
		});
		const start = Date.now();
		for (let i = 0; i < 20; i++) assert.equal((await ask("login", credentials)).status, 200);
		assert.ok(Date.now() - start < 2000, "answers come at once");
		assert.equal(broker.asked.length, 20);
		await Promise.all(crowd.map((connection) => connection.closed));
		const waited = Date.now() - start;
		assert.ok(waited > 5000 && waited < 15000, `they are dropped after ${waited} ms`);
	});

	test("more than may wait: the oldest go", async () => {
		const crowd = Array.from({ length: 400 }, () => new fastcgi.Connection(file("fcgi.sock")));
		let closed = 0;
		for (const connection of crowd) void connection.closed.then(() => closed++);
		assert.equal((await config()).status, 200);
		await eventually(() => closed >= 140, "some are dropped", 5000);
		for (const connection of crowd) connection.abandon();
	});

	for (const [how, leave] of /** @type {[string, (c: fastcgi.Connection) => unknown][]} */ ([
		["closes", (connection) => connection.abandon()],
		["aborts", (connection) => connection.send(fastcgi.record(fastcgi.ABORT_REQUEST))],
	]))
		for (const [call, type] of [
			["login", "LOGIN"],
			["start", "START"],
		])
			test(`${how} during ${call}: the broker sees its connection close`, async () => {
				/** @type {Conn | undefined} */ let asking;
				broker.answer = (_message, conn) => (asking = conn);
				const body =
					call === "login"
						? credentials
						: { login: LOGIN, desktop: "X", width: 99, height: 99 };
				const connection = new fastcgi.Connection(file("fcgi.sock"));
				connection.send(requestBytes(call, body, withCookie));
				await broker.request(type);
				leave(connection);
				await asking?.closed;
				assert.equal(await connection.answer(), undefined);
			});

	test("a login whose answer meets the hang-up is ended", async () => {
		for (let i = 1; i <= 10; i++) {
			/** @type {(() => void) | undefined} */ let release;
			broker.answer = (message, conn) => {
				if (message.type !== "LOGIN") oblige(message, conn);
				else release = () => oblige(message, conn);
			};
			const connection = new fastcgi.Connection(file("fcgi.sock"));
			connection.send(requestBytes("login", credentials));
			await broker.request("LOGIN", i);
			// Both are there when the responder looks again, in either order.
			responder.child.kill("SIGSTOP");
			if (i % 2) release?.();
			await connection.abandon().closed;
			if (!(i % 2)) release?.();
			await new Promise((resolve) => setImmediate(resolve));
			responder.child.kill("SIGCONT");
			const { login, cookie } = await broker.request("LOGOUT", i);
			assert.deepEqual([login, cookie], [LOGIN, COOKIE]);
		}
	});
});

describe("a broker that misbehaves", () => {
	test("away: 503; back: all is well", async () => {
		await broker.stop();
		assertError(await config(), 503, "broker_unavailable");
		assertError(await ask("login", credentials), 503, "broker_unavailable");
		await startBroker();
		assert.equal((await config()).status, 200);
	});

	test("restarted between two calls: the next one works", async () => {
		for (let i = 0; i < 5; i++) {
			assert.equal((await config()).status, 200);
			await broker.stop();
			await startBroker();
		}
		assert.equal((await config()).status, 200);
	});

	/** @type {[string, (message: Message, conn: Conn) => unknown][]} */
	const faults = [
		["dies in a call", (_message, conn) => conn.socket.destroy()],
		["talks nonsense", (_message, conn) => conn.socket.write("220 smtp.example ESMTP\r\n")],
		["answers another request", (message, conn) => conn.send("DONE", message.id + 1)],
		["answers another question", (message, conn) => conn.send("DONE", message.id)],
		["says an unknown code", (message, conn) => conn.send("FAIL", message.id, { code: 999 })],
		[
			"speaks a session's words",
			(_message, conn) => conn.send("OPENED", 1, { fingerprint: "x" }),
		],
		[
			"answers too much",
			(message, conn) => conn.send("SESSIONS", message.id, { sessions: Array(49).fill(ROW) }),
		],
		[
			"sends a row that is no text",
			(message, conn) =>
				conn.send("SESSIONS", message.id, {
					sessions: [{ ...ROW, desktop: Buffer.from([0xff]) }],
				}),
		],
		[
			"cuts its answer off",
			(message, conn) => {
				conn.socket.end(
					encode("SESSIONS", message.id, { sessions: [ROW] }).subarray(0, 100),
				);
			},
		],
	];
	for (const [what, answer] of faults)
		test(`${what}: 503, and only that call fails`, async () => {
			/** @type {Message | undefined} */ let held;
			/** @type {Conn | undefined} */ let holder;
			broker.answer = (message, conn) => {
				if (message.type === "SESSIONS_GET") answer(message, conn);
				else [held, holder] = [message, conn];
			};
			const other = config();
			await broker.request("CONFIG_GET");
			assertError(
				await ask("sessions", { login: LOGIN }, withCookie),
				503,
				"broker_unavailable",
			);
			if (held && holder) oblige(held, holder);
			assert.equal((await other).status, 200);
		});

	test("an answer of the largest size arrives whole", async () => {
		const long = '"'.repeat(128);
		const row = {
			...ROW,
			id: '"'.repeat(255),
			desktop: long,
			server: "\\".repeat(255),
			created: long.slice(96),
		};
		broker.answer = (message, conn) =>
			conn.send("SESSIONS", message.id, { sessions: Array(48).fill(row) });
		const { json } = await ask("sessions", { login: LOGIN }, withCookie);
		assert.equal(json.sessions.length, 48);
		assert.equal(json.sessions[47].server, row.server);
	});
});

/**
 * What a process can write to: heap, stack and the like.
 * @param {number} pid
 * @returns {[string, Buffer][]} where, and what stands there
 */
function memoryOf(pid) {
	const memory = openSync(`/proc/${pid}/mem`, "r");
	/** @type {[string, Buffer][]} */ const areas = [];
	for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
		const [, from, to, where] = line.match(/^(\w+)-(\w+) rw\S+ \S+ \S+ \S+\s*(.*)/) ?? [];
		if (!from) continue;
		const bytes = Buffer.alloc(parseInt(to, 16) - parseInt(from, 16));
		readSync(memory, bytes, 0, bytes.length, parseInt(from, 16));
		areas.push([where || from, bytes]);
	}
	closeSync(memory);
	return areas;
}

describe("the process", () => {
	test("gives up root, capabilities, new privileges, and has a seccomp filter", async () => {
		await responder.stop();
		responder = await startResponder("--user", "www-data", "--group", "www-data");
		const status = processStatus(responder.pid);
		const web =
			readFileSync("/etc/passwd", "utf8").match(/^www-data:[^:]*:(\d+):(\d+):/m) ?? [];
		assert.equal(status?.Uid, Array(4).fill(web[1]).join("\t"));
		assert.equal(status?.Gid, Array(4).fill(web[2]).join("\t"));
		for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
			assert.match(status?.[set] ?? "", /^0+$/, set);
		assert.equal(status?.NoNewPrivs, "1");
		assert.equal(status?.Seccomp, "2");
		assert.equal(status?.Threads, "1");
		assert.equal((await config()).status, 200);
	});

	test("keeps no password and no cookie: command line, environment, log, memory", async () => {
		const secrets = [PASSWORD, COOKIE].map((text) => Buffer.from(text));
		/** @param {string} when */
		const search = (when) => {
			for (const name of ["cmdline", "environ"]) {
				const text = readFileSync(`/proc/${responder.pid}/${name}`);
				assert.ok(!secrets.some((secret) => text.includes(secret)), `${when}: ${name}`);
			}
			assert.ok(!secrets.some((secret) => responder.log.includes(String(secret))), when);
			// Half a secret is one, too.
			const found = memoryOf(responder.pid).flatMap(([where, bytes]) =>
				secrets.flatMap((secret) => {
					const at = bytes.indexOf(secret.subarray(0, 12));
					return at < 0
						? []
						: [`${where}: ${bytes.toString("latin1", at - 24, at + 48)}`];
				}),
			);
			assert.deepEqual(found, [], when);
		};
		search("at first");
		await ask("login", credentials);
		search("after login");
		await ask("sessions", { login: LOGIN }, withCookie);
		search("after a call with a cookie");
		await ask("login", `{"password":"${PASSWORD}","user":7}`);
		search("after a refused login");
		const gone = new fastcgi.Connection(file("fcgi.sock"));
		gone.send(requestBytes("login", credentials, withCookie).subarray(0, -9)).finish();
		await gone.closed;
		await config();
		search("after half a login");
	});

	test("SIGTERM: requests in work are answered, then it ends and takes its socket along", async () => {
		/** @type {(() => void)[]} */ const held = [];
		broker.answer = (message, conn) => held.push(() => oblige(message, conn));
		const answers = [config(), ask("login", credentials)];
		await broker.request("LOGIN");
		await broker.request("CONFIG_GET");
		responder.child.kill("SIGTERM");
		await responder.waitFor(/stopping/);
		for (const release of held) release();
		for (const answer of answers) assert.equal((await answer).status, 200);
		assert.deepEqual(await responder.ended, { code: 0, signal: null });
		responder = await startResponder();
		broker.answer = oblige;
		const silent = new fastcgi.Connection(file("fcgi.sock"));
		await config();
		await responder.stop();
		await silent.closed;
		assert.ok(!existsSync(file("fcgi.sock")));
		responder = await startResponder();
	});

	test("SIGTERM: a request that does not end is given up after a while", async () => {
		broker.answer = () => {};
		const answer = ask("login", credentials);
		await broker.request("LOGIN");
		const start = Date.now();
		responder.child.kill("SIGTERM");
		assertError(await answer, 503, "broker_unavailable");
		assert.deepEqual(await responder.ended, { code: 0, signal: null });
		assert.ok(Date.now() - start < 8000);
		responder = await startResponder();
	});

	test("killed: the next one takes the socket over; a living one is left alone", async () => {
		responder.child.kill("SIGKILL");
		await responder.ended;
		assert.ok(existsSync(file("fcgi.sock")));
		responder = await startResponder();
		assert.equal((await config()).status, 200);
		const second = new Process("second", program, ["--socket", file("fcgi.sock")]);
		assert.equal((await second.ended).code, 1);
		assert.match(second.log, /another program serves it/);
		assert.equal((await config()).status, 200);
	});

	test("takes a listening socket as standard input, as spawn-fcgi passes it, or from systemd", async () => {
		for (const script of [
			'exec "$@"',
			'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 </dev/null',
		]) {
			const server = net.createServer();
			await new Promise((resolve) =>
				server.listen(file("passed.sock"), () => resolve(undefined)),
			);
			const { fd } = /** @type {any} */ (server)._handle;
			const passed = new Process(
				"passed",
				"sh",
				["-c", script, "sh", program, "--broker", file("broker.sock")],
				{
					stdio: [fd, "pipe", "pipe"],
					env: { PATH: process.env.PATH, ASAN_OPTIONS: "detect_leaks=0" },
				},
			);
			// From here on the responder alone accepts; closing would remove the path.
			await rename(file("passed.sock"), file("kept.sock"));
			server.close();
			await passed.waitFor(/ready/);
			const answer = await fastcgi.ask(
				file("kept.sock"),
				params("config", "", { REQUEST_METHOD: "GET" }),
			);
			assert.equal(answer.status, 200);
			assert.equal((await passed.stop()).code, 0);
		}
	});

	test("refuses what it cannot do, with a reason", async () => {
		await writeFile(file("plain"), "");
		for (const [args, reason] of /** @type {[string[], RegExp][]} */ ([
			[[], /no socket/],
			[["--socket", file("plain")], /something else is there/],
			[["--socket", "/nowhere/at/all.sock"], /No such file/],
			[["--socket", "/".padEnd(120, "a")], /too long/],
			[["--origin", "gate.example"], /--origin gate\.example/],
			[["--mode", "rw"], /--mode rw/],
			[["--user", "nobody-of-that-name", "--socket", file("x")], /no such user/],
			[["surplus"], /surplus/],
		])) {
			const refused = new Process("refused", program, args);
			assert.equal((await refused.ended).code, 1, String(args));
			assert.match(refused.log, reason);
		}
		for (const [args, text] of /** @type {[string, RegExp][]} */ ([
			["--help", /--socket PATH/],
			["--version", /^x2goweb-fcgi \d/],
		])) {
			const shown = new Process("shown", program, [args]);
			assert.equal((await shown.ended).code, 0);
			assert.match(shown.log, text);
		}
	});

	test("trusts nobody else in the broker's place", async () => {
		await mkdir(file("open"));
		await chmod(file("open"), 0o1777);
		const script =
			'require("node:net").createServer((peer) => peer.on("data", (data) => console.log("got", data)))' +
			".listen(process.argv[1], () => {" +
			'require("node:fs").chmodSync(process.argv[1], 0o777);' +
			'console.log("listening"); });';
		const impostor = new Process(
			"impostor",
			process.execPath,
			["-e", script, file("open/broker.sock")],
			{ uid: 65534, gid: 65534, cwd: "/", env: {} },
		);
		await impostor.waitFor(/listening/);
		await responder.stop();
		responder = await startResponder("--broker", file("open/broker.sock"));
		assertError(await ask("login", credentials), 503, "broker_unavailable");
		assert.match(responder.log, /somebody else listens there/);
		await impostor.stop();
		assert.ok(!impostor.log.includes("got"), "not a byte was sent");
	});
});
