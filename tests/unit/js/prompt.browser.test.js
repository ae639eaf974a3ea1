/* SPDX-License-Identifier: ISC */
/* What a server asks during a login, in Chromium before a stand-in gateway: each kind of question,
 * by keyboard alone, in rounds, given up, refused, and with texts that want to be more than text. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fault } from "../../e2e/standin/gateway.mjs";
import { BrowserPage } from "./browser_page.js";

/** @type {BrowserPage} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
before(async () => {
	browser = await BrowserPage.open({ viewport: { width: 1280, height: 800 } });
	page = browser.page;
});
after(() => browser.close());
beforeEach(() => {
	Object.assign(browser.gateway, { overrides: {}, calls: [], sessions: [], prompts: [] });
});

const LOGIN = "0123456789abcdef";
const FINGERPRINT = "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM";
const HOST_KEY = /** @type {const} */ ({
	kind: "host_key",
	host: "lab.example",
	host_key: { type: "ssh-ed25519", fingerprint: FINGERPRINT },
});
const NEVER = () => /** @type {Promise<any>} */ (new Promise(() => {}));

/** @param {string} selector */
const text = async (selector) => (await page.textContent(selector)) ?? "";
/** @param {string} call */
const bodiesOf = (call) =>
	browser.gateway.calls.filter((one) => one.call === call).map(({ body }) => body);
const answers = () => bodiesOf("answer").map((body) => body.answers);
const focused = () => page.evaluate(() => document.activeElement?.id);
/** @param {(() => boolean | Promise<boolean>)} test @param {string} what */
async function until(test, what) {
	for (let i = 0; i < 500; i++) {
		if (await test()) return;
		await page.waitForTimeout(10);
	}
	assert.fail(`never: ${what}`);
}
/** @param {...Partial<import("../../../www/js/types.js").PromptReply>} rounds */
async function ask(...rounds) {
	browser.gateway.prompts = rounds;
	await load();
	await browser.logIn();
	await browser.inState("prompt");
}
/** A fresh form; what the page that it replaces says as it goes does not count. */
async function load() {
	await browser.load();
	browser.gateway.calls = [];
}
/** Nothing of the form for questions is left in the page. @param {...string} secrets */
async function isGone(...secrets) {
	assert.equal(await page.$eval("#prompt-view", ({ innerHTML }) => innerHTML), "");
	const kept = await page.evaluate(() =>
		JSON.stringify([
			[...document.querySelectorAll("input")].map(({ value }) => value),
			document.documentElement.outerHTML,
			{ ...localStorage },
			{ ...sessionStorage },
		]),
	);
	for (const secret of secrets) assert.ok(!kept.includes(secret), secret);
}

test("a code: asked in the server's words, answered by keyboard alone", async () => {
	await ask({ host: "demo.example" });
	assert.equal(await text("#prompt-where"), "Server demo.example");
	assert.equal(await text('label[for="prompt-answer-0"]'), "Verification code:");
	assert.equal(await focused(), "prompt-answer-0");
	const input = page.locator("#prompt-answer-0");
	assert.equal(await input.getAttribute("type"), "password");
	assert.equal(await input.getAttribute("autocomplete"), "one-time-code");
	assert.equal(await page.isVisible("#login-form"), false);
	await page.keyboard.type("271828");
	await page.keyboard.press("Enter");
	await browser.inState("running");
	assert.deepEqual(bodiesOf("answer"), [{ login: LOGIN, answers: ["271828"] }]);
	await isGone("271828", "wonderland");
});

test("several questions and several rounds: answers in their order, the first field has the focus", async () => {
	await ask(
		{
			title: "Two factors",
			instruction: "One line.\nAnother.",
			notice: "Seen before.",
			prompts: [
				{ text: "Token: ", echo: true },
				{ text: "Town: ", echo: false },
			],
		},
		{ prompts: [{ text: "", echo: true }] },
		{ kind: "password" },
	);
	assert.equal(await text("#prompt-title"), "Two factors");
	assert.equal(await page.innerText("#prompt-instruction"), "One line.\nAnother.");
	assert.equal(await text("#prompt-notice"), "Seen before.");
	const kinds = () =>
		page.$$eval("#prompt-form input", (all) =>
			all.map((input) => [input.getAttribute("type"), input.getAttribute("autocomplete")]),
		);
	assert.deepEqual(await kinds(), [
		["text", "off"],
		["password", "off"],
	]);
	await page.keyboard.type("primo");
	await page.keyboard.press("Tab");
	await page.keyboard.type(" secundo ");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#prompt-title:text('One more step')");
	assert.equal(await text('label[for="prompt-answer-0"]'), "Answer");
	assert.equal(await page.inputValue("#prompt-answer-0"), "");
	assert.equal(await focused(), "prompt-answer-0");
	assert.equal(await page.isVisible("#prompt-notice"), false);
	await page.keyboard.press("Enter");
	await page.waitForSelector("#prompt-title:text('Your password')");
	assert.deepEqual(await kinds(), [["password", "current-password"]]);
	await page.keyboard.type("open sesame");
	await page.click("#prompt-submit");
	await browser.inState("running");
	assert.deepEqual(answers(), [["primo", " secundo "], [""], ["open sesame"]]);
	await isGone("primo", "secundo", "sesame");
});

