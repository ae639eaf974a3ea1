// SPDX-License-Identifier: ISC
/**
 * What the FastCGI responder makes of requests: every call and every guard.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
	assertError,
	COOKIE,
	credentials,
	LOGIN,
	ORIGIN,
	ROW,
	Stage,
	withCookie,
} from "./lib/responder.mjs";

/** @typedef {import("./lib/proto.mjs").Message} Message */
/** @typedef {import("./lib/proto.mjs").Conn} Conn */

const stage = new Stage();

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

describe("calls", () => {
	test("config: what the form needs, and headers that keep it where it belongs", async () => {
		const { status, json, headers, text } = await stage.config();
		assert.equal(status, 200);
		assert.deepEqual(json, {
			title: 'The "gate" <é>',
			version: json.version,
			kiosk: false,
			native_mode: false,
			servers: [
				{ id: "demo", title: "Demo server" },
				{ id: "bare", title: "bare" },
			],
			other_servers: false,
			other_jumps: false,
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
		const { status, json, headers, text } = await stage.ask("login", credentials);
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
		const { id, ...asked } = await stage.broker.request("LOGIN");
		assert.ok(id > 0);
		assert.deepEqual(asked, {
			...credentials,
			host: "",
			proxy_host: "",
			proxy_user: "",
			proxy_password: "",
			type: "LOGIN",
			client: "192.0.2.7",
			origin: ORIGIN,
			compat: 0,
			command: "",
		});
	});

	test("login: to a typed server through a typed jump host", async () => {
		const { server: _server, ...rest } = credentials;
		const typed = {
			...rest,
			host: "x2go.example:2222",
			proxy_host: "bastion",
			proxy_user: "al",
			proxy_password: "jump-canary",
		};
		assert.equal((await stage.ask("login", typed)).status, 200);
		const asked = await stage.broker.request("LOGIN");
		for (const [name, value] of Object.entries({ ...typed, server: "" }))
			assert.equal(asked[name], value);
		const both = { ...credentials, host: "x2go.example" };
		const refused = await stage.ask("login", both);
		assertError(refused, 400, "bad_request", /host cannot go with server/);
	});

	test("login: what the user is asked, with the cookie to answer by", async () => {
		stage.broker.answer = (message, conn) =>
			conn.send("PROMPTED", message.id, {
				login: LOGIN,
				cookie: COOKIE,
				prompt: [
					{
						kind: 3,
						host: "demo",
						key_type: "ssh-ed25519",
						fingerprint: "SHA256:abc",
						notice: "Welcome",
						key: Buffer.from("key blob"),
					},
				],
			});
		const { status, json, headers } = await stage.ask("login", credentials);
		assert.equal(status, 200);
		assert.deepEqual(json, {
			login: LOGIN,
			state: "prompt",
			kind: "host_key",
			hop: "server",
			host: "demo",
			title: "",
			instruction: "",
			notice: "Welcome",
			prompts: [],
			host_key: { type: "ssh-ed25519", fingerprint: "SHA256:abc" },
		});
		assert.match(headers["set-cookie"], new RegExp(`^x2goweb_${LOGIN}=${COOKIE};`));
	});

	test("answer: to as many questions as there were; a failure takes the cookie along", async () => {
		const answers = ["123456", "bl\u00fce\n"];
		const answer = await stage.ask("answer", { login: LOGIN, answers }, withCookie);
		assert.deepEqual(answer.json.prompts, [
			{ text: "Code: ", echo: false },
			{ text: "Colour? ", echo: true },
		]);
		assert.equal(answer.json.instruction, "Line one\nline two");
		assert.equal(answer.json.hop, "jump");
		assert.equal(answer.headers["set-cookie"], undefined);
		const asked = await stage.broker.request("ANSWER");
		assert.deepEqual(
			asked.answers.map((/** @type {{text: string}} */ { text }) => text),
			answers,
		);

		stage.broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 8, hop: 1, detail: "pam" });
		const wrong = await stage.ask("answer", { login: LOGIN, answers: [] }, withCookie);
		assertError(wrong, 401, "auth_failed", /^At the jump host: The user name or/);
		assert.equal(wrong.json.error.hop, "jump");
		assert.match(wrong.headers["set-cookie"], /Max-Age=0/);

		const list = { login: LOGIN, answers: ["a", 1] };
		const malformed = await stage.ask("answer", list, withCookie);
		assertError(malformed, 400, "bad_request", /answers must be a list of texts/);
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
			{
				...{ desktop: "ICEWM", width: 1024, height: 768, layout: "de", dpi: 96 },
				...{ model: "pc104", clipboard: "server", quality: 3 },
			},
			"START",
			{
				...{ command: "ICEWM", width: 1024, height: 768, layout: "de", dpi: 96 },
				...{ model: "pc104", clipboard: 3, quality: 3 },
			},
			{ session: ROW_JSON, ws: "/x2gows/20003" },
		],
		[
			"start",
			{ command: "xterm -e 'a \"b\"'", width: 64, height: 8192 },
			"START",
			{
				...{ command: "xterm -e 'a \"b\"'", width: 64, height: 8192, layout: "" },
				...{ dpi: 0, model: "", clipboard: 0, quality: 10 },
			},
			{ session: ROW_JSON, ws: "/x2gows/20003" },
		],
		[
			"resume",
			{ id: ROW.id, width: 1024, height: 768 },
			"RESUME",
			{
				...{ session: ROW.id, width: 1024, height: 768, layout: "" },
				...{ dpi: 0, model: "", clipboard: 0, quality: 10 },
			},
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
		[
			"layout",
			{ id: ROW.id, layout: "ch(fr)" },
			"LAYOUT",
			{ session: ROW.id, layout: "ch(fr)" },
			{},
		],
		[
			"applications",
			{},
			"APPLICATIONS_GET",
			{},
			{
				applications: [
					{ command: "xterm -ls", title: 'The "term" <é>', group: "System" },
					{ command: "/usr/bin/a", title: "A", group: "Other" },
				],
			},
		],
		["logout", {}, "LOGOUT", {}, {}],
	];
	for (const [call, body, type, fields, expected] of calls)
		test(`${call} ${JSON.stringify(body)}`, async () => {
			const answer = await stage.ask(call, { login: LOGIN, ...body }, withCookie);
			assert.equal(answer.status, 200);
			assert.deepEqual(answer.json, expected);
			const { id, ...asked } = await stage.broker.request(type);
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
		assert.equal((await stage.ask("sessions", { login: LOGIN }, found)).status, 200);
		for (const HTTP_COOKIE of [
			"",
			other,
			`x2goweb_${LOGIN}=short`,
			`Xx2goweb_${LOGIN}=${COOKIE}`,
		])
			assertError(
				await stage.ask("sessions", { login: LOGIN }, { HTTP_COOKIE }),
				401,
				"not_logged_in",
			);
		assert.equal(stage.broker.asked.length, 1);
	});

	test("a failure is told by code, status and a text for the user", async () => {
		stage.broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 26, retry_after_s: 7, detail: "port pool" });
		const full = await stage.ask("login", credentials);
		assertError(full, 503, "too_many_logins", /^The gateway is full at the moment\. Try/);
		assert.equal(full.json.error.retry_after, 7);
		assert.equal(full.headers["retry-after"], "7");

		stage.broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 8, detail: "no such user" });
		const wrong = await stage.ask("login", credentials);
		assertError(wrong, 401, "auth_failed", /^The user name or the password is wrong\.$/);
		assert.equal(wrong.headers["set-cookie"], undefined);

		stage.broker.answer = (message, conn) =>
			conn.send("FAIL", message.id, { code: 13, detail: "SHA256:abc" });
		assertError(
			await stage.ask("login", credentials),
			502,
			"host_key_changed",
			/\(SHA256:abc\)$/,
		);

		stage.broker.answer = (message, conn) => conn.send("FAIL", message.id, { code: 31 });
		assertError(
			await stage.ask("suspend", { login: LOGIN, id: "x" }, withCookie),
			409,
			"suspended",
		);
	});

	test("a login that has ended takes its cookie along", async () => {
		stage.broker.answer = (message, conn) => conn.send("FAIL", message.id, { code: 7 });
		const { headers } = await stage.ask("sessions", { login: LOGIN }, withCookie);
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
			const answer = await stage.ask(call, credentials, more);
			assertError(answer, status, code);
			assert.equal(answer.headers.allow, status === 405 ? "POST" : undefined);
			assert.equal(stage.broker.asked.length, 0);
		});

	for (const [what, body, message] of /** @type {[string, string, RegExp][]} */ ([
		["nothing", "", /well-formed/],
		["cut", '{"server":"demo"', /well-formed/],
		["an array", "[]", /not a JSON object/],
		["deep nesting", "[".repeat(9000), /not a JSON object/],
		["another object inside", '{"server":{"a":1}}', /server must be a text/],
		["a list of users", '{"user":["a"]}', /user must be a text/],
		["null", '{"server":null}', /server must be a text/],
		["a missing field", '{"server":"demo"}', /user is missing/],
		["an unknown field", '{"role":"root"}', /role is not a field/],
		["a field twice", '{"user":"a","user":"b"}', /user is given twice/],
		["NUL", '{"user":"a\\u0000b"}', /user holds characters/],
		["a line feed", '{"user":"a\\nb"}', /user holds characters/],
		["two objects", "{}{}", /well-formed|missing/],
		["a long name", `{"user":"${"a".repeat(65)}"}`, /user must not be longer than 64/],
	]))
		test(`JSON: ${what}`, async () => {
			assertError(await stage.ask("login", body), 400, "bad_request", message);
			assert.equal(stage.broker.asked.length, 0);
		});

	test("numbers have bounds", async () => {
		for (const width of [63, 8193, -1, 1e300, 100.5, "100"]) {
			const body = { login: LOGIN, desktop: "ICEWM", width, height: 600 };
			assertError(
				await stage.ask("start", body, withCookie),
				400,
				"bad_request",
				/width|well-formed/,
			);
		}
		assert.equal(stage.broker.asked.length, 0);
	});

	test("a body of 16 KiB is read, one of a byte more or a megabyte is too large", async () => {
		const padded = (/** @type {number} */ size) =>
			JSON.stringify({ ...credentials, password: "x" }).padEnd(size);
		assert.equal((await stage.ask("login", padded(16384))).status, 200);
		for (const size of [16385, 300000, 1000000])
			assertError(await stage.ask("login", padded(size)), 413, "too_large");
	});

	test("--origin names the public origins, then the request's own is none", async () => {
		await stage.responder.stop();
		await stage.startResponder(
			"--origin",
			"https://a.example",
			"--origin",
			"https://b.example:8443",
		);
		for (const HTTP_ORIGIN of ["https://a.example", "https://B.example:8443"])
			assert.equal((await stage.ask("login", credentials, { HTTP_ORIGIN })).status, 200);
		assertError(await stage.ask("login", credentials), 403, "bad_origin");
		await stage.responder.stop();
		await stage.startResponder();
	});
});
