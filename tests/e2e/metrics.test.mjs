// SPDX-License-Identifier: ISC
/**
 * What watches the gateway sees by the web: metrics for those who may, health for everybody, also
 * when nothing is well.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, request, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerctl } from "./lib/status.mjs";

const stack = new Stack({ config: { metrics: { allow: "127.0.0.1" } } });

/** @returns {Promise<Record<string, number>>} */
async function metrics() {
	const { status, headers, text } = await request(stack, "/x2go/metrics");
	assert.equal(status, 200, text);
	assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
	assert.equal(headers["cache-control"], "no-store");
	return Object.fromEntries(
		text
			.split("\n")
			.filter((line) => line !== "" && !line.startsWith("#"))
			.map((line) => line.split(" "))
			.map(([name, value]) => [name.replace("x2goweb_", ""), Number(value)]),
	);
}

async function health() {
	const { status, headers, text } = await request(stack, "/x2go/health");
	assert.equal(headers["content-type"], "application/json");
	return [status, JSON.parse(text)];
}

before(() => stack.start());
after(() => stack.stop());

test("a login, a failure and a desktop are counted", async () => {
	const none = await metrics();
	assert.equal(none["logins_opened_total"], 0);
	const client = new Client(stack);
	const { status } = await client.call("login", { server: "demo", user: "alice", password: "x" });
	assert.equal(status, 401);
	await client.logIn();
	const answer = await client.ok("start", { desktop: "ICEWM", width: 800, height: 600 });
	const stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
	const shown = await metrics();
	assert.equal(shown['logins{state="ready"}'], 1);
	assert.equal(shown['streams{state="attached"}'], 1);
	assert.equal(shown['logins_failed_total{code="auth_failed"}'], 1);
	assert.equal(shown["login_seconds_count"], 1);
	assert.ok(shown["login_seconds_sum"] > 0.01 && shown["login_seconds_sum"] < 30);
	assert.equal(shown["start_seconds_count"], 1);
	assert.ok(shown["start_seconds_sum"] > 0.1 && shown["start_seconds_sum"] < 60);
	await client.ok("terminate", { id: answer.session.id });
	await stream.closed();
	await client.ok("logout");
	const over = await metrics();
	assert.equal(over["logins_opened_total"], 1);
	assert.equal(over['sessions_total{action="started"}'], 1);
	assert.equal(over['sessions_total{action="terminated"}'], 1);
	assert.ok(over['relay_bytes_total{direction="to_browser"}'] >= stream.bytes);
	const { stdout } = await brokerctl(stack, "metrics");
	assert.match(stdout, /^x2goweb_logins_opened_total 1$/m);
	/** @type {{name: string, labels: object, value: number}[]} */
	const list = JSON.parse((await brokerctl(stack, "--json", "metrics")).stdout);
	assert.deepEqual(
		list.find(({ name, labels }) => name === "x2goweb_sessions_total" && "action" in labels),
		{ name: "x2goweb_sessions_total", labels: { action: "started" }, value: 1 },
	);
});

test("metrics are for those who may see them", async () => {
	const { status, text } = await request(stack, "/x2go/metrics", { from: "127.0.0.2" });
	assert.equal(status, 404);
	assert.equal(JSON.parse(text).error.code, "not_found");
	for (const path of ["/x2go/rpc/metrics", "/x2go/rpc/health"])
		assert.equal((await request(stack, path)).status, 404, path);
	assert.equal((await request(stack, "/x2go/metrics", { method: "POST" })).status, 405);
});

test("health says whether logins are taken, to everybody", async () => {
	assert.deepEqual(await health(), [200, { state: "ok" }]);
	const { status } = await request(stack, "/x2go/health", { from: "127.0.0.2" });
	assert.equal(status, 200);
	await stack.broker?.stop();
	assert.deepEqual(await health(), [503, { state: "broker_unreachable" }]);
	await stack.startBroker();
	assert.deepEqual(await health(), [200, { state: "ok" }]);
});