test("what a server says before its question is told apart from it", async () => {
	await ask({
		prompts: [{ text: "The code was right.\nBack soon.\n\nPassword: ", echo: false }],
	});
	assert.equal(await text('label[for="prompt-answer-0"]'), "Password:");
	assert.equal(await page.innerText("#prompt-said-0"), "The code was right.\nBack soon.");
	const input = page.locator("#prompt-answer-0");
	assert.match((await input.getAttribute("aria-describedby")) ?? "", /prompt-said-0/);
	assert.equal(await input.getAttribute("autocomplete"), "off");
});

test("the jump host is named", async () => {
	await ask({ hop: "jump", host: "gate.example", kind: "password" });
	assert.equal(await text("#prompt-where"), "Jump host gate.example");
	assert.equal(await text("#prompt-title"), "Your password on the jump host");
	const described = await page.getAttribute("#prompt-answer-0", "aria-describedby");
	assert.match(described ?? "", /prompt-title/);
	assert.equal(
		await page.getAttribute("#prompt-form", "aria-labelledby"),
		"prompt-where prompt-title",
	);
});

test("a new password is typed twice, compared here, and sent once", async () => {
	await ask({ kind: "new_password", instruction: "It has expired." });
	await page.keyboard.type("geheim horse");
	await page.keyboard.press("Tab");
	assert.equal(await focused(), "prompt-repeat");
	await page.keyboard.type("geheim hose");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#prompt-error:visible");
	assert.match(await text("#prompt-error"), /differ/);
	assert.equal(await page.getAttribute("#prompt-error", "role"), "alert");
	assert.equal(await page.getAttribute("#prompt-repeat", "aria-invalid"), "true");
	assert.equal(await focused(), "prompt-repeat");
	assert.deepEqual(answers(), []);
	/* Who chooses another language stays at that list. */
	await page.focus("#language");
	await page.selectOption("#language", "de");
	assert.match(await text("#prompt-error"), /verschieden/);
	assert.equal(await focused(), "language");
	await page.selectOption("#language", "en");
	await page.evaluate(() => localStorage.clear());
	await page.fill("#prompt-repeat", "geheim horse");
	await page.press("#prompt-repeat", "Enter");
	await browser.inState("running");
	assert.deepEqual(answers(), [["geheim horse"]]);
	await isGone("geheim");
});

test("a host key: the whole fingerprint, and not trusting has the focus", async () => {
	await ask({ ...HOST_KEY });
	assert.equal(await text("#host-key-fingerprint"), FINGERPRINT);
	/* And so it is when somebody copies it. */
	const copied = await page.evaluate(() => {
		getSelection()?.selectAllChildren(
			/** @type {Node} */ (document.getElementById("host-key-fingerprint")),
		);
		return String(getSelection());
	});
	assert.equal(copied, FINGERPRINT);
	assert.equal(await text("#host-key-type"), "ssh-ed25519");
	assert.match(await page.innerText("#prompt-form"), /ssh_host_ed25519_key\.pub/);
	assert.equal(await focused(), "host-key-refuse");
	await page.keyboard.press("Enter");
	await browser.inState("form");
	assert.deepEqual(answers(), [["no"]]);
	assert.match(await text("#form-error"), /did not trust/);
	await isGone("SHA256");
});

test("a host key that is trusted, by keyboard alone; giving up stays possible", async () => {
	await ask({ ...HOST_KEY, hop: "jump" }, {});
	assert.equal(await text("#prompt-title"), "Do you trust this jump host?");
	await page.keyboard.press("Tab");
	assert.equal(await focused(), "host-key-trust");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#prompt-answer-0");
	assert.deepEqual(answers(), [["yes"]]);
	await ask({ ...HOST_KEY });
	browser.gateway.overrides.answer = NEVER;
	await page.click("#host-key-trust");
	await browser.inState("authenticating");
	assert.equal(await text("#host-key-refuse"), "Cancel");
	await page.click("#host-key-refuse");
	await browser.inState("form");
	await until(() => bodiesOf("logout").length === 1, "logout");
});

