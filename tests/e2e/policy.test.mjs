// SPDX-License-Identifier: ISC
/**
 * Who may go where: users and groups of a server, hosts that users type, and addresses that no name
 * may stand for.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, request } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins, brokerStatus } from "./lib/status.mjs";
import { assertReady, assertRefused, Visitor } from "./lib/steps.mjs";

const PASSWORD = "wonderland";
const stack = new Stack({
	config: (self) => ({
		"group staff": { users: "u01, u02" },
		"server closed": {
			address: "127.0.0.1",
			port: String(self.sshPort),
			users: "alice, @staff",
			desktops: "ICEWM=IceWM, TERMINAL=Terminal",
			desktop: "TERMINAL",
		},
		other_servers: {
			allow: "yes",
			names: "localhost, 127.*, !127.0.0.3",
			networks: "127.0.0.1, 127.0.0.3",
			ports: String(self.sshPort),
		},
	}),
});
/** Everywhere is allowed, which does not mean the gateway itself. */
const wide = new Stack({
	hostName: stack.hostName,
	ownHost: false,
	config: (self) => ({
		other_servers: {
			allow: "yes",
			networks: "0.0.0.0/0, ::/0",
			ports: String(self.sshPort),
			host_keys: "ask",
		},
	}),
});

before(async () => {
	await stack.start();
	wide.sshPort = stack.sshPort;
	await wide.start();
	await stack.knowHostsAs([`[localhost]:${stack.sshPort}`]);
});
after(async () => {
	await wide.stop();
	await stack.stop();
});

/** @param {object} body @param {Stack} [where] */
const enter = async (body, where = stack) => {
	const visitor = new Visitor(where);
	const step = await visitor.begin({ password: PASSWORD, ...body });
	assertReady(step);
	const logins = await brokerLogins(where);
	await visitor.ok("logout");
	await eventually(async () => (await brokerStatus(where)).logins === 0, "the login has ended");
	return { step, server: logins[0].server };
};

/** @param {object} body @param {Stack} [where] */
const refused = (body, where = stack) =>
	new Visitor(where).refusedLogin({ password: PASSWORD, ...body });

/** @param {string} host @param {Stack} [where] */
const typed = (host, where) =>
	refused({ server: undefined, host: `${host}:${stack.sshPort}` }, where);

test("a server is for its users and groups; others fail as with a wrong password", async () => {
	for (const user of ["alice", "u01", "u02"]) await enter({ server: "closed", user });
	const stranger = await refused({ server: "closed", user: "u03" });
	const wrong = await refused({ server: "closed", user: "u01", password: "looking-glass" });
	const nobody = await refused({ server: "closed", user: "nobody-here" });
	for (const refusal of [stranger, wrong, nobody]) {
		assertRefused(refusal, 401, "auth_failed");
		assert.equal(refusal.message, wrong.message);
	}
	// Who is called like the group is not in it.
	for (const user of ["staff", "@staff"])
		assertRefused(await refused({ server: "closed", user }), 401, "auth_failed");
	await enter({ server: "demo", user: "u03" });
});

test("the page learns which servers there are and what may be typed", async () => {
	const json = JSON.parse((await request(stack, "/x2go/rpc/config")).text);
	assert.equal(json.other_servers, true);
	assert.equal(json.other_jumps, false);
	const closed = json.servers.find((/** @type {{id: string}} */ { id }) => id === "closed");
	assert.equal(closed.desktop, "TERMINAL");
	const { step } = await enter({ server: "closed" });
	const { desktops } = /** @type {{desktops: {id: string}[]}} */ (/** @type {unknown} */ (step));
	assert.ok(desktops.every(({ id }) => ["ICEWM", "TERMINAL"].includes(id)));
});

test("a typed server is logged in to like one that is configured", async () => {
	const host = `LocalHost:${stack.sshPort}`;
	assert.equal(
		(await enter({ server: undefined, host })).server,
		`localhost:${stack.sshPort}`,
		"in the broker's list under what was typed",
	);
	// What is configured keeps its own rules and name.
	const own = `127.0.0.1:${stack.sshPort}`;
	assert.ok(["demo", "closed"].includes((await enter({ server: undefined, host: own })).server));
});

test("what may not be typed is refused alike, whatever the reason", async () => {
	const unknown = await refused({ server: "nowhere" });
	assertRefused(unknown, 403, "server_not_allowed");
	const refusals = [
		await typed("127.0.0.3"), // taken out by name
		await typed("127.0.0.2"), // in no network
		await typed("192.0.2.1"), // no pattern
		await refused({ server: undefined, host: "localhost" }), // another port
		await refused({ server: undefined, host: "127.0.0.1:0" }),
		await refused({ server: undefined, host: "-oProxyCommand=id" }),
		await refused({ server: undefined, host: "localhost;id" }),
		await refused({ server: "demo", proxy_host: "localhost" }),
		await refused({
			server: undefined,
			host: `localhost:${stack.sshPort}`,
			proxy_host: `localhost:${stack.sshPort}`,
		}),
	];
	for (const refusal of refusals) {
		assertRefused(refusal, 403, "server_not_allowed");
		assert.equal(refusal.message, unknown.message);
	}
});

test("a name does not lead to the gateway itself, however it is spelled", async () => {
	for (const host of [
		"localhost",
		"127.0.0.2",
		"127.255.255.254",
		"0.0.0.0",
		"[::1]",
		"[::]",
		"[::ffff:127.0.0.2]",
		"[::127.0.0.1]",
		"[64:ff9b::127.0.0.1]",
		"[2002:7f00:1::]",
		"169.254.169.254",
		"[fe80::1]",
		"127.1",
		"2130706433",
		"0x7f000001",
	])
		assertRefused(await typed(host, wide), 403, "server_not_allowed");
	await eventually(async () => (await brokerStatus(wide)).uids_used === 0, "nothing left");
});
