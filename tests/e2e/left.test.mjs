// SPDX-License-Identifier: ISC
/**
 * Desktops whose browser is gone: suspended at once, after a grace time, or left as they are, as
 * the configuration says. Left ones go on, however much they draw.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const GRACE_MS = 3000;

const patient = new Stack({ config: { deadlines: { grace: String(GRACE_MS / 1000) } } });
/** On the same X2Go server. */
const leaving = new Stack({
	hostName: patient.hostName,
	ownHost: false,
	config: { sessions: { when_left: "leave" } },
});
const alice = new Client(patient);
const bob = new Client(leaving);

/** @param {Client} client @param {string} call @param {object} body */
async function show(client, call, body) {
	const answer = await client.ok(call, { width: 800, height: 600, ...body });
	const stream = await new Stream(client.stack, answer.ws, { cookie: client.cookie }).picture();
	return { session: answer.session, stream };
}

/** What the agent itself says. @param {string} user @param {string} id */
const agentState = (user, id) => patient.onHost(user, `cat ~/.x2go/C-${id}/state`);

/** The stream as the broker has been told. @param {Stack} stack @param {number} from in its log */
const detached = (stack, from) =>
	/** @type {import("./lib/stack.mjs").Process} */ (stack.broker).waitFor(
		/browser detached: the desktop goes on/,
		{ from },
	);

const logLength = (/** @type {Stack} */ stack) => stack.broker?.log.length ?? 0;

before(async () => {
	await patient.start();
	leaving.sshPort = patient.sshPort;
	await leaving.start();
	await alice.logIn();
	await bob.logIn("bob", "builder");
});
after(async () => {
	await leaving.stop();
	await patient.stop();
});

test("a desktop whose browser is gone is suspended after the grace time, not before", async () => {
	const { session, stream } = await show(alice, "start", { desktop: "ICEWM" });
	const from = logLength(patient);
	stream.socket.terminate();
	const begin = Date.now();
	await detached(patient, from);
	assert.equal(await agentState("alice", session.id), "RUNNING");
	await eventually(
		async () => (await agentState("alice", session.id)) === "SUSPENDED",
		"suspended",
	);
	assert.ok(Date.now() - begin > GRACE_MS - 500);
	await eventually(
		async () => (await alice.sessions())[0].status === "suspended",
		"suspended in the list",
	);
});

test("within the grace time it can be taken up again", async () => {
	const [{ id }] = await alice.sessions();
	const first = await show(alice, "resume", { id });
	const from = logLength(patient);
	first.stream.socket.terminate();
	await detached(patient, from);
	const second = await show(alice, "resume", { id });
	assert.equal(second.session.id, id);
	await new Promise((resolve) => setTimeout(resolve, GRACE_MS + 500));
	assert.equal(await agentState("alice", id), "RUNNING");
	assert.equal(second.stream.end, undefined);
	await alice.ok("terminate", { id });
});

test("a desktop that is left goes on drawing, and the login's end suspends it", async () => {
	const { session, stream } = await show(bob, "start", { desktop: "xterm" });
	const from = logLength(leaving);
	const env = `DISPLAY=:${session.display}`;
	const terminal = leaving.hostProcess("bob", "env", env, "xterm", "-e", "yes");
	stream.socket.terminate();
	await detached(leaving, from);
	await new Promise((resolve) => setTimeout(resolve, 2 * GRACE_MS));
	assert.equal(await agentState("bob", session.id), "RUNNING");
	// It answers: nobody has stopped reading what it says.
	await leaving.onHost("bob", `${env} timeout 10 xwininfo -root`);
	const [row] = await bob.sessions();
	assert.equal(row.status, "running");

	const again = await show(bob, "resume", { id: session.id });
	again.stream.socket.terminate();
	await eventually(
		async () => (await agentState("bob", session.id)) === "RUNNING",
		"running again",
	);
	await bob.ok("logout");
	await eventually(
		async () => (await agentState("bob", session.id)) === "SUSPENDED",
		"suspended by the logout",
	);
	terminal.kill();
});
