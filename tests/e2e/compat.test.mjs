// SPDX-License-Identifier: ISC
/**
 * Upstream's client: a page that does on the wire what upstream's does (upstream/client.js) starts,
 * resumes, suspends and terminates desktops of a real server; and what upstream's CGI lets through
 * is refused.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { launch } from "./lib/browser.mjs";
import { eventually, request } from "./lib/rpc.mjs";
import { root, Stack } from "./lib/stack.mjs";

/** Upstream's page opens its WebSocket at the host's usual port, so the host is one that has it. */
const HOST = "desk.test";
const RPC = "/classic/assets/rpc/x2gorpc.cgi";
const CANARY = `/tmp/x2goweb-compat-${process.pid}`;

/** The packaged snippet, and upstream's page beside ours. */
const nginx = async (/** @type {Stack} */ at) => {
	cpSync(path.join(root, "tests/e2e/upstream"), at.file("classic"), { recursive: true });
	return `${await at.packaged("nginx/compat.conf")}
	location /classic/ { alias ${at.file("classic")}/; index index.html; }
`;
};

const stack = new Stack({
	nginx,
	config: (self) => ({
		compat: { enabled: "yes" },
		web: { default_desktop: "ICEWM" },
		"server second": { address: "desk.invalid", port: String(self.sshPort) },
		"jump gate": { address: "127.0.0.1", port: String(self.sshPort) },
		"server behind": { address: "inner", jump: "gate" },
	}),
});

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;

/** What the client was told. @returns {Promise<any>} */
const told = () =>
	page.evaluate(() => JSON.parse(JSON.stringify(/** @type {any} */ (window).told)));

/** @param {(told: any) => unknown} condition @param {string} what */
async function until(condition, what) {
	let last;
	try {
		await eventually(async () => condition((last = await told())), what, 30000);
	} catch (error) {
		throw new Error(`${error}: ${JSON.stringify(last)}`);
	}
	return /** @type {any} */ (last);
}

/** @param {Record<string, string>} [fields] */
async function visit(fields = {}) {
	await page.goto(`https://${HOST}/classic/`);
	const entry = { server: "127.0.0.1", user: "alice", pass: "wonderland", ...fields };
	for (const [id, value] of Object.entries(entry)) await page.fill(`#${id}`, value);
	await page.click("#start");
}

const shown = () => until((now) => now.state === "running" && now.painted && now.version, "shown");

/** @param {string} id */
const agentState = (id) => stack.onHost("alice", `cat ~/.x2go/C-${id}/state || true`);
const logins = async () => stack.broker?.log.match(/event=LOGIN_OPENED/g)?.length ?? 0;
const ended = async () => stack.broker?.log.match(/event=LOGIN_ENDED/g)?.length ?? 0;

/** All logins are over. */
const allEnded = () =>
	eventually(async () => (await ended()) === (await logins()), "all logins ended");

/** As a program without a browser would ask. @param {string} form @param {object} [headers] */
async function post(form, headers = {}, at = stack) {
	const answer = await request(at, RPC, {
		method: "POST",
		headers: {
			"Content-Type": "application/x-www-form-urlencoded",
			Origin: at.origin,
			...headers,
		},
		body: form,
	});
	const json = answer.text.match(/^__STARTJSON__(\{.*\})$/s)?.[1];
	return { ...answer, json: json === undefined ? undefined : JSON.parse(json) };
}

const WHO = "user=alice&pass=wonderland&proxy=&server=127.0.0.1";
const START = `action=start&${WHO}&cmd=ICEWM&geometry=800x600`;

/** The browser's end of a stream by hand. @param {number} port @param {{origin?: string,
 * protocols?: string[], first?: string}} options */
