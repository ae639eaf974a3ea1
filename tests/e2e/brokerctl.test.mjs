// SPDX-License-Identifier: ISC
/**
 * What an admin does with a gateway that is in use, by brokerctl: looking, telling, following,
 * ending, draining, and having the configuration read again. With a real desktop in Chromium.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { Client, eventually } from "./lib/rpc.mjs";
import { build, Stack } from "./lib/stack.mjs";
import { brokerctl, brokerLogins, brokerStatus } from "./lib/status.mjs";

const stack = new Stack();
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof open>>} */
let shown;
const bob = new Client(stack);

before(async () => {
	await stack.start();
	browser = await launch();
	shown = await open(browser, stack);
	await logIn(shown.page);
	await state(shown.page, "running");
	await bob.logIn("bob", "builder");
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

/** It has to work. @param {string[]} words */
async function ctl(...words) {
	const { status, stdout, stderr } = await brokerctl(stack, ...words);
	assert.equal(status, 0, `${words}: ${stderr}`);
	return stdout;
}

/** @param {string} user @returns {Promise<any>} */
async function loginOf(user) {
	return (await brokerLogins(stack)).find((login) => login.user === user);
}

/** Goes on by itself until it is ended. @param {string[]} words */
function ctlStays(...words) {
	const args = ["-s", stack.file("run/control.sock"), ...words];
	const child = spawn(path.join(build, "bin/brokerctl"), args, { detached: true });
	const result = { child, said: "" };
	for (const stream of [child.stdout, child.stderr])
		stream.on("data", (data) => (result.said += data));
	return result;
}

test("list and show: who, from where, to where, how much, and how far away", async () => {
	await eventually(async () => (await loginOf("alice")).round_trip_us > 0, "round trip", 40000);
	const login = await loginOf("alice");
	assert.equal(login.state, "attached");
	assert.equal(login.server, "demo");
	assert.equal(login.client, "127.0.0.1");
	assert.ok(login.to_browser_bytes > 1000, `${login.to_browser_bytes}`);
	assert.ok(login.round_trip_us < 5e6);
	const list = await ctl("list");
	assert.match(
		list,
		new RegExp(`^${login.login.slice(0, 8)} +alice +127\\.0\\.0\\.1 +demo `, "m"),
	);
	assert.match(list, /^[0-9a-f]{8} +bob .* ready /m);
	/* No terminal, so no column is left out. */
	assert.match(list, new RegExp(`^${login.login.slice(0, 8)} .* ${login.session}$`, "m"));
	const text = await ctl("show", login.login.slice(0, 10));
	assert.match(text, /^state +attached: a browser shows the desktop$/m);
	assert.match(text, /^host key +SHA256:\S+$/m);
	assert.match(text, /^opened by +(keyboard-interactive|password)$/m);
	assert.match(text, new RegExp(`^session +${login.session}$`, "m"));
});

test("message: the page shows it as text until it is dismissed", async () => {
	const { page } = shown;
	const text = "Wartung um 17:30 Uhr, <b>bitte</b> 100% sichern";
	assert.equal(await ctl("message", "--user", "alice", text), "1 page shows it.\n");
	await page.waitForSelector("#admin-message li");
	assert.equal(await page.textContent("#admin-message li span"), text);
	await page.click("#admin-message-dismiss");
	assert.equal(await page.isVisible("#admin-message"), false);
	/* Who looks at the list gets the last one with that, once. */
	const later = "1 page will show it when next heard from.\n";
	assert.equal(await ctl("message", "--user", "bob", "tea"), later);
	const both = "1 page shows it, and 1 will when next heard from.\n";
	assert.equal(await ctl("message", "--all", "and", "again"), both);
	await page.waitForSelector("#admin-message li");
	assert.equal((await bob.ok("sessions")).said, "and again");
	assert.equal((await bob.ok("sessions")).said, undefined);
	assert.deepEqual(shown.complaints, []);
});

test("trace: each step of a login that is still to come, and nothing secret", async () => {
	const trace = ctlStays("trace", "--user", "carol");
	await eventually(() => stack.broker?.log.includes("follows some logins"), "tracing");
	const carol = new Client(stack);
	const { status } = await carol.call("login", {
		server: "demo",
		user: "carol",
		password: "wrong-and-secret",
	});
	assert.equal(status, 401);
	await eventually(() => trace.said.includes("nothing of the login is left"), "its end");
	for (const part of ["waiting -> dialling", "dialling -> opening", "session: ", "auth_failed"])
		assert.ok(trace.said.includes(part), `${part}: ${trace.said}`);
	assert.ok(!trace.said.includes("wrong-and-secret"), trace.said);
	assert.ok(!trace.said.includes("alice"), trace.said);
	trace.child.kill("SIGINT");
	const [code] = await new Promise((resolve) =>
		trace.child.on("close", (...how) => resolve(how)),
	);
	assert.equal(code, 0);
});

test("check and reload: what is wrong is said with its place, and changes nothing", async () => {
	const file = stack.file("x2goweb.conf");
	const good = await readFile(file, "utf8");
	const { status: checked } = await brokerctl(stack, "-c", file, "check");
	assert.equal(checked, 0);
	await appendFile(file, "[limits]\nlogins = many\n");
	const lines = good.split("\n").length + 1;
	const check = await brokerctl(stack, "-c", file, "check");
	assert.equal(check.status, 1);
	assert.match(check.stdout, new RegExp(`x2goweb\\.conf:${lines}: \\[limits\\] logins: `));
	const reload = await brokerctl(stack, "reload");
	assert.equal(reload.status, 1);
	assert.match(reload.stdout, /\[limits\] logins: .*\n.*the running one stays\n$/);
	await writeFile(file, `${good}\n[limits]\nlogins = 7\n`);
	assert.match(await ctl("reload"), /configuration reloaded/);
	assert.equal((await brokerStatus(stack)).logins_max, 7);
	await writeFile(file, good);
	await ctl("reload");
});

test("drain: nobody new, a countdown, and an end that the page explains", async () => {
	assert.match(await ctl("drain"), /^2 logins go on\.\n/);
	const carol = new Client(stack);
	const refused = await carol.call("login", { server: "demo", user: "carol", password: "x" });
	assert.equal(refused.status, 503);
	assert.equal(refused.json.error.code, "draining");
	assert.equal(refused.headers["retry-after"], "60");
	/* Who is there goes on. */
	assert.ok(Array.isArray(await bob.sessions()));
	const drain = await ctl("drain", "--wait", "2", "--message", "soon");
	assert.match(
		drain,
		/^1 page shows it, and 1 will when next heard from\.\n2 logins left, the end in 0:02\n/,
	);
	assert.match(drain, /2 logins ended by order; X2Go sessions are suspended\.\n/);
	assert.deepEqual(await brokerLogins(stack), []);
	await state(shown.page, "error");
	assert.match((await shown.page.textContent("#outcome-message")) ?? "", /serviced/);
	await eventually(
		async () =>
			/^S /m.test(
				await stack.onHost("alice", "x2golistsessions | cut -d '|' -f 5 | sed 's/$/ /'"),
			),
		"suspended",
	);
	assert.equal(await ctl("undrain"), "Logins are taken again.\n");
	await bob.logIn("bob", "builder");
	assert.equal(await ctl("kill", "--user", "bob"), "1 login told to end.\n");
	const { status } = await bob.call("sessions", { login: bob.login });
	assert.equal(status, 401);
});

test("nobody there, and no broker", async () => {
	await eventually(async () => (await brokerLogins(stack)).length === 0, "nobody");
	assert.equal(await ctl("list"), "Nobody is logged in.\n");
	const { status, stderr } = await brokerctl(stack, "-s", "/nonexistent", "list");
	assert.equal(status, 3);
	assert.match(stderr, /is x2goweb-brokerd running\?/);
});
