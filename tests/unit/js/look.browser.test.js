/* SPDX-License-Identifier: ISC */
/*
 * The page as it is used and looked at: by keyboard alone, in a narrow window, in another language,
 * in the administrator's colours, and with foreign text that tries to be more than text.
 */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { sessionRow } from "../../e2e/standin/gateway.mjs";
import { BrowserPage } from "./browser_page.js";

/** @type {BrowserPage} */
let browser;
before(async () => {
	browser = await BrowserPage.open({ viewport: { width: 1280, height: 800 } });
});
after(() => browser.close());
beforeEach(async () => {
	browser.gateway.overrides = {};
	browser.gateway.calls = [];
	browser.gateway.sessions = [];
	browser.complaints.length = 0;
	await browser.page.setViewportSize({ width: 1280, height: 800 });
});

const focused = () =>
	browser.page.evaluate(() => {
		const element = document.activeElement;
		return element?.id || element?.getAttribute("data-action") || element?.tagName || "";
	});
/** @param {string} key */
const press = (key) => browser.page.keyboard.press(key);
/** @param {string} key @param {string} wanted id @param {number} [most] */
async function pressUntil(key, wanted, most = 20) {
	/** @type {string[]} */
	const seen = [];
	for (let i = 0; i < most; i++) {
		seen.push(await focused());
		if (seen[i] === wanted) return seen;
		await press(key);
	}
	throw new Error(`${key} does not lead to ${wanted}: ${seen.join(" ")}`);
}
/** @param {string} selector */
const text = async (selector) => (await browser.page.textContent(selector))?.trim() ?? "";

/** What sticks out of the window to its side, apart from what scrolls on its own. */
const overflowing = () =>
	browser.page.evaluate(() => {
		const width = document.documentElement.clientWidth;
		return [...document.querySelectorAll("body *")]
			.filter((element) => {
				const style = getComputedStyle(element);
				const box = element.getBoundingClientRect();
				if (box.width === 0 || style.visibility === "hidden" || element.closest("svg"))
					return false;
				if (style.clipPath !== "none") return false;
				return box.left < -1 || box.right > width + 1;
			})
			.map((element) => `${element.tagName}#${element.id}.${element.className}`);
	});

test("by keyboard alone: login, list, question, session, bar, panel, and back", async () => {
	const { page } = browser;
	browser.gateway.sessions = [
		sessionRow({ id: "a-1", status: "suspended", attached: false }),
		sessionRow({ id: "a-2", desktop: "XFCE", attached: false }),
	];
	await browser.load();
	assert.equal(await focused(), "username");
	await page.keyboard.type("alice");
	await press("Tab");
	assert.equal(await focused(), "password");
	await page.keyboard.type("wonderland");
	await press("Enter");
	await browser.inState("sessions");

	/* The first thing to do has the focus; Tab goes on in the order of the page. */
	assert.equal(await focused(), "resume");
	await press("Tab");
	assert.equal(await focused(), "terminate");
	await press("Enter");
	await page.waitForSelector("#confirm[open]");
	assert.equal(await focused(), "confirm-no", "what does no harm has the focus");
	await press("Tab");
	assert.equal(await focused(), "confirm-yes");
	await press("Escape");
	await page.waitForSelector("#confirm:not([open])", { state: "attached" });
	assert.equal(await focused(), "terminate", "the focus comes back to what asked");
	assert.ok(!browser.gateway.calls.some(({ call }) => call === "terminate"));
	await press("Shift+Tab");
	await press("Enter");
	await browser.inState("running");
	assert.equal(await focused(), "screen");

	/* Tab belongs to the desktop; three keys lead out of it. */
	await press("Tab");
	assert.equal(await focused(), "screen");
	for (const key of ["ControlLeft", "AltLeft", "ShiftLeft"]) await page.keyboard.down(key);
	for (const key of ["ControlLeft", "AltLeft", "ShiftLeft"]) await page.keyboard.up(key);
	const first = await focused();
	const row = await pressUntil("ArrowRight", "terminate");
	for (const id of ["fullscreen", "stats", "pin", "help", "suspend", "disconnect"])
		assert.ok(row.includes(id), `${id} is reached by arrow keys`);
	await press("ArrowRight");
	assert.equal(await focused(), first, "and round again");
	await press("End");
	assert.equal(await focused(), "terminate");
	await press("Home");
	assert.equal(await focused(), first);
	const stops = await page.$$eval("#toolbar button", (buttons) =>
		buttons.filter((button) => /** @type {HTMLElement} */ (button).tabIndex === 0),
	);
	assert.equal(stops.length, 1, "the bar is one stop of Tab");

	await pressUntil("ArrowRight", "help");
	await press("Enter");
	await page.waitForSelector("#help-panel:not([hidden])");
	assert.equal(await focused(), "help-title");
	await press("Escape");
	await page.waitForSelector("#help-panel[hidden]", { state: "attached" });
	assert.equal(await focused(), "screen", "work goes on");

	for (const key of ["ControlLeft", "AltLeft", "ShiftLeft"]) await page.keyboard.down(key);
	for (const key of ["ControlLeft", "AltLeft", "ShiftLeft"]) await page.keyboard.up(key);
	await pressUntil("ArrowRight", "terminate");
	await press("Enter");
	await page.waitForSelector("#confirm[open]");
	await press("Escape");
	await page.waitForSelector("#confirm:not([open])", { state: "attached" });
	assert.equal(await page.getAttribute("html", "data-state"), "running");
});

