// SPDX-License-Identifier: ISC
/**
 * Shell code in every field of every call: it is refused, or is text that nobody runs. What ran
 * would leave a file behind, on the X2Go server or on the gateway.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { Client, request, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const SIZE = { width: 800, height: 600 };
const CANARY = `/tmp/x2goweb-canary-${process.pid}`;
const touch = `touch ${CANARY}`;

/** Each means something to some shell, to a command, or to who counts bytes. */
const PAYLOADS = [
	`; ${touch}`,
	`;${touch};`,
	`$(${touch})`,
	`\${IFS}$(${touch})`,
	`\`${touch}\``,
	`'; ${touch}; '`,
	`"; ${touch}; "`,
	`'"'"'; ${touch} #`,
	`\\'; ${touch}; \\'`,
	`| ${touch}`,
	`& ${touch} &`,
	`&& ${touch}`,
	`|| ${touch}`,
	`\n${touch}\n`,
	`\r\n${touch}`,
	`\u0000; ${touch}`,
	`\u2028${touch}`,
	`<(${touch})`,
	`> ${CANARY}`,
	`{touch,${CANARY}}`,
	`!touch`,
	`*`,
	`\u202e\u001b[31m`,
	"a".repeat(300),
];
/** These only where they cannot be what somebody wants to run. */
const NAMES = ["-rf", "--help", "=ls", "~root", "../../..", ".", "%s%n", "X2GO_SPACE_CHAR"];

/** A wrong password takes sshd its time. */
const AT_ONCE = 6;

const LARGE = "a".repeat(64 * 1024);
const INVALID_UTF8 = Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0xc0, 0xaf, 0xed, 0xa0, 0x80]);

const stack = new Stack({
	config: ({ sshPort }) => ({
		"jump stone": { address: "127.0.0.1", port: String(sshPort) },
		"server behind": { address: "inner", port: "22", jump: "stone" },
	}),
});
const client = new Client(stack);
let id = "";
let tried = 0;
/** @type {Stream} */
let stream;

before(async () => {
	await stack.start();
	await client.logIn();
	const started = await client.ok("start", { desktop: "ICEWM", ...SIZE });
	id = started.session.id;
	stream = await new Stream(stack, started.ws, { cookie: client.cookie }).picture();
});
after(() => stack.stop());

/** Nothing has been run, anywhere. */
async function nothingRan() {
	assert.ok(!existsSync(CANARY), "on the gateway");
	const found = await stack.onHost("root", `find / -xdev -path '*${CANARY.slice(1)}*' | head`);
	assert.equal(found, "", "on the X2Go server");
	assert.doesNotMatch(stack.broker?.log ?? "", /was ended by signal|AddressSanitizer/);
}

/** @param {string} name @param {string | Buffer} body */
async function send(name, body) {
	const answer = await request(stack, `/x2go/rpc/${name}`, {
		method: "POST",
		headers: {
			"Content-Type": "application/json",
			Origin: stack.origin,
			"Sec-Fetch-Site": "same-origin",
			Cookie: client.cookie,
		},
		body,
	});
	tried++;
	return answer;
}

/**
 * Tries all values in one field: each time the call is refused as what it is, by our own words.
 * @param {string} name
 * @param {Record<string, unknown>} body
 * @param {string} field
 * @param {string[]} values
 */
async function assault(name, body, field, values) {
	const attempt = async (/** @type {string} */ value) => {
		const { status, text } = await send(name, JSON.stringify({ ...body, [field]: value }));
		const what = `${name} ${field} ${JSON.stringify(value).slice(0, 60)}: ${status} ${text}`;
		assert.ok([400, 401, 403, 404, 413, 422].includes(status), what);
		assert.match(JSON.parse(text).error.code, /^[a-z_]+$/, what);
	};
	const step = name === "login" ? AT_ONCE : 1;
	for (let at = 0; at < values.length; at += step)
		await Promise.all(values.slice(at, at + step).map(attempt));
	const large = await send(name, JSON.stringify({ ...body, [field]: LARGE }));
	assert.equal(large.status, 413, `${name} ${field}`);
	const [head, tail] = JSON.stringify({ ...body, [field]: "\u0001" }).split("\\u0001");
	const invalid = await send(
		name,
		Buffer.concat([Buffer.from(head), INVALID_UTF8, Buffer.from(tail)]),
	);
	assert.equal(invalid.status, 400, `${name} ${field}: ${invalid.text}`);
}

/** A good value with bad ones at each of its ends. @param {string} good @param {string[]} values */
const around = (good, values) => values.flatMap((value) => [value, good + value, value + good]);

test("start: what to run, layout and model", async () => {
	const body = { login: client.login, ...SIZE };
	for (const field of ["desktop", "command"])
		await assault("start", body, field, [...around("ICEWM", PAYLOADS), ...NAMES.slice(0, 4)]);
	const desktop = { ...body, desktop: "ICEWM" };
	await assault("start", desktop, "layout", [...around("de", PAYLOADS), ...NAMES]);
	await assault("start", desktop, "model", [
		...around("pc105", PAYLOADS),
		...NAMES.filter((name) => !/^(\.|X2GO_SPACE_CHAR)$/.test(name)),
	]);
	for (const field of ["dpi", "clipboard", "quality", "width", "height"])
		await assault("start", desktop, field, PAYLOADS);
	await nothingRan();
});

test("resume, suspend, terminate, layout: ids, layouts and models", async () => {
	const body = { login: client.login, ...SIZE };
	const ids = [...around(id, PAYLOADS), ...NAMES];
	await assault("resume", body, "id", ids);
	await assault("resume", { ...body, id }, "layout", around("de", PAYLOADS));
	await assault("resume", { ...body, id }, "model", around("pc105", PAYLOADS));
	for (const name of ["suspend", "terminate"])
		await assault(name, { login: client.login }, "id", ids);
	await assault("layout", { login: client.login, layout: "de" }, "id", ids);
	await assault("layout", { login: client.login, id }, "layout", around("de", PAYLOADS));
	await nothingRan();
});

test("login: user names, passwords, servers; and the login's own number", async () => {
	const good = { server: "demo", user: "alice", password: "wonderland" };
	await assault("login", good, "user", [...PAYLOADS, ...NAMES]);
	await assault("login", good, "server", around("demo", PAYLOADS));
	await assault("login", { user: "alice", password: "wonderland" }, "host", PAYLOADS);
	const behind = { ...good, server: "behind", proxy_password: "wonderland" };
	await assault("login", behind, "proxy_user", PAYLOADS);
	await assault("login", { ...good, password: undefined }, "password", PAYLOADS.slice(0, 8));
	for (const name of ["sessions", "applications", "logout", "answer"])
		await assault(name, name === "answer" ? { answers: [] } : {}, "login", PAYLOADS);
	await nothingRan();
});

test("what may be run is run as words, not as shell code", async () => {
	// Everything of this is allowed, and means something to a shell that expands it.
	for (const command of ["xterm -e %PATH", "xterm @/tmp/x -e :", "xlogo -title a=b,c"]) {
		const { session } = await client.ok("start", { command, ...SIZE });
		await client.ok("terminate", { id: session.id });
	}
	await nothingRan();
});

test("all that while, the session went on", async (t) => {
	t.diagnostic(`${tried} attempts`);
	const sessions = await client.sessions();
	assert.deepEqual(
		sessions.map((row) => row.id),
		[id],
	);
	await client.ok("terminate", { id });
	await stream.closed();
});