test("on a small phone, in the language with the longer words, nothing sticks out", async () => {
	await ask({ ...HOST_KEY });
	await page.selectOption("#language", "de");
	for (const width of [390, 320]) {
		await page.setViewportSize({ width, height: 700 });
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
		const right = await page.$$eval("#prompt-form, #prompt-form *", (all) =>
			Math.max(...all.map((one) => one.getBoundingClientRect().right)),
		);
		assert.ok(right <= width - 16, `${right} of ${width}`);
	}
	await page.selectOption("#language", "en");
	await page.evaluate(() => localStorage.clear());
	await page.setViewportSize({ width: 1280, height: 800 });
});

test("what a server says of its key does not change the page's own question", async () => {
	const praise = { title: "All is well", instruction: "Trust it", notice: "Do" };
	await ask({ ...HOST_KEY, ...praise, host_key: { type: "x", fingerprint: "y" } });
	assert.doesNotMatch(await page.innerText("#prompt-form"), /All is well|Trust it|^Do$/m);
	assert.equal(await text("#prompt-title"), "Do you trust this server?");
	assert.equal(await text("#host-key-fingerprint"), "y");
});

for (const way of ["Escape", "#prompt-cancel"])
	test(`given up by ${way}: at the question, and while the answer is awaited`, async () => {
		const giveUp = () =>
			way === "Escape" ? page.keyboard.press("Escape") : page.click("#prompt-cancel");
		await ask({});
		await page.keyboard.type("271828");
		await giveUp();
		await browser.inState("form");
		assert.match(await text("#status"), /cancelled/);
		await until(() => bodiesOf("logout").length === 1, "logout");
		assert.deepEqual(bodiesOf("logout"), [{ login: LOGIN }]);
		assert.deepEqual(answers(), []);
		await isGone("271828", "wonderland");

		browser.gateway.calls = [];
		browser.gateway.overrides.answer = NEVER;
		await browser.logIn();
		await browser.inState("prompt");
		await page.keyboard.type("314159");
		await page.keyboard.press("Enter");
		await browser.inState("authenticating");
		assert.equal(await page.inputValue("#prompt-answer-0"), "");
		assert.ok(await page.isDisabled("#prompt-submit"));
		await giveUp();
		await browser.inState("form");
		await until(() => bodiesOf("logout").length === 1, "logout");
		await until(
			() => browser.gateway.calls.some(({ call, givenUp }) => call === "answer" && givenUp),
			"the answer's request closed",
		);
		await isGone("314159");
		await browser.logIn();
		await browser.inState("prompt");
	});

test("what was typed and not sent is wiped when the question is given up", async () => {
	await ask({ kind: "password" });
	await page.keyboard.type("open sesame");
	const input = await page.$("#prompt-answer-0");
	await page.click("#prompt-cancel");
	await browser.inState("form");
	assert.equal(await input?.evaluate((field) => /** @type {any} */ (field).value), "");
});

test("Escape gives up a login that asks nothing yet", async () => {
	await load();
	browser.gateway.overrides.login = NEVER;
	await browser.logIn();
	await browser.inState("authenticating");
	await page.keyboard.press("Escape");
	await browser.inState("form");
	await until(() => browser.gateway.calls.some(({ givenUp }) => givenUp), "the request closed");
	assert.deepEqual(bodiesOf("logout"), []);
});

test("leaving the page at a question ends the login", async () => {
	await ask({});
	await page.goto(`${browser.url}favicon.svg`);
	await until(() => bodiesOf("logout").length === 1, "logout");
	assert.deepEqual(bodiesOf("logout"), [{ login: LOGIN }]);
	await page.goBack();
	await browser.inState("form");
	await ask({});
	/* As a browser does that keeps the page. */
	await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pagehide")));
	await browser.inState("form");
});

test("a refusal after questions, and one that comes too late, are said in the user's words", async () => {
	await ask({});
	browser.gateway.overrides.answer = () => fault(401, "auth_failed", "x", { hop: "jump" });
	await page.keyboard.press("Enter");
	await page.waitForSelector("#form-error:visible");
	assert.match(await text("#form-error"), /^The jump host refused.*an answer is wrong/);
	assert.equal(await focused(), "password");
	assert.deepEqual(bodiesOf("logout"), [], "the gateway has ended it");
	for (const [status, code] of /** @type {[number, string][]} */ ([
		[408, "prompt_timeout"],
		[401, "not_logged_in"] /* the login is forgotten by then */,
	])) {
		await ask({ kind: "password" });
		await page.keyboard.type("x");
		browser.gateway.overrides.answer = () => fault(status, code, "x");
		await page.keyboard.press("Enter");
		await page.waitForSelector("#form-error:visible");
		assert.match(await text("#form-error"), /not answered in time.*Log in again/, code);
		await isGone();
	}
});

test("an answer that finds no gateway: back to the form, and the login is taken back", async () => {
	await ask({});
	browser.gateway.overrides.answer = () => ({ status: 502, body: {} });
	await page.keyboard.press("Enter");
	await page.waitForSelector("#form-error:visible");
	await until(() => bodiesOf("logout").length === 1, "logout");
});