test("what happens is said in live regions", async () => {
	await browser.load();
	const live = await browser.page.$eval("#status", (element) => [
		element.getAttribute("role"),
		element.getAttribute("aria-live"),
	]);
	assert.deepEqual(live, ["status", "polite"]);
	assert.equal(await browser.page.getAttribute("#form-error", "role"), "alert");
	/** @type {string[]} each text that the status line has shown */
	const said = [];
	await browser.page.exposeFunction("note", (/** @type {string} */ words) => said.push(words));
	await browser.page.evaluate(() => {
		const status = /** @type {HTMLElement} */ (document.getElementById("status"));
		const { note } = /** @type {any} */ (globalThis);
		const changed = new MutationObserver(() => note(status.textContent));
		changed.observe(status, { childList: true, characterData: true });
	});
	await browser.logIn();
	await browser.inState("running");
	browser.agent.bye("agent_lost", "x");
	await browser.inState("error");
	for (const words of [/Logging in/, /Starting IceWM/, /Connected to IceWM/, /has stopped/])
		assert.match(said.join("\n"), words);
});

test("a bar that is not kept goes out of the way, and comes back", async () => {
	const { page } = browser;
	await browser.run();
	await page.click("#pin");
	await page.click("#screen", { position: { x: 300, y: 300 } });
	await page.waitForSelector('[data-bar="hidden"]');
	const height = () => page.$eval("#stage", (stage) => stage.clientHeight);
	assert.equal(await height(), 800, "the screen has the whole window");
	assert.equal(await page.isVisible("#suspend"), false);

	await page.mouse.move(400, 0);
	await page.waitForSelector('[data-bar="over"]');
	assert.equal(await height(), 800, "the bar lies over the screen and moves nothing");
	await page.mouse.move(400, 400);
	await page.waitForSelector('[data-bar="hidden"]');

	for (const key of ["ControlLeft", "AltLeft", "ShiftLeft"]) await page.keyboard.down(key);
	for (const key of ["ControlLeft", "AltLeft", "ShiftLeft"]) await page.keyboard.up(key);
	await page.waitForSelector('[data-bar="over"]');
	await pressUntil("ArrowRight", "pin");
	await press("Enter");
	await page.waitForSelector('[data-bar="fixed"]');
	assert.equal(await height(), 754);
});

test("in full screen the bar hides by itself", async () => {
	const { page } = browser;
	await browser.run();
	await page.click("#fullscreen");
	await page.waitForFunction(() => document.fullscreenElement !== null);
	await page.click("#screen", { position: { x: 300, y: 300 } });
	await page.waitForSelector('[data-bar="hidden"]');
	await page.mouse.move(300, 0);
	await page.waitForSelector('[data-bar="over"]');
	await page.click("#fullscreen");
	await page.waitForSelector('[data-bar="fixed"]');
});

test("in a narrow window the bar folds, and what folded is reached and closed by keys", async () => {
	const { page } = browser;
	await page.setViewportSize({ width: 320, height: 640 });
	await browser.run();
	assert.equal(await page.isVisible("#suspend"), false);
	await page.focus("#more");
	await press("Enter");
	await page.waitForSelector("#suspend");
	await pressUntil("ArrowDown", "suspend");
	await press("Escape");
	assert.equal(await page.isVisible("#suspend"), false);
	assert.equal(await focused(), "more");
	await press("Enter");
	await pressUntil("ArrowDown", "help");
	await press("Enter");
	await page.waitForSelector("#help-panel:not([hidden])");
	assert.deepEqual(await overflowing(), []);
});

