// SPDX-License-Identifier: ISC
/**
 * The FastCGI responder between neighbours that misbehave: it drops what is broken, tells what is
 * missing, and goes on.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fastcgi from "./lib/fastcgi.mjs";
import { encode } from "./lib/proto.mjs";
import {
	assertError,
	COOKIE,
	credentials,
	LOGIN,
	oblige,
	params,
	PASSWORD,
	requestBytes,
	ROW,
	Stage,
	withCookie,
} from "./lib/responder.mjs";
import { eventually } from "./lib/rpc.mjs";

/** @typedef {import("./lib/proto.mjs").Message} Message */
/** @typedef {import("./lib/proto.mjs").Conn} Conn */

const stage = new Stage();

describe("a web server that misbehaves", () => {
	test("a request in single bytes is served", async () => {
		const connection = stage.connect();
		for (const byte of requestBytes("login", credentials)) {
			connection.send(Buffer.from([byte]));
			await new Promise((resolve) => setImmediate(resolve));
		}
		assert.equal((await connection.answer())?.status, 200);
	});

	test("a request that is cut off anywhere is dropped; nothing reaches the broker", async () => {
		const bytes = requestBytes("login", credentials);
		for (const cut of [0, 1, 8, 15, 17, 30, 200, bytes.length - 60, bytes.length - 1]) {
			const connection = stage.connect();
			connection.send(bytes.subarray(0, cut)).finish();
			assert.equal(await connection.answer(), undefined, `cut at ${cut}`);
		}
		assert.equal(stage.broker.asked.length, 0);
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
			Buffer.concat([whole(params("login"), "x".repeat(2 ** 21))]),
		]) {
			const connection = stage.connect().send(bytes);
			assert.equal(
				await connection.answer(),
				undefined,
				bytes.subarray(0, 40).toString("hex"),
			);
		}
		assert.equal((await stage.config()).status, 200);
	});

	test("padding and records of any size are understood", async () => {
		const { begin, record, pairs, PARAMS, STDIN } = fastcgi;
		const body = JSON.stringify(credentials);
		const parts = [
			...pairs(params("login", { CONTENT_LENGTH: String(Buffer.byteLength(body)) })),
		].map((byte) => record(PARAMS, Buffer.from([byte]), { padding: 7 }));
		const bytes = Buffer.concat([
			begin(),
			...parts,
			record(PARAMS, "", { padding: 255 }),
			...[...Buffer.from(body)].map((byte) =>
				record(STDIN, Buffer.from([byte]), { padding: 1 }),
			),
			record(STDIN, "", { padding: 3 }),
		]);
		const answer = await stage.connect().send(bytes).answer();
		assert.equal(answer?.status, 200);
		assert.equal((await stage.broker.request("LOGIN")).password, PASSWORD);
	});

	test("hundreds of silent and half-sent requests keep nobody waiting, and end by themselves", async () => {
		const half = requestBytes("login", credentials).subarray(0, 300);
		const crowd = Array.from({ length: 240 }, (_, i) => {
			const connection = stage.connect();
			return i % 2 ? connection.send(half) : connection;
		});
		let closed = 0;
		for (const connection of crowd) void connection.closed.then(() => closed++);
		assert.equal((await stage.ask("login", credentials)).status, 200);
		assert.equal(closed, 0, "the answer does not wait for their end");
		for (let i = 1; i < 20; i++)
			assert.equal((await stage.ask("login", credentials)).status, 200);
		assert.equal(stage.broker.asked.length, 20);
		await Promise.all(crowd.map((connection) => connection.closed));
	});

	test("more than may wait: the oldest go", async () => {
		const crowd = Array.from({ length: 400 }, () => stage.connect());
		let closed = 0;
		for (const connection of crowd) void connection.closed.then(() => closed++);
		assert.equal((await stage.config()).status, 200);
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
				stage.broker.answer = (_message, conn) => (asking = conn);
				const body =
					call === "login"
						? credentials
						: { login: LOGIN, desktop: "X", width: 99, height: 99 };
				const connection = stage.connect();
				connection.send(requestBytes(call, body, withCookie));
				await stage.broker.request(type);
				leave(connection);
				await asking?.closed;
				assert.equal(await connection.answer(), undefined);
			});

	test("a login whose answer meets the hang-up is ended", async () => {
		for (let i = 1; i <= 10; i++) {
			/** @type {(() => void) | undefined} */ let release;
			stage.broker.answer = (message, conn) => {
				if (message.type !== "LOGIN") oblige(message, conn);
				else release = () => oblige(message, conn);
			};
			const connection = stage.connect();
			connection.send(requestBytes("login", credentials));
			await stage.broker.request("LOGIN", i);
			// Both are there when the responder looks again, in either order.
			stage.responder.child.kill("SIGSTOP");
			if (i % 2) release?.();
			await connection.abandon().closed;
			if (!(i % 2)) release?.();
			await new Promise((resolve) => setImmediate(resolve));
			stage.responder.child.kill("SIGCONT");
			const { login, cookie } = await stage.broker.request("LOGOUT", i);
			assert.deepEqual([login, cookie], [LOGIN, COOKIE]);
		}
	});
});

describe("a broker that misbehaves", () => {
	test("slow: requests past the limit are refused at once, those in work are answered", async () => {
		await stage.responder.stop();
		await stage.startResponder("--requests", "3");
		/** @type {(() => void)[]} */ const held = [];
		stage.broker.answer = (message, conn) => held.push(() => oblige(message, conn));
		const answers = [1, 2, 3].map(() => stage.ask("login", credentials));
		await stage.broker.request("LOGIN", 3);
		assertError(await stage.ask("login", credentials), 503, "broker_unavailable");
		for (const release of held) release();
		for (const answer of answers) assert.equal((await answer).status, 200);
		stage.broker.answer = oblige;
		assert.equal((await stage.ask("login", credentials)).status, 200);
		await stage.responder.stop();
		await stage.startResponder();
	});

	test("away: 503; back: all is well", async () => {
		await stage.broker.stop();
		assertError(await stage.config(), 503, "broker_unavailable");
		assertError(await stage.ask("login", credentials), 503, "broker_unavailable");
		await stage.startBroker();
		assert.equal((await stage.config()).status, 200);
	});

	test("restarted between two calls: the next one works", async () => {
		for (let i = 0; i < 5; i++) {
			assert.equal((await stage.config()).status, 200);
			await stage.broker.stop();
			await stage.startBroker();
		}
		assert.equal((await stage.config()).status, 200);
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
			stage.broker.answer = (message, conn) => {
				if (message.type === "SESSIONS_GET") answer(message, conn);
				else [held, holder] = [message, conn];
			};
			const other = stage.config();
			await stage.broker.request("CONFIG_GET");
			assertError(
				await stage.ask("sessions", { login: LOGIN }, withCookie),
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
		stage.broker.answer = (message, conn) =>
			conn.send("SESSIONS", message.id, { sessions: Array(48).fill(row) });
		const { json } = await stage.ask("sessions", { login: LOGIN }, withCookie);
		assert.equal(json.sessions.length, 48);
		assert.equal(json.sessions[47].server, row.server);
	});
});
