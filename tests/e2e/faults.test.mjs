// SPDX-License-Identifier: ISC
/**
 * Every process may be killed at any time: whatever it held is given back, whoever waited gets an
 * error, and the next login works.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import net from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { whole } from "./lib/fastcgi.mjs";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins, brokerStatus, processes, processStatus, sessionsOf } from "./lib/status.mjs";

/** Nothing is kept for browsers that may come back: what they leave is to be seen at once. */
const stack = new Stack({ config: { relay: { quarantine: "1" }, deadlines: { grace: "0" } } });
const size = { width: 800, height: 600 };
/** @type {Client} */
let alice;
/** @type {Stream} */
let stream;
let session = "";

before(() => stack.start());
after(() => stack.stop());

/** Alice at work, in a session of her own. */
beforeEach(async () => {
	alice = new Client(stack);
	const { sessions } = await alice.logIn();
	for (const { id } of sessions) await alice.ok("terminate", { id });
	const started = await alice.ok("start", { desktop: "ICEWM", ...size });
	session = started.session.id;
	stream = new Stream(stack, started.ws, { cookie: alice.cookie });
	await stream.picture();
});

const pid = async () => (await brokerLogins(stack))[0]?.pid ?? -1;

/** Nothing of any login is left on the gateway. */
async function everythingGivenBack() {
	await eventually(async () => {
		const status = await brokerStatus(stack);
		return (
			status.logins === 0 &&
			status.streams === 0 &&
			status.ports_used === 0 &&
			status.uids_used === 0 &&
			sessionsOf(stack.broker?.pid ?? -1).length === 0
		);
	}, "everything given back");
	assert.deepEqual(
		processes((status) => status.State.startsWith("Z") && status.Name.startsWith("x2goweb")),
		[],
	);
}

/** What the X2Go server says of alice's session: R, S or nothing. */
const listed = async () =>
	(await stack.onHost("alice", "x2golistsessions"))
		.split("\n")
		.find((line) => line.includes(session))
		?.split("|")[4] ?? "";

/** Resuming brings the desktop back. @param {Client} client */
async function resumes(client) {
	const resumed = await client.ok("resume", { id: session, ...size });
	const again = await new Stream(stack, resumed.ws, { cookie: client.cookie }).picture();
	again.socket.close();
	await client.ok("logout");
	await everythingGivenBack();
}

test("the browser vanishes: the session is suspended, the login lives and resumes", async () => {
	stream.socket.terminate();
	await eventually(async () => (await listed()) === "S", "the session suspended");
	await resumes(alice);
});

test("the agent dies: the browser is told, and the list is right", async () => {
	await stack.host("exec", "pkill", "-KILL", "-u", "alice", "x2gokdrive");
	await stream.closed();
	assert.match(stream.words.join("\n"), /^bye (agent_lost|ended|terminated) /m);
	await eventually(async () => (await alice.sessions()).length === 0, "an empty list");
	await alice.ok("logout");
	await everythingGivenBack();
});

test("the SSH connection dies: browser and callers get an error, a new login resumes", async () => {
	const waiting = alice.call("sessions", { login: alice.login });
	await stack.host("exec", "pkill", "-KILL", "-u", "alice", "sshd-session");
	await stream.closed();
	const { status } = await waiting;
	assert.ok([200, 401, 502].includes(status), `${status}`);
	await everythingGivenBack();
	const { json } = await alice.call("sessions", { login: alice.login });
	assert.equal(json.error.code, "not_logged_in");
	const again = new Client(stack);
	await again.logIn();
	await resumes(again);
});

test("a session process is killed: its port and uid come back, the others live", async () => {
	const bob = new Client(stack);
	await bob.logIn("bob", "builder");
	const mine = (await brokerLogins(stack)).find(({ user }) => user === "alice");
	process.kill(mine?.pid ?? -1, "SIGKILL");
	await stream.closed();
	// A call that reached the dying process is told that something broke; those after it, what.
	const { status, json } = await eventually(async () => {
		const answer = await alice.call("sessions", { login: alice.login });
		return answer.json.error?.code !== "internal" && answer;
	}, "the broker to notice");
	assert.deepEqual([status, json.error.code], [401, "not_logged_in"]);
	assert.deepEqual(await bob.sessions(), []);
	await bob.ok("logout");
	await everythingGivenBack();
	const again = new Client(stack);
	await again.logIn();
	await resumes(again);
});