test("the language can be changed at any time, and is remembered", async () => {
	const { page } = browser;
	browser.gateway.sessions = [
		sessionRow({ id: "a-1", status: "suspended", age: 7200, attached: false }),
		sessionRow({ id: "a-2", desktop: "XFCE", attached: false }),
	];
	await browser.load();
	await page.fill("#username", "alice");
	await page.selectOption("#language", "de");
	assert.equal(await page.getAttribute("html", "lang"), "de");
	assert.equal(await text("#login-title"), "Anmelden");
	assert.equal(await page.inputValue("#username"), "alice", "what was entered stays");
	await browser.logIn();
	await browser.inState("sessions");
	assert.match(await text('[data-session="a-1"]'), /vor 2 Stunden/);
	await page.selectOption("#language", "en");
	assert.match(await text('[data-session="a-1"]'), /2 hours ago/);
	assert.equal(await text("#sessions-title"), "Your sessions");
	assert.equal(await page.getAttribute("html", "data-state"), "sessions", "still logged in");
	await page.selectOption("#language", "de");
	await page.click("#logout");
	await browser.inState("form");
	await browser.load();
	assert.equal(await text("#login-title"), "Anmelden");
	await page.evaluate(() => localStorage.clear());
});

test("the administrator's title, logo and accent", async () => {
	const { page } = browser;
	const before = { ...browser.gateway.config };
	Object.assign(browser.gateway.config, {
		...{ title: "Institute of Ships", accent: "#ffe600", logo: "favicon.svg" },
	});
	await browser.load();
	await page.waitForSelector("html.branded #brand");
	assert.equal(await page.title(), "Institute of Ships");
	const colours = await page.$eval("#connect", (button) => {
		const style = getComputedStyle(button);
		return [style.backgroundColor, style.color];
	});
	assert.notEqual(colours[0], "rgb(255, 230, 0)", "too bright to be read on white");
	browser.gateway.config = before;
	assert.deepEqual(browser.complaints, []);
});

const MARKUP = '<img src=x onerror="document.title=1"><b>&amp;';
const HOSTILE = [
	MARKUP,
	"\u202etxt.exe\u2066\u200f\u0000\u001b[31m",
	"W".repeat(400),
	"unbreakable".repeat(60),
];

for (const [i, hostile] of HOSTILE.entries())
	test(`foreign text stays text and in its place: ${i}`, async () => {
		const { page } = browser;
		const before = { ...browser.gateway.config };
		Object.assign(browser.gateway.config, {
			title: hostile,
			servers: [{ id: "demo", title: hostile }],
			desktops: [{ id: "ICEWM", title: hostile }],
		});
		browser.gateway.sessions = [
			sessionRow({ id: "a-1", desktop: hostile, server: hostile, attached: false }),
			sessionRow({ id: "a-2", kind: "nx", desktop: hostile, server: hostile }),
		];
		browser.gateway.applications = [{ command: hostile, title: hostile, group: hostile }];
		const elements = () => page.evaluate(() => document.querySelectorAll("b, img").length);
		for (const width of [1280, 320]) {
			await page.setViewportSize({ width, height: 800 });
			await browser.load();
			const own = await elements();
			const refuse = { error: { code: "new_code", message: hostile } };
			browser.gateway.overrides.login = () => ({ status: 401, body: refuse });
			await browser.logIn();
			await page.waitForSelector("#form-error:not([hidden])");
			assert.equal(await page.textContent("#form-error"), hostile);
			assert.deepEqual(await overflowing(), [], "form");
			browser.gateway.overrides = {};

			await browser.logIn();
			await browser.inState("sessions");
			await page.waitForSelector("#applications:not([hidden])");
			assert.deepEqual(await overflowing(), [], "sessions");
			await page.click('[data-session="a-1"] [data-action="takeOver"]');
			await page.waitForSelector("#confirm[open]");
			assert.ok((await text("#confirm-title")).includes(hostile.slice(0, 20).trim()));
			assert.deepEqual(await overflowing(), [], "question");
			await page.click("#confirm-yes");
			await browser.inState("running");
			assert.deepEqual(await overflowing(), [], "running");
			browser.agent.bye("new_code", hostile.replace(/\0/g, "").slice(0, 90));
			await browser.inState("error");
			assert.deepEqual(await overflowing(), [], "error");
			assert.equal(await elements(), own, "no element came of a text");
			await page.click("#relogin");
			await browser.inState("form");
		}
		browser.gateway.config = before;
		const own = browser.complaints.filter((line) => !line.startsWith("Failed to load"));
		assert.deepEqual(own, []);
	});
