// SPDX-License-Identifier: ISC
/**
 * X2Go servers behind a jump host: accounts, questions, keys and failures of both hops.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { eventually, request, Stream } from "./lib/rpc.mjs";
import { freePort, Stack } from "./lib/stack.mjs";
import { brokerLogins, brokerStatus, endLogins, sessionsOf } from "./lib/status.mjs";
import {
	assertPrompt,
	assertReady,
	assertRefused,
	oneTimeCode,
	questions,
	Visitor,
	wrongCode,
} from "./lib/steps.mjs";

const closedPort = await freePort();
const stack = new Stack({
	config: (self) => {
		const gate = { address: "127.0.0.1", port: String(self.sshPort) };
		return {
			"jump gate": { title: "The gate", ...gate },
			"jump fixed": { ...gate, user: "jumper" },
			"jump keyed": { ...gate, user: "jumpkey", key: self.gatewayKey(), key_alone: "yes" },
			"jump closed": { address: "127.0.0.1", port: String(closedPort) },
			"jump unknown": { ...gate, host_keys: "ask" },
			"server unknown": { address: "inner", jump: "unknown", host_keys: "ask" },
			"server inner": { title: "Behind the gate", address: "inner", jump: "gate" },
			"server fixed": { address: "inner", jump: "fixed" },
			"server keyed": { address: "inner", jump: "keyed", key: self.gatewayKey() },
			"server closed": { address: "inner", jump: "closed" },
			// Nobody listens there; and nobody has this name.
			"server port": { address: "inner", port: "23", jump: "gate" },
			"server name": { address: "nowhere.invalid", jump: "gate" },
			"server direct": { address: "inner" },
		};
	},
});
const PASSWORD = "wonderland";
const SCREEN = { width: 800, height: 600 };
const JUMPER = { proxy_user: "jumper", proxy_password: "springboard" };

before(async () => {
	await stack.start();
	await stack.knowHostsAs([`[127.0.0.1]:${closedPort}`, "[inner]:23", "nowhere.invalid"]);
});
afterEach(() => endLogins(stack));
after(() => stack.stop());

/** @param {object} body */
async function begin(body) {
	const visitor = new Visitor(stack);
	const step = await visitor.begin({ server: "inner", password: PASSWORD, ...body });
	return { visitor, step };
}

/** @param {object} body @param {number} status @param {string} code @param {string} [hop] */
async function refused(body, status, code, hop) {
	const visitor = new Visitor(stack);
	const refusal = await visitor.refusedLogin({ server: "inner", password: PASSWORD, ...body });
	assertRefused(refusal, status, code, hop);
	await eventually(async () => (await brokerStatus(stack)).uids_used === 0, "nothing left");
	return refusal;
}

test("the page knows which servers have a jump host, and for which the user has an account there", async () => {
	const config = JSON.parse((await request(stack, "/x2go/rpc/config")).text);
	const of = (/** @type {string} */ id) =>
		config.servers.find((/** @type {any} */ each) => each.id === id).jump;
	assert.deepEqual(of("inner"), { title: "The gate", user: true });
	assert.equal(of("fixed").user, false);
	assert.equal(of("demo"), undefined);
});

test("a desktop is shown through the jump host, by one process without a port of its own", async () => {
	const { visitor, step } = await begin(JUMPER);
	assertReady(step);
	const started = await visitor.ok("start", { desktop: "ICEWM", ...SCREEN });
	const { id } = started.session;
	const stream = await new Stream(stack, started.ws, { cookie: visitor.cookie }).picture();
	// It is the inner sshd that the commands came by.
	const environment = await stack.onHost(
		"alice",
		`tr '\\0' '\\n' </proc/$(pgrep -u alice x2gokdrive)/environ`,
	);
	assert.match(environment, /^SSH_CONNECTION=\S+ \d+ 192\.0\.2\.22 22$/m);
	const [{ pid }] = await brokerLogins(stack);
	const sockets = readdirSync(`/proc/${pid}/fd`)
		.filter((fd) => Number(fd) > 2)
		.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
		.filter((target) => target.startsWith("socket:"));
	// The link to the broker, the jump host, the listener, the browser.
	assert.equal(sockets.length, 4);
	assert.equal(sessionsOf(stack.broker?.pid ?? -1).length, 1);

	// A lost jump host ends the login; the desktop goes on and is taken up again.
	await stack.host("exec", "pkill", "-KILL", "-u", "jumper");
	await stream.closed();
	assert.ok(stream.words.some((word) => word.startsWith("bye ssh_lost ")));
	await eventually(async () => {
		const { status, json } = await visitor.call("sessions", { login: visitor.login });
		return status === 401 && json.error.code === "not_logged_in";
	}, "the end of the login");
	assert.match(stack.broker?.log ?? "", /ssh_lost: jump host: /);
	const { visitor: again } = await begin(JUMPER);
	const resumed = await again.ok("resume", { id, ...SCREEN });
	const back = await new Stream(stack, resumed.ws, { cookie: again.cookie }).picture();
	await again.ok("terminate", { id });
	await back.closed();
	await again.ok("logout");
	await eventually(
		async () =>
			(await stack.onHost("root", "ss -Htn state established src 192.0.2.22:22")) === "",
		"the connections of both hops are closed",
	);
});

test("it cannot be reached directly", async () => {
	await refused({ server: "direct" }, 502, "host_unreachable");
});

