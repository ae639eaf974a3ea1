// SPDX-License-Identifier: ISC
/**
 * What goes wrong without anybody's fault but the user's, the admin's or the server's: each has its
 * code, its HTTP status and a text, and leaves nothing behind.
 */
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { freePort, Stack } from "./lib/stack.mjs";
import { brokerStatus } from "./lib/status.mjs";

const closedPort = await freePort();
/** Accepts and says nothing: a host that hangs. */
const silent = net.createServer((socket) => socket.on("error", () => {}));
/** Accepts and closes: an sshd that refuses us. */
const refusing = net.createServer((socket) => socket.destroy());
for (const server of [silent, refusing])
	await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const portOf = (/** @type {net.Server} */ server) =>
	String(/** @type {net.AddressInfo} */ (server.address()).port);

const stack = new Stack({
	config: {
		deadlines: { connect: "2", auth: "8" },
		"server closed": { address: "127.0.0.1", port: String(closedPort) },
		// TEST-NET-1 of RFC 5737: nobody answers there.
		"server nowhere": { address: "192.0.2.1", port: "22" },
		"server noname": { address: "does-not-exist.invalid", port: "22" },
		"server silent": { address: "127.0.0.1", port: portOf(silent) },
		"server refusing": { address: "127.0.0.1", port: portOf(refusing) },
	},
});
const bare = new Stack({ conditions: ["no-x2go"] });

before(async () => {
	await stack.start();
	// So that it is the connection that fails, not the check of its key.
	await stack.knowHostsAs(["[127.0.0.1]:" + closedPort, "192.0.2.1", "does-not-exist.invalid"]);
	await stack.knowHostsAs([`[127.0.0.1]:${portOf(silent)}`, `[127.0.0.1]:${portOf(refusing)}`]);
});
after(async () => {
	silent.close();
	refusing.close();
	await stack.stop();
	await bare.stop();
});

/** @param {Record<string, unknown>} body @param {Stack} [where] */
async function refusedLogin(body, where = stack) {
	const client = new Client(where);
	const { status, headers, json } = await client.call("login", {
		server: "demo",
		user: "alice",
		password: "wonderland",
		...body,
	});
	assert.equal(headers["set-cookie"], undefined);
	return { status, code: json.error?.code, text: json.error?.message };
}

test("a wrong password and an unknown user are told apart by nobody", async () => {
	const wrong = await refusedLogin({ password: "looking-glass" });
	const unknown = await refusedLogin({ user: "nobody-here" });
	assert.deepEqual([wrong.status, wrong.code], [401, "auth_failed"]);
	assert.deepEqual([unknown.status, unknown.code], [401, "auth_failed"]);
	assert.equal(wrong.text, unknown.text);
});

test("hosts that do not answer are given up within the deadline", async () => {
	for (const [server, status, code] of /** @type {const} */ ([
		["closed", 502, "host_unreachable"],
		["noname", 502, "host_unreachable"],
		["silent", 504, "host_timeout"],
		["refusing", 502, "host_refused"],
	])) {
		const answer = await refusedLogin({ server });
		assert.deepEqual([answer.status, answer.code], [status, code], server);
	}
	const nowhere = await refusedLogin({ server: "nowhere" });
	assert.match(nowhere.code, /^host_(timeout|unreachable)$/);
});

test("a server that is not configured is refused before anything is dialled", async () => {
	for (const server of ["elsewhere", "127.0.0.1", "demo ", "localhost:22"]) {
		const { status, code } = await refusedLogin({ server });
		assert.deepEqual([status, code], [403, "server_not_allowed"], server);
	}
});

test("an account that may not run commands is refused in words", async () => {
	const { status, code } = await refusedLogin({ user: "nologin" });
	assert.deepEqual([status, code], [403, "commands_denied"]);
});

test("a server without X2Go says so", async () => {
	await bare.start();
	const { status, code } = await refusedLogin({}, bare);
	assert.deepEqual([status, code], [502, "x2go_missing"]);
});

test("a desktop that is not installed is named, and its session goes away", async () => {
	const client = new Client(stack);
	await client.logIn();
	const started = await client.ok("start", { desktop: "XFCE", width: 800, height: 600 });
	const stream = new Stream(stack, started.ws, { cookie: client.cookie });
	await stream.closed();
	assert.match(stream.words.join("\n"), /^bye desktop_missing .*xfce4-session/m);
	await eventually(async () => (await client.sessions()).length === 0, "no session left");
	await client.ok("logout");
});

test("the same in the page: the text stands where the user looks", async () => {
	const browser = await launch();
	try {
		const { page } = await open(browser, stack);
		await logIn(page, { password: "wrong" });
		await state(page, ["form", "error"]);
		await page
			.getByText(/user name or the password is wrong/i)
			.first()
			.waitFor();
		assert.equal(await page.inputValue("#password"), "");
		await logIn(page);
		await state(page, "running");
		await page.click("#disconnect");
		await state(page, "sessions");
		await page.click("#logout");
		await state(page, "form");
	} finally {
		await browser.close();
	}
});

test("the session limit of the server is reported", async () => {
	const client = new Client(stack);
	await client.logIn("forbidden");
	const { status, json } = await client.call("start", {
		login: client.login,
		desktop: "ICEWM",
		width: 800,
		height: 600,
	});
	assert.deepEqual([status, json.error?.code], [409, "session_limit"]);
	await client.ok("logout");
});

test("a server that forbids forwarding is told so, and no session stays", async () => {
	const client = new Client(stack);
	await client.logIn("noforward");
	const { status, json } = await client.call("start", {
		login: client.login,
		desktop: "ICEWM",
		width: 800,
		height: 600,
	});
	assert.deepEqual([status, json.error?.code], [502, "forwarding_denied"]);
	await eventually(async () => (await client.sessions()).length === 0, "no session left");
	await client.ok("logout");
});

test("a session that is not there cannot be resumed, suspended or terminated", async () => {
	const client = new Client(stack);
	await client.logIn("bob", "builder");
	const id = "bob-99-1795219328_stKICEWM_dp24";
	for (const call of ["resume", "suspend", "terminate"]) {
		const { status, json } = await client.call(call, {
			login: client.login,
			id,
			...(call === "resume" ? { width: 800, height: 600 } : {}),
		});
		assert.deepEqual([status, json.error?.code], [404, "no_such_session"], call);
	}
	await client.ok("logout");
});

test("an unknown or changed host key stops the login before the password", async () => {
	const strange = await stack.withKnownHosts("", () => refusedLogin({}));
	assert.deepEqual([strange.status, strange.code], [502, "host_key_unknown"]);
	const other = await stack.withKnownHosts(
		`[127.0.0.1]:${stack.sshPort} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEeZ1xpq0bDgSOiRYyk7Yy0cXTJDVzTUYHYYH6FeZ3nB\n`,
		() => refusedLogin({}),
	);
	assert.deepEqual([other.status, other.code], [502, "host_key_changed"]);
	assert.match(other.text, /SHA256:.*SHA256:/s);
});

test("nothing is left: no login, no port, no process", async () => {
	await eventually(async () => {
		const status = await brokerStatus(stack);
		return status.logins === 0 && status.ports_used === 0 && status.uids_used === 0;
	}, "an empty broker");
});
