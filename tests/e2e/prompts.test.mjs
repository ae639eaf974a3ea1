// SPDX-License-Identifier: ISC
/**
 * A person at the page who is asked for more than a password, by a real X2Go server: each dialogue
 * of a login, answered, answered wrongly and given up.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { eventually } from "./lib/rpc.mjs";
import { isLibraryNew, Stack } from "./lib/stack.mjs";
import { brokerLogins, brokerStatus, endLogins } from "./lib/status.mjs";
import { oneTimeCode, wrongCode } from "./lib/steps.mjs";

const stack = new Stack({
	config: (self) => {
		const here = { address: "127.0.0.1", port: String(self.sshPort) };
		return {
			"server keyed": { ...here, key: self.gatewayKey() },
			"server stranger": { address: "inner", jump: "gate", host_keys: "ask" },
			"jump gate": { title: "The gate", ...here },
			other_servers: {
				allow: "yes",
				networks: "127.0.0.0/8",
				ports: String(self.sshPort),
				jump_hosts: "127.0.0.1",
				host_keys: "ask",
			},
		};
	},
});
const PASSWORD = "wonderland";
/** Not installed there: after the login the page stays at its list. */
const NOWHERE = "XFCE";
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {string[]} */
let complaints;

before(async () => {
	await stack.start();
	browser = await launch();
	({ page, complaints } = await open(browser, stack));
	page.setDefaultTimeout(15000);
});
beforeEach(async () => {
	await page.goto(stack.url);
	await state(page, "form");
});
afterEach(async () => {
	await endLogins(stack);
	await eventually(async () => (await brokerStatus(stack)).uids_used === 0, "no login left");
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

/** @param {string} selector */
const text = async (selector) => ((await page.textContent(selector)) ?? "").trim();

/** Types the credentials and waits for a question. @param {Parameters<typeof logIn>[1]} entry */
async function asked(entry) {
	await logIn(page, { password: PASSWORD, desktop: NOWHERE, ...entry });
	await state(page, "prompt");
}

/** @param {string} value */
async function answer(value) {
	await page.fill("#prompt-answer-0", value);
	// The next question has a new form, or none is left.
	const form = await page.$("#prompt-form");
	await page.click("#prompt-submit");
	await form?.waitForElementState("hidden");
}

async function isIn() {
	await state(page, "sessions");
	assert.equal((await brokerLogins(stack)).length, 1);
	await page.click("#logout");
	await state(page, "form");
}

/** @param {RegExp} message */
async function isRefused(message) {
	await state(page, "form");
	assert.match(await text("#form-error"), message);
}

test("a code", async () => {
	await asked({ user: "code" });
	assert.match(await text("label[for=prompt-answer-0]"), /^Verification code:/);
	assert.equal(await page.getAttribute("#prompt-answer-0", "type"), "password");
	assert.match(await text("#prompt-where"), /127\.0\.0\.1/);
	await answer(oneTimeCode());
	await isIn();
});

test("a wrong code ends at the form, which says so", async () => {
	await asked({ user: "code" });
	await answer(wrongCode());
	await isRefused(/wrong/);
	assert.equal(await page.inputValue("#password"), "");
});

test("a password that was left out", async () => {
	await asked({ password: "" });
	assert.equal(await page.getAttribute("#prompt-answer-0", "type"), "password");
	await answer(PASSWORD);
	await isIn();
	await asked({ password: "" });
	await answer("looking-glass");
	await isRefused(/wrong/);
});

test("banner, messages and two rounds: the server's words are text", async () => {
	await asked({ user: "rounds" });
	assert.equal(
		await text("#prompt-notice"),
		isLibraryNew() ? "Only for friends & <family>." : "",
	);
	const words = await text("#prompt-form");
	assert.match(words, /Maintenance on Sunday\.\n[^]*coffee[^]*, not tea\.\s*Verification code:/);
	assert.doesNotMatch(words, /[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
	assert.equal(await page.$("#prompt-form family"), null);
	assert.equal(await page.getAttribute("#prompt-answer-0", "type"), "text");
	await answer(oneTimeCode());
	await state(page, "prompt");
	assert.match(await text("#prompt-form"), /The code was right\.\s*Password:/);
	await answer(PASSWORD);
	await isIn();
});

test("an expired password is changed", async () => {
	await asked({ user: "renew" });
	for (const [question, value] of /** @type {const} */ ([
		[/required to change[^]*Current password:/, PASSWORD],
		[/New password:/, "Xylophone-77"],
		[/Retype new password:/, "Xylophone-77"],
	])) {
		await state(page, "prompt");
		assert.match(await text("#prompt-form"), question);
		await answer(value);
	}
	await isIn();
	await logIn(page, { user: "renew", password: "Xylophone-77", desktop: NOWHERE });
	await isIn();
});

test("the gateway's key and a code", async () => {
	await asked({ server: "keyed", user: "keycode", password: "" });
	assert.equal(await page.getAttribute("#prompt-answer-0", "type"), "text");
	await answer(oneTimeCode());
	await isIn();
});

test("a jump host with another name and password, and a host key to be trusted", async () => {
	const known = readFileSync(stack.file("known_hosts"), "utf8");
	const outer = known.split("\n").filter((line) => !line.startsWith("inner "));
	await stack.withKnownHosts(outer.join("\n"), async () => {
		const enter = async (/** @type {string} */ password) => {
			await page.selectOption("#server", "stranger");
			await page.evaluate(() =>
				document.querySelector("details#proxy")?.setAttribute("open", ""),
			);
			assert.match(await text("#proxy-summary"), /The gate/);
			await page.fill("#proxy-username", "jumper");
			await page.fill("#proxy-password", password);
			await logIn(page, { user: "alice", password: PASSWORD, desktop: NOWHERE });
		};
		await enter("wrong");
		await isRefused(/jump host/i);

		await enter("springboard");
		await state(page, "prompt");
		assert.match(await text("#prompt-where"), /inner/);
		const shown = (await text("#host-key-fingerprint")).replace(/\s/g, "");
		const { stdout } = await stack.host(
			"exec",
			"sh",
			"-c",
			"cat /etc/ssh/inner/*.pub | ssh-keygen -lf -",
		);
		assert.ok(stdout.includes(shown), `${shown} in ${stdout}`);
		assert.equal(await page.evaluate(() => document.activeElement?.id), "host-key-refuse");
		await page.click("#host-key-refuse");
		await isRefused(/trust/);

		await enter("springboard");
		await state(page, "prompt");
		await page.click("#host-key-trust");
		await isIn();
	});
});

test("a server that is typed, and one that may not be", async () => {
	const options = await page.$$eval("#server option", (list) =>
		list.map((each) => /** @type {HTMLOptionElement} */ (each).value),
	);
	const other = options.at(-1) ?? "";
	assert.ok(!["demo", "keyed", "stranger"].includes(other), `${options}`);
	await page.selectOption("#server", other);
	await page.fill("#other-server", `127.0.0.1:${stack.sshPort}`);
	await logIn(page, { password: PASSWORD, desktop: NOWHERE });
	await isIn();
	await page.selectOption("#server", other);
	await page.fill("#other-server", "127.0.0.1:22");
	await logIn(page, { password: PASSWORD, desktop: NOWHERE });
	await isRefused(/does not lead to that server/);
});

test("given up: by the button, by the key, by leaving", async () => {
	for (const giveUp of [
		() => page.click("#prompt-cancel"),
		() => page.keyboard.press("Escape"),
		() => page.reload(),
	]) {
		await asked({ user: "code" });
		assert.equal((await brokerLogins(stack)).length, 1);
		await giveUp();
		await state(page, "form");
		await eventually(async () => (await brokerLogins(stack)).length === 0, "login ended");
	}
});

test("the page had nothing to complain about but refusals", () => {
	const other = complaints.filter((line) => !/status of (401|403|409|502)/.test(line));
	assert.deepEqual(other, []);
});
