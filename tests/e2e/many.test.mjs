// SPDX-License-Identifier: ISC
/**
 * Twenty people log in at once: each gets a desktop, or a clean refusal by the configured limit.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins, brokerStatus } from "./lib/status.mjs";

const users = Array.from({ length: 20 }, (_, i) => `u${String(i + 1).padStart(2, "0")}`);
const size = { width: 640, height: 480 };

/** @param {Stack} stack */
const empty = (stack) =>
	eventually(
		async () => {
			const status = await brokerStatus(stack);
			return status.logins === 0 && status.ports_used === 0 && status.uids_used === 0;
		},
		"an empty broker",
		60000,
	);

test("twenty desktops, and no port or uid is given twice", async () => {
	const stack = new Stack({
		listen: "127.0.0.1",
		config: { deadlines: { start: "300", auth: "120" } },
	});
	after(() => stack.stop());
	await stack.start();
	const clients = await Promise.all(
		users.map(async (user) => {
			const client = new Client(stack);
			await client.logIn(user);
			return client;
		}),
	);
	const streams = await Promise.all(
		clients.map(async (client) => {
			const { ws } = await client.ok("start", { desktop: "ICEWM", ...size });
			return new Stream(stack, ws, { cookie: client.cookie }).picture();
		}),
	);
	const logins = await brokerLogins(stack);
	assert.equal(logins.length, 20);
	assert.equal(new Set(logins.map(({ port }) => port)).size, 20);
	assert.equal(new Set(logins.map(({ uid }) => uid)).size, 20);
	assert.equal(streams.filter((stream) => stream.end === undefined).length, 20);
	// A neighbour's cookie opens nobody's stream.
	const { ws } = await clients[0].call("sessions", { login: clients[0].login }).then(() => ({
		ws: `/x2gows/${logins.find(({ user }) => user === "u01")?.port}`,
	}));
	const intruder = new Stream(stack, ws, { cookie: clients[1].cookie });
	await intruder.until((stream) => stream.refusal !== undefined, "refused");
	assert.equal(intruder.refusal, 403);
	await Promise.all(clients.map((client) => client.ok("logout")));
	await empty(stack);
});

test("past the limit a login is refused in words, and room is given back", async () => {
	const stack = new Stack({ config: { limits: { logins: "3" } } });
	after(() => stack.stop());
	await stack.start();
	const answers = await Promise.all(
		users.slice(0, 6).map(async (user) => {
			const client = new Client(stack);
			const answer = await client.call("login", {
				server: "demo",
				user,
				password: "wonderland",
			});
			client.login = answer.json.login;
			return { client, ...answer };
		}),
	);
	const refused = answers.filter(({ status }) => status !== 200);
	assert.equal(refused.length, 3);
	for (const { status, json } of refused)
		assert.deepEqual([status, json.error.code], [503, "too_many_logins"]);
	const [first, ...others] = answers.filter(({ status }) => status === 200);
	await first.client.ok("logout");
	const next = new Client(stack);
	await eventually(async () => {
		const { status, json } = await next.call("login", {
			server: "demo",
			user: "alice",
			password: "wonderland",
		});
		next.login = json.login;
		return status === 200;
	}, "room for one more");
	await Promise.all(
		[next, ...others.map(({ client }) => client)].map((client) => client.ok("logout")),
	);
	await empty(stack);
});