test("nothing to fill in is gone on with; too long an answer stays here", async () => {
	await ask({ instruction: "Touch your key.", prompts: [] }, {});
	assert.equal(await focused(), "prompt-submit");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#prompt-answer-0");
	assert.deepEqual(answers(), [[]]);
	await page.fill("#prompt-answer-0", "ü".repeat(513));
	await page.keyboard.press("Enter");
	await page.waitForSelector("#prompt-error:visible");
	assert.equal(answers().length, 1);
	await page.fill("#prompt-answer-0", "ü".repeat(512));
	await page.keyboard.press("Enter");
	await browser.inState("running");
});

test("another language in the middle: the page's words change, what was typed stays", async () => {
	await ask({ title: "Their title" });
	await page.fill("#prompt-answer-0", "271828");
	await page.selectOption("#language", "de");
	assert.equal(await text("#prompt-submit"), "Weiter");
	assert.equal(await text("#prompt-title"), "Their title");
	assert.equal(await page.inputValue("#prompt-answer-0"), "271828");
	/* A list that is open is closed by Escape, not the login. */
	await page.focus("#language");
	await page.keyboard.press("Escape");
	assert.equal(await page.getAttribute("html", "data-state"), "prompt");
	await page.selectOption("#language", "en");
	await page.evaluate(() => localStorage.clear());
});

const HTML = '<img src=x onerror="document.title=1"><b>bold</b> {{7*7}} &amp;';
const BIDI = "abc\u202edcba\u2066\u200f\u0007\u001b[31m\u2028";

test("texts that want to be more are text; what turns it round or steers is gone", async () => {
	const long = "x".repeat(2048);
	await ask({
		title: HTML,
		instruction: BIDI + HTML,
		notice: `${long}\n${HTML}`,
		host: `h${BIDI}`,
		prompts: Array.from({ length: 16 }, (_, i) => ({
			text: `${i} ${HTML}${BIDI}${long}`,
			echo: i % 2 === 0,
		})),
	});
	const plain = "abcdcba[31m";
	assert.equal(await text("#prompt-title"), HTML);
	assert.equal(await text("#prompt-instruction"), plain + HTML);
	assert.equal(await text("#prompt-where"), `Server h${plain}`);
	assert.equal(await text('label[for="prompt-answer-15"]'), `15 ${HTML}${plain}${long}`);
	assert.equal(await page.$("#prompt-form :is(img, b)"), null);
	for (const size of [
		{ width: 1280, height: 800 },
		{ width: 390, height: 844 },
		{ width: 320, height: 500 },
	]) {
		await page.setViewportSize(size);
		const width = await page.evaluate(() => document.documentElement.scrollWidth);
		assert.ok(width <= size.width, `${width} in ${size.width}`);
	}
	await page.setViewportSize({ width: 1280, height: 800 });
	for (let i = 0; i < 16; i++) await page.fill(`#prompt-answer-${i}`, String(i));
	await page.keyboard.press("Enter");
	await browser.inState("running");
	assert.deepEqual(answers(), [Array.from({ length: 16 }, (_, i) => String(i))]);
});

/** @type {[string, object][]} */
const MALFORMED = [
	["seventeen questions", { prompts: Array(17).fill({ text: "?", echo: true }) }],
	["a question without text", { prompts: [{ echo: true }] }],
	["no questions at all", { prompts: null }],
	["a kind of tomorrow", { kind: "retina" }],
	["a title that is no text", { title: { toString: "x" } }],
	["a host key without one", { kind: "host_key" }],
];
for (const [name, prompt] of MALFORMED)
	test(`what the page cannot ask ends the login in words: ${name}`, async () => {
		browser.gateway.overrides.login = () => ({
			body: {
				...{ login: LOGIN, state: "prompt", kind: "questions", hop: "server" },
				...{ host: "h", title: "", instruction: "", prompts: [], ...prompt },
			},
		});
		await load();
		await browser.logIn();
		await page.waitForSelector("#form-error:visible");
		assert.match(await text("#form-error"), /more than this page can answer/);
		await until(() => bodiesOf("logout").length === 1, "logout");
	});

test("answers that the gateway counts otherwise lead to the form", async () => {
	await ask({});
	browser.gateway.overrides.answer = () => fault(400, "bad_request", "x");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#form-error:visible");
	assert.match(await text("#form-error"), /did not understand/);
	await until(() => bodiesOf("logout").length === 1, "logout of the login that still waits");
});

test("the page never broke its policy or threw", () => {
	const own = browser.complaints.filter((line) => !line.startsWith("Failed to load resource"));
	assert.deepEqual(own, []);
});