test("a session process that does not answer is killed after its deadline", async () => {
	const frozen = await pid();
	process.kill(frozen, "SIGSTOP");
	const answer = alice.call("logout", { login: alice.login });
	await eventually(() => processStatus(frozen) === undefined, "the frozen process gone", 30000);
	await answer;
	await everythingGivenBack();
});

test("the broker is killed: sessions end, calls say so, a new broker takes over", async () => {
	const sessions = sessionsOf(stack.broker?.pid ?? -1);
	assert.equal(sessions.length, 1);
	await stack.broker?.stop("SIGKILL");
	await stream.closed();
	await eventually(
		() => sessions.every((entry) => processStatus(entry.pid) === undefined),
		"the session processes gone",
	);
	const { status, json } = await alice.call("sessions", { login: alice.login });
	assert.deepEqual([status, json.error.code], [503, "broker_unavailable"]);
	await stack.startBroker();
	const { json: old } = await alice.call("sessions", { login: alice.login });
	assert.equal(old.error.code, "not_logged_in");
	const again = new Client(stack);
	await again.logIn();
	await resumes(again);
});

test("the broker is asked to end: everything ends cleanly", async () => {
	const sessions = sessionsOf(stack.broker?.pid ?? -1);
	const end = await stack.broker?.stop("SIGTERM");
	assert.deepEqual(end, { code: 0, signal: null });
	await stream.closed();
	assert.ok(sessions.every((entry) => processStatus(entry.pid) === undefined));
	assert.equal(existsSync(stack.file("run/broker.sock")), false);
	assert.equal(existsSync(stack.file("run/control.sock")), false);
	await eventually(async () => (await listed()) === "S", "the session suspended");
	await stack.startBroker();
});

test("the FastCGI responder is killed: the stream goes on, a new one serves the login", async () => {
	await stack.fcgi?.stop("SIGKILL");
	const { bytes } = stream;
	await stack.onHost(
		"alice",
		`DISPLAY=$(x2golistsessions | cut -d'|' -f3 | sed s/^/:/) xsetroot -solid red`,
	);
	await stream.until((it) => it.bytes > bytes, "more of the picture");
	await stack.startFcgi();
	assert.equal((await alice.sessions()).length, 1);
	await alice.ok("logout");
	await everythingGivenBack();
});

test("a login whose caller goes away is taken back", async () => {
	const before = (await brokerStatus(stack)).logins;
	// Straight to the responder: the web server may wait for the answer on the caller's behalf.
	const socket = net.connect(stack.file("web/fcgi.sock"));
	socket.write(
		whole(
			{
				REQUEST_METHOD: "POST",
				REQUEST_URI: "/x2go/rpc/login",
				REQUEST_SCHEME: "https",
				CONTENT_TYPE: "application/json",
				HTTP_HOST: `localhost:${stack.port}`,
				HTTP_ORIGIN: stack.origin,
				REMOTE_ADDR: "127.0.0.1",
			},
			JSON.stringify({ server: "demo", user: "bob", password: "builder" }),
		),
	);
	await eventually(
		async () => (await brokerStatus(stack)).logins > before,
		"the login under way",
	);
	socket.destroy();
	await eventually(async () => (await brokerStatus(stack)).logins === before, "the login gone");
	await alice.ok("logout");
	await everythingGivenBack();
});

test("in the page: a stream that is lost with its login is said, and leads to a new one", async () => {
	await alice.ok("logout");
	await everythingGivenBack();
	const browser = await launch();
	try {
		const { page } = await open(browser, stack);
		await logIn(page);
		await state(page, ["sessions", "running"]);
		if ((await page.evaluate(() => document.documentElement.dataset.state)) === "sessions") {
			await page.locator('#session-list [data-action="resume"]').first().click();
			await state(page, "running");
		}
		process.kill(await pid(), "SIGKILL");
		await state(page, "form");
		await page
			.getByText(/login has ended/i)
			.first()
			.waitFor();
	} finally {
		await browser.close();
	}
	await everythingGivenBack();
});