function knock(port, { origin = stack.origin, protocols = ["binary"], first } = {}) {
	const socket = new WebSocket(`wss://127.0.0.1:${stack.port}/x2gows/${port}`, protocols, {
		rejectUnauthorized: false,
		origin,
		headers: { Host: `localhost:${stack.port}` },
	});
	/** @type {{bytes: number, status?: number, code?: number}} */
	const seen = { bytes: 0 };
	socket.on("open", () => first !== undefined && socket.send(Buffer.from(first)));
	socket.on("message", (data) => (seen.bytes += /** @type {Buffer} */ (data).length));
	socket.on("unexpected-response", (_request, response) => {
		seen.status = response.statusCode;
		response.resume();
	});
	socket.on("error", () => {});
	socket.on("close", (code) => (seen.code = code));
	return { socket, seen };
}

before(async () => {
	await stack.start();
	browser = await launch([`--host-resolver-rules=MAP ${HOST} 127.0.0.1:${stack.port}`]);
	const context = await browser.newContext({ ignoreHTTPSErrors: true });
	page = await context.newPage();
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

let session = "";

test("an unmodified client starts a desktop and shows it", async () => {
	await visit();
	const { answer, screen, unknown } = await shown();
	session = answer.session.id;
	assert.match(session, /^alice-\d+-\d+_stKICEWM_dp24$/);
	assert.deepEqual(
		{ ...answer, session: Object.keys(answer.session) },
		{
			status: 0,
			err: "",
			stdout: "",
			stderr: "",
			last_cmd: "x2gostartagent",
			session: ["id", "cookie", "wsport", "port", "status", "display", "pid"],
		},
	);
	assert.match(answer.session.cookie, /^[0-9a-f]{32}$/);
	assert.equal(answer.session.status, "starting");
	assert.equal(
		await stack.onHost(
			"alice",
			`grep -oE 'listen=[0-9]+' ~/.x2go/C-${session}/options | head -1`,
		),
		`listen=${answer.session.port}`,
	);
	assert.deepEqual(screen, [800, 600]);
	assert.deepEqual(unknown, []);
	assert.equal(await agentState(session), "RUNNING");
	const dark = await page.evaluate(() => {
		const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("canvas"));
		const pixels = canvas.getContext("2d")?.getImageData(0, 0, 800, 600).data ?? [];
		return pixels.every((value) => value === 0);
	});
	assert.equal(dark, false, "nothing is painted");
});

test("what it copies arrives, and a change of size is survived", async () => {
	const { answer } = await told();
	const text = "aus der Zwischenablage ".repeat(3000);
	await page.evaluate((copied) => /** @type {any} */ (window).told.copy(copied), text);
	await eventually(
		async () =>
			(await stack.onHost(
				"alice",
				`DISPLAY=:${answer.session.display} timeout 10 xsel --clipboard --output`,
			)) === text,
		"the text on the server",
	);
	await page.evaluate(() => /** @type {any} */ (window).told.resize(640, 480));
	await until((now) => now.screen?.[0] === 640 && now.screen[1] === 480, "the new size");
	assert.deepEqual((await told()).unknown, []);
});

test("its suspend suspends; its connection is closed, and all logins with it", async () => {
	await page.click("#suspend");
	const now = await until((seen) => seen.left === "suspend" && seen.close, "suspended");
	assert.deepEqual(now.alerts, ["Connection is closed"]);
	assert.equal(now.close.code, 1000);
	assert.equal(await agentState(session), "SUSPENDED");
	await allEnded();
});

test("its start resumes what is suspended, and so after its tab is closed", async () => {
	await visit();
	let { answer } = await shown();
	assert.equal(answer.session.id, session);
	assert.equal(answer.session.status, "resuming");
	assert.equal(answer.last_cmd, "x2goresume-session");
	assert.deepEqual(Object.keys(answer.session), ["id", "cookie", "wsport", "port", "status"]);
	await page.goto("about:blank");
	await eventually(async () => (await agentState(session)) === "SUSPENDED", "suspended");
	await allEnded();
	await visit();
	({ answer } = await shown());
	assert.equal(answer.session.id, session);
	await page.evaluate(() => /** @type {any} */ (window).told.drop());
	await eventually(async () => (await agentState(session)) === "SUSPENDED", "suspended again");
	await allEnded();
});

test("its terminate terminates what it shows", async () => {
	await visit();
	const { answer } = await shown();
	assert.equal(answer.session.id, session);
	await page.click("#terminate");
	await until((now) => now.left === "terminate" && now.close, "terminated");
	await eventually(
		async () => (await stack.onHost("alice", "x2golistsessions")) === "",
		"gone from the list",
	);
	await allEnded();
});

test("through a jump host of the configuration", async () => {
	await visit({ server: "behind", proxy: "gate" });
	const { answer } = await shown();
	await page.click("#terminate");
	await until((now) => now.left === "terminate", "terminated");
	assert.match(answer.session.id, /_stKICEWM_/);
	await allEnded();
});

for (const [name, fields, text] of /** @type {[string, Record<string, string>, RegExp][]} */ ([
	["a wrong password", { pass: "guess" }, /^Access denied on Server: The user name or/],
	["a server of no section", { server: "192.0.2.1" }, /^Access denied on Server: /],
	["a name that is an option", { server: "-oProxyCommand=id" }, /^Access denied on Server: /],
	["a server without a host key on file", { server: "second" }, /^Can't connect to Server: /],
	["another jump host", { proxy: "192.0.2.1" }, /^Access denied on Server: /],
	["a desktop that is not installed", { cmd: "TRINITY" }, /^Error on Server: .*\(TRINITY\)$/],
	[
		"a command with more in it",
		{ cmd: `xterm;touch ${CANARY}` },
		/^Error on Server|^The request/,
	],
]))
	test(`it is told of ${name}`, async () => {
		await visit(fields);
		const { alerts } = await until((now) => now.alerts.length !== 0, "an alert");
		assert.equal(alerts.length, 1);
		assert.match(alerts[0], text);
		await allEnded();
	});

test("shell code in any field runs nowhere", async () => {
	const codes = [
		`;touch ${CANARY}`,
		`$(touch ${CANARY})`,
		`\`touch ${CANARY}\``,
		`'|touch ${CANARY}'`,
	];
	const forms = codes
		.map(encodeURIComponent)
		.flatMap((code) => [
			`action=start&user=alice${code}&pass=x&server=127.0.0.1&cmd=ICEWM&geometry=800x600`,
			`action=start&${WHO}${code}&cmd=ICEWM&geometry=800x600`,
			`action=start&${WHO}&cmd=ICEWM${code}&geometry=800x600`,
			`action=start&${WHO}&cmd=ICEWM&geometry=800x600${code}`,
			`action=suspend&${WHO}&sid=alice-50-1_stKICEWM_dp24${code}`,
			`action=terminate&${WHO}&sid=${code}`,
		]);
	for (const form of forms) {
		const { status, json } = await post(form);
		assert.equal(status, 200, form);
		assert.equal(json.status, 1, form);
		assert.notEqual(json.err, "");
	}
	assert.equal(await stack.onHost("alice", `ls ${CANARY} 2>/dev/null || true`), "");
	assert.ok(!existsSync(CANARY));
	await allEnded();
});

test("other origins, other types and other methods are refused as for everyone", async () => {
	assert.equal((await post(START, { Origin: "https://evil.example" })).status, 403);
	assert.equal((await post(START, { Origin: "null" })).status, 403);
	const programs = await request(stack, RPC, {
		method: "POST",
		headers: { "Content-Type": "application/x-www-form-urlencoded" },
		body: START,
	});
	assert.equal(programs.status, 403);
	assert.equal(JSON.parse(programs.text).error.code, "bad_origin");
	assert.equal((await post(START, { "Sec-Fetch-Site": "cross-site" })).status, 403);
	assert.equal((await post(START, { "Content-Type": "application/json" })).status, 415);
	assert.equal((await post(`${START}&x=${"y".repeat(17000)}`)).status, 413);
	assert.equal((await request(stack, RPC)).status, 405);
	const { headers, json } = await post("action=start");
	assert.equal(json.err, "The request could not be understood. (server is missing)");
	assert.match(headers["content-type"] ?? "", /^text\/html/);
	assert.equal(headers["cache-control"], "no-store");
	assert.equal(headers["set-cookie"], undefined);
});

test("the stream is for who shows the cookie first, once", async () => {
	const { json } = await post(START);
	const { wsport, cookie, id } = json.session;
	assert.equal(await agentState(id), "RUNNING");
	const wrong = cookie.replace(/.$/, (/** @type {string} */ last) => (last === "0" ? "1" : "0"));
	const options = await stack.onHost("alice", `cat ~/.x2go/C-${id}/options`);
	const agents = options.match(/cookie=([0-9a-f]{32})/)?.[1] ?? "";
	assert.match(agents, /^[0-9a-f]{32}$/);
	assert.notEqual(agents, cookie);
	for (const first of [wrong, agents, "0".repeat(32)]) {
		const { seen } = knock(wsport, { first });
		await eventually(() => seen.code === 1008, "sent away");
		assert.equal(seen.bytes, 0);
	}
	for (const [options_, status] of /** @type {[object, number][]} */ ([
		[{ origin: "https://evil.example" }, 403],
		[{ protocols: ["x2goweb.v1"] }, 400],
	])) {
		const { seen } = knock(wsport, { first: cookie, ...options_ });
		await eventually(() => seen.status === status, `refused by ${status}`);
	}
	const silent = knock(wsport);
	const { socket, seen } = knock(wsport, { first: cookie });
	await eventually(() => seen.bytes > 1000, "a picture");
	assert.equal(silent.seen.bytes, 0);
	const again = knock(wsport, { first: cookie });
	await eventually(() => again.seen.status === 503, "refused");
	socket.close();
	await eventually(async () => (await agentState(id)) === "SUSPENDED", "suspended");
	await allEnded();
	const { json: left } = await post(`action=terminate&sid=${id}&${WHO}`);
	assert.equal(left.status, 0);
	await allEnded();
	// Neither is anywhere in a log.
	for (const secret of ["wonderland", cookie]) {
		assert.ok(!stack.broker?.log.includes(secret));
		assert.ok(!stack.fcgi?.log.includes(secret));
	}
});

test("nobody may end another user's session", async () => {
	const { json } = await post(START);
	const { id } = json.session;
	const bob = "user=bob&pass=builder&server=127.0.0.1";
	for (const action of ["suspend", "terminate"]) {
		const answer = await post(`action=${action}&sid=${id}&${bob}`);
		assert.equal(answer.json.status, 1);
		assert.match(answer.json.err, /^Error on Server: This session does not exist/);
	}
	assert.equal(await agentState(id), "RUNNING");
	assert.equal((await post(`action=terminate&sid=${id}&${WHO}`)).json.status, 0);
	await allEnded();
});

test("who hangs up leaves no login behind", async () => {
	const before_ = await logins();
	const hung = request(stack, RPC, {
		method: "POST",
		headers: {
			"Content-Type": "application/x-www-form-urlencoded",
			Origin: stack.origin,
		},
		body: START,
		signal: AbortSignal.timeout(700),
	});
	await assert.rejects(hung);
	await eventually(
		async () => (await logins()) > before_ || /taken back/.test(stack.broker?.log ?? ""),
		"seen",
	);
	await allEnded();
	await stack.onHost(
		"alice",
		"x2golistsessions | cut -d'|' -f2 | while read -r id; do x2goterminate-session $id; done",
	);
});

test("where it is not configured there is no such thing", async () => {
	const other = new Stack({
		hostName: stack.hostName,
		ownHost: false,
		sshPort: stack.sshPort,
		nginx,
	});
	await other.start();
	try {
		const { status, text, json } = await post(START, {}, other);
		assert.equal(status, 404);
		assert.equal(json, undefined);
		assert.equal(JSON.parse(text).error.code, "not_found");
		assert.doesNotMatch(other.broker?.log ?? "", /LOGIN_OPENED|LOGIN_FAILED/);
	} finally {
		await other.stop();
	}
});
