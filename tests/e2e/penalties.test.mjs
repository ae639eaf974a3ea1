// SPDX-License-Identifier: ISC
/**
 * Who fails too often has to wait, alone: penalties by source address, early refusals, limits.
 * Clients come from several addresses of the loopback network, which nginx tells apart.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, request } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerStatus } from "./lib/status.mjs";
import { assertPrompt, assertReady, assertRefused, Visitor } from "./lib/steps.mjs";

/** Seconds; so large that a slow machine does not count them out before a test is done. */
const FAILED = 60;
const stack = new Stack({
	config: {
		penalties: {
			auth_failed: String(FAILED),
			unfinished: "25",
			min: "100",
			max: "150",
			exempt: "127.0.0.9/32, 127.1.0.0/16",
		},
		limits: { unfinished: "6:100:6" },
	},
});
/** The same server; short penalties, whole networks, few logins. */
const short = new Stack({
	hostName: stack.hostName,
	ownHost: false,
	config: {
		penalties: {
			auth_failed: "4",
			unfinished: "6",
			min: "4",
			max: "6",
			prefix4: "24",
			exempt: "127.0.9.0/24",
		},
		deadlines: { prompt: "2" },
		limits: {
			logins_per_user: "2",
			logins_per_client: "3",
			logins_per_server: "5",
		},
	},
});
const PASSWORD = "wonderland";

before(async () => {
	await stack.start();
	short.sshPort = stack.sshPort;
	await short.start();
});
after(async () => {
	await short.stop();
	await stack.stop();
});

/** @param {string} from @param {Stack} [where] @param {string} [user] */
function fail(from, where = stack, user = "alice") {
	return new Visitor(where, { from }).refusedLogin({ user, password: "looking-glass" });
}

/** @param {string} from @param {Stack} [where] @param {object} [body] */
async function straightIn(from, where = stack, body = {}) {
	const visitor = new Visitor(where, { from });
	assertReady(await visitor.begin({ password: PASSWORD, ...body }));
	return visitor;
}

/** @param {string} from */
async function inAndOut(from, where = stack) {
	await (await straightIn(from, where)).ok("logout");
}

/** @param {import("./lib/steps.mjs").Refusal} refusal @param {number} most seconds */
function assertKeptAway(refusal, most) {
	assertRefused(refusal, 429, "too_many_attempts");
	const seconds = refusal.retryAfter ?? 0;
	assert.ok(seconds >= 1 && seconds <= most, `${seconds} s`);
	assert.equal(refusal.header, String(seconds));
	return seconds;
}

test("an address whose logins fail has to wait, the longer the more; others need not", async () => {
	assertRefused(await fail("127.0.0.2"), 401, "auth_failed");
	await inAndOut("127.0.0.2");
	assertRefused(await fail("127.0.0.2"), 401, "auth_failed");
	const first = assertKeptAway(await fail("127.0.0.2"), 2 * FAILED);
	// Two of them, less what has passed meanwhile.
	assert.ok(first > FAILED, `${first} s`);
	// It does not even help to know the password; nor does asking make it worse.
	for (let i = 0; i < 3; i++)
		assertKeptAway(
			await new Visitor(stack, { from: "127.0.0.2" }).refusedLogin({ password: PASSWORD }),
			first,
		);
	await inAndOut("127.0.0.3");
	await inAndOut("127.0.0.1");
});

test("it is the web server that says who asks, not the browser", async () => {
	for (const header of ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP"]) {
		const { status } = await request(stack, "/x2go/rpc/login", {
			method: "POST",
			from: "127.0.0.2",
			headers: {
				"Content-Type": "application/json",
				Origin: stack.origin,
				"Sec-Fetch-Site": "same-origin",
				[header]: header === "Forwarded" ? "for=192.0.2.77" : "192.0.2.77",
			},
			body: JSON.stringify({ server: "demo", user: "alice", password: PASSWORD }),
		});
		assert.equal(status, 429, header);
	}
});

test("penalties are bounded", async () => {
	// Begun before the first counts, so that all of them are let in.
	const refusals = await Promise.all(
		Array.from({ length: 5 }, () => fail("127.0.0.4", stack, "u09")),
	);
	assert.ok(refusals.filter(({ code }) => code === "auth_failed").length >= 3);
	const seconds = assertKeptAway(await fail("127.0.0.4"), 150);
	assert.ok(seconds > 100, `${seconds} s`);
});

test("a login that is left at a question counts; one that is taken back or finished does not", async () => {
	const from = "127.0.7.2";
	const ask = async () => {
		const visitor = new Visitor(short, { from });
		assertPrompt(await visitor.begin({ user: "code", password: PASSWORD }), "questions");
		return visitor;
	};
	for (let i = 0; i < 4; i++) await (await ask()).ok("logout");
	for (let i = 0; i < 4; i++) await inAndOut(from, short);
	await ask();
	await eventually(async () => (await brokerStatus(short)).logins === 0, "the question's end");
	assertKeptAway(await new Visitor(short, { from }).refusedLogin({ password: PASSWORD }), 6);
});

test("exempt addresses may fail as often as they like", async () => {
	for (const from of ["127.0.0.9", "127.1.2.3"]) {
		// The server takes its time for each.
		for (const refusal of await Promise.all(Array.from({ length: 4 }, () => fail(from))))
			assertRefused(refusal, 401, "auth_failed");
		await inAndOut(from);
	}
});

test("after the time that was said the address is let in again", async () => {
	assertRefused(await fail("127.0.5.2", short), 401, "auth_failed");
	// Its whole network, as configured.
	const seconds = assertKeptAway(await fail("127.0.5.3", short), 6);
	await inAndOut("127.0.6.2", short);
	await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
	await inAndOut("127.0.5.2", short);
});

/** @param {Stack} where @param {string} user @param {string} from */
async function refusedAsFull(where, user, from) {
	const refusal = await new Visitor(where, { from }).refusedLogin({ user, password: PASSWORD });
	assertRefused(refusal, 503, "too_many_logins");
	assert.ok(Number(refusal.header) >= 1, refusal.header);
}

test("so many logins of a user, of an address, of a server; one ends, another begins", async () => {
	const [a, b, c] = ["127.0.9.1", "127.0.10.1", "127.0.11.1"];
	const enter = (/** @type {string} */ user, /** @type {string} */ from) =>
		straightIn(from, short, { user });
	const logins = [await enter("u01", a), await enter("u01", b)];
	await refusedAsFull(short, "u01", c);
	logins.push(await enter("u02", a), await enter("u03", a));
	await refusedAsFull(short, "u04", a);
	logins.push(await enter("u04", b));
	await refusedAsFull(short, "u05", c);
	await logins.pop()?.ok("logout");
	logins.push(await enter("u05", c));
	for (const login of logins) await login.ok("logout");
	await eventually(async () => (await brokerStatus(short)).uids_used === 0, "nothing left");
});

test("when many logins are not finished, further ones are turned away", async () => {
	const waiting = [];
	for (let i = 1; i <= 6; i++) {
		const visitor = new Visitor(stack, { from: "127.1.0.1" });
		assertPrompt(await visitor.begin({ user: `u0${i}` }), "password");
		waiting.push(visitor);
	}
	await refusedAsFull(stack, "u07", "127.1.0.2");
	assertReady(await waiting[0].answer(PASSWORD));
	await waiting[1].ok("logout");
	await inAndOut("127.1.0.2");
	for (const visitor of waiting) await visitor.call("logout", { login: visitor.login });
	await eventually(async () => (await brokerStatus(stack)).uids_used === 0, "nothing left");
});