test("the same name at both: the jump host asks for its own password", async () => {
	const { visitor, step } = await begin({});
	assertPrompt(step, "password", { hop: "jump", host: `[127.0.0.1]:${stack.sshPort}` });
	assertReady(await visitor.answer(PASSWORD));
	await visitor.ok("logout");
});

test("everybody jumps as the same user if the configuration says so", async () => {
	const { visitor, step } = await begin({ server: "fixed", proxy_password: "springboard" });
	assertReady(step);
	await visitor.ok("logout");
	const { visitor: keyed, step: straight } = await begin({ server: "keyed" });
	assertReady(straight);
	await keyed.ok("logout");
});

test("the gateway's own key opens each hop for its own user", async () => {
	const { visitor, step } = await begin({ server: "keyed", user: "keypass" });
	assertReady(step);
	await visitor.ok("logout");
	await refused({ server: "keyed", user: "keyonly" }, 403, "key_alone");
});

test("questions of both hops, one after the other, each with its name", async () => {
	const { visitor, step } = await begin({
		user: "code",
		proxy_user: "jumpcode",
		proxy_password: "springboard",
	});
	assertPrompt(step, "questions", { hop: "jump", host: `[127.0.0.1]:${stack.sshPort}` });
	assert.deepEqual(questions(step), [["Verification code: ", false]]);
	const second = await visitor.answer(oneTimeCode());
	assertPrompt(second, "questions", { hop: "server", host: "inner" });
	assert.deepEqual(questions(second), [["Verification code: ", false]]);
	assertReady(await visitor.answer(oneTimeCode()));
	await visitor.ok("logout");
});

test("a wrong password or code of the jump host is said to be the jump host's", async () => {
	const wrong = await refused({ ...JUMPER, proxy_password: "wrong" }, 401, "auth_failed", "jump");
	const unknown = await refused({ ...JUMPER, proxy_user: "nobody" }, 401, "auth_failed", "jump");
	assert.equal(wrong.message, unknown.message);
	const { visitor } = await begin({ proxy_user: "jumpcode", proxy_password: "springboard" });
	assertRefused(await visitor.refusedAnswer(wrongCode()), 401, "auth_failed", "jump");
	assert.match(wrong.message, /jump/i);
});

test("a wrong password of the server is not", async () => {
	await refused({ ...JUMPER, password: "wrong" }, 401, "auth_failed");
	await refused({ ...JUMPER, user: "nobody" }, 401, "auth_failed");
});

test("neither hop gets to see the other's password", async () => {
	// Each password is wrong at the other hop: had it been offered there, the login would have ended.
	const { visitor, step } = await begin({ ...JUMPER, password: "" });
	assertPrompt(step, "password", { hop: "server", host: "inner" });
	assertReady(await visitor.answer(PASSWORD));
	await visitor.ok("logout");
});

test("a jump host that lets nobody through", async () => {
	await refused({ ...JUMPER, proxy_user: "jumpdenied" }, 502, "jump_refused", "jump");
});

test("what the jump host cannot reach", async () => {
	const { code: port } = await refused({ server: "port", ...JUMPER }, 502, "host_unreachable");
	const { code: name } = await refused({ server: "name", ...JUMPER }, 502, "host_unreachable");
	assert.equal(port, name);
	await refused({ server: "closed", ...JUMPER }, 502, "host_unreachable", "jump");
});

test("host keys of both hops: unknown and changed, each named", async () => {
	const known = readFileSync(stack.file("known_hosts"), "utf8").split("\n").filter(Boolean);
	const inner = known.filter((line) => line.startsWith("inner "));
	const outer = known.filter((line) => line.startsWith(`[127.0.0.1]:${stack.sshPort} `));
	const swapped = (/** @type {string[]} */ lines, /** @type {string[]} */ keys) =>
		lines.map(
			(line, index) => `${line.split(" ")[0]} ${keys[index].split(" ").slice(1).join(" ")}`,
		);
	for (const [lines, code, hop] of /** @type {[string[], string, string | undefined][]} */ ([
		[outer, "host_key_unknown", undefined],
		[inner, "host_key_unknown", "jump"],
		[[...outer, ...swapped(inner, outer)], "host_key_changed", undefined],
		[[...swapped(outer, inner), ...inner], "host_key_changed", "jump"],
	]))
		await stack.withKnownHosts(lines.map((line) => `${line}\n`).join(""), () =>
			refused(JUMPER, 502, code, hop),
		);
});

test("both hops ask, each for its own key", async () => {
	await stack.withKnownHosts("", async () => {
		const { visitor, step } = await begin({ server: "unknown", ...JUMPER });
		assertPrompt(step, "host_key", { hop: "jump", host: `[127.0.0.1]:${stack.sshPort}` });
		const second = await visitor.answer("yes");
		assertPrompt(second, "host_key", { hop: "server", host: "inner" });
		assert.notEqual(step.host_key?.fingerprint, second.host_key?.fingerprint);
		assertReady(await visitor.answer("yes"));
		await visitor.ok("logout");
	});
});

test("cancelled at the jump host's question", async () => {
	const { visitor } = await begin({ proxy_user: "jumpcode", proxy_password: "springboard" });
	assert.equal((await brokerLogins(stack)).length, 1);
	await visitor.ok("logout");
	await eventually(async () => (await brokerStatus(stack)).uids_used === 0, "nothing left");
});
