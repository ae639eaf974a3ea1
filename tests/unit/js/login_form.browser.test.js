/* SPDX-License-Identifier: ISC */
/* The login form beyond name and password, and what a login brings besides the list: jump hosts,
 * typed servers, waiting after failures, notices, and how sessions are to be opened. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fault, sessionRow } from "../../e2e/standin/gateway.mjs";
import { BrowserPage } from "./browser_page.js";

/** @type {BrowserPage} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {import("../../../www/js/types.js").Config} */
let config;
before(async () => {
	browser = await BrowserPage.open();
	page = browser.page;
	config = structuredClone(browser.gateway.config);
});
after(() => browser.close());
beforeEach(() => {
	Object.assign(browser.gateway, {
		...{ overrides: {}, calls: [], sessions: [], prompts: [], notice: "" },
		config: structuredClone(config),
	});
});

/** @param {string} selector */
const text = async (selector) => (await page.textContent(selector))?.trim() ?? "";
/** @param {string} call */
const last = (call) => browser.gateway.calls.findLast((one) => one.call === call)?.body;
const refuse = () => fault(403, "server_not_allowed", "no");
const refused = () => page.waitForSelector("#form-error:visible");

/* ---- jump hosts, typed servers ---- */

test("an own account on a configured jump host: name and password, no host", async () => {
	browser.gateway.config.servers = [
		{ id: "demo", title: "Demo server" },
		{ id: "lab", title: "Lab", jump: { title: "Gate", user: true }, desktop: "XFCE" },
		{ id: "far", title: "Far", jump: { title: "Gate", user: false } },
		{ id: "den", title: "Den", jump: { title: "Back gate", user: true } },
	];
	browser.gateway.config.native_mode = true;
	browser.gateway.overrides.login = refuse;
	await browser.load();
	assert.equal(await page.isVisible("#proxy"), false);
	assert.ok(await page.isVisible("#native"));
	await page.selectOption("#server", "far");
	assert.equal(await page.isVisible("#proxy"), false);
	await page.selectOption("#server", "lab");
	assert.equal(await page.inputValue("#desktop"), "XFCE");
	assert.equal(await page.isVisible("#native"), false);
	assert.equal(await text("#proxy-summary"), "Your login on the jump host Gate");
	await page.click("#proxy summary");
	assert.equal(await page.isVisible("#proxy-host"), false);
	await page.fill("#proxy-username", " bob ");
	await page.fill("#proxy-password", "secret");
	await browser.logIn();
	await refused();
	assert.deepEqual(last("login"), {
		...{ server: "lab", user: "alice", password: "wonderland" },
		...{ proxy_user: "bob", proxy_password: "secret" },
	});
	assert.equal(await page.inputValue("#proxy-password"), "");
	assert.equal(await page.inputValue("#proxy-username"), " bob ");

	/* What stands in a field that is not offered any more is not sent. */
	await page.fill("#proxy-password", "secret");
	await page.selectOption("#server", "demo");
	assert.equal(await page.inputValue("#proxy-password"), "");
	await browser.logIn();
	await refused();
	assert.deepEqual(Object.keys(last("login")), ["server", "user", "password"]);

	/* A password for one jump host does not go to another. */
	await page.selectOption("#server", "lab");
	await page.fill("#proxy-password", "secret");
	await page.selectOption("#server", "den");
	await browser.logIn();
	await refused();
	assert.deepEqual(Object.keys(last("login")), ["server", "user", "password", "proxy_user"]);
});

test("a typed jump host: without a name nothing of it is sent; empty fields are left out", async () => {
	Object.assign(browser.gateway.config, { other_servers: true, other_jumps: true });
	browser.gateway.overrides.login = refuse;
	await browser.load();
	assert.equal(await page.isVisible("#proxy"), false, "only where the server is typed, too");
	await page.selectOption("#server", "");
	await page.fill("#other-server", "box.example:22");
	await page.click("#proxy summary");
	await page.fill("#proxy-username", "bob");
	await page.fill("#proxy-password", "secret");
	await browser.logIn();
	await refused();
	assert.deepEqual(Object.keys(last("login")), ["host", "user", "password"]);
	await page.fill("#proxy-host", "gate.example:2222");
	await page.fill("#proxy-username", "");
	await page.fill("#password", "");
	await page.click("#connect");
	await page.waitForFunction(() => !document.querySelector("#login-form[aria-busy=true]"));
	await refused();
	assert.deepEqual(last("login"), {
		host: "box.example:22",
		user: "alice",
		proxy_host: "gate.example:2222",
	});
});

test("a kiosk offers neither jump hosts nor other servers", async () => {
	Object.assign(browser.gateway.config, { kiosk: true, other_jumps: true, other_servers: true });
	browser.gateway.config.servers[0].jump = { title: "Gate", user: true };
	await browser.load();
	assert.equal(await page.isVisible("#proxy"), false);
	assert.ok(await page.isDisabled("#proxy-host"));
	assert.ok(await page.isDisabled("#server"));
});

test("what happened at the jump host is told as that", async () => {
	browser.gateway.overrides.login = () =>
		fault(502, "host_key_changed", "x (SHA256:abc)", { hop: "jump" });
	await browser.load();
	await browser.logIn();
	await refused();
	assert.match(await text("#form-error"), /^The jump host shows another.*\(SHA256:abc\)$/);
});

/* ---- waiting ---- */

test("too many failures: the button counts down, once told, and then works again", async () => {
	await page.clock.install();
	await browser.load();
	browser.gateway.overrides.login = () =>
		fault(429, "too_many_attempts", "x", { retry_after: 130 });
	await browser.logIn();
	await refused();
	assert.equal(
		await text("#form-error"),
		"Too many logins from your network have failed. Try again in 3 minutes.",
	);
	assert.equal(await text("#connect-idle"), "Try again in 3 min");
	const told = await page.$("#form-error .unseen");
	await page.clock.runFor(60_000);
	assert.equal(await text("#connect-idle"), "Try again in 70 s");
	assert.ok(await told?.evaluate((element) => element.isConnected), "it is not said again");
	await page.fill("#password", "wonderland");
	await page.keyboard.press("Enter");
	assert.ok(await page.isDisabled("#connect"));
	assert.equal(browser.gateway.calls.filter(({ call }) => call === "login").length, 1);
	assert.equal(await text("#status"), "");
	await page.clock.runFor(70_000);
	assert.equal(await text("#connect-idle"), "Connect");
	assert.equal(await text("#status"), "You can try again now.");
	browser.gateway.overrides = {};
	await page.keyboard.press("Enter");
	await browser.inState("running");
});

test("a start that has to wait: so does its button", async () => {
	await browser.load();
	browser.gateway.overrides.start = () => fault(503, "draining", "x", { retry_after: 2 });
	await browser.logIn();
	await browser.inState("error");
	assert.match(await text("#again"), /^Try again in [12] s$/);
	assert.ok(await page.isDisabled("#again"));
	browser.gateway.overrides = {};
	await page.clock.runFor(2_000);
	await page.click("#again:enabled");
	await browser.inState("running");
});

/* ---- notice ---- */

test("what the server had to say stands above the list until it is closed", async () => {
	browser.gateway.notice = "<b>Expires</b> in 3 days.\nChange it.";
	browser.gateway.sessions = [sessionRow({ status: "suspended" })];
	await browser.load();
	await browser.logIn();
	await browser.inState("sessions");
	assert.equal(await page.innerText("#login-notice-text"), browser.gateway.notice);
	assert.equal(await page.getAttribute("#login-notice", "role"), "status");
	await page.click("#login-notice-dismiss");
	assert.equal(await page.isVisible("#login-notice"), false);
	assert.equal(await page.evaluate(() => document.activeElement?.tagName), "BUTTON");
});

test("it waits for who goes straight to a desktop, and is not shown a second time", async () => {
	browser.gateway.notice = "Expires in 3 days.";
	/** @type {(reply: any) => void} */
	let answer = () => {};
	browser.gateway.overrides.start = () => new Promise((resolve) => (answer = resolve));
	await browser.load();
	await browser.logIn();
	await browser.inState("starting");
	assert.equal(await text("#progress-notice"), "Expires in 3 days.");
	answer({ body: { session: sessionRow(), ws: "/x2gows/20003" } });
	await browser.inState("running");
	browser.gateway.sessions = [sessionRow()];
	await page.click("#disconnect");
	await browser.inState("sessions");
	assert.ok(await page.isVisible("#login-notice"));
	await page.click('[data-action="takeOver"]');
	await page.click("#confirm-yes");
	await browser.inState("running");
	await page.click("#disconnect");
	await browser.inState("sessions");
	assert.equal(await page.isVisible("#login-notice"), false);
	browser.gateway.notice = "";
	await page.click("#logout");
	await browser.logIn();
	await browser.inState("sessions");
	assert.equal(await page.isVisible("#login-notice"), false);
});

/* ---- options ---- */

/** @param {string} call */
const wishes = (call) => {
	const { login: _, id: _id, desktop: _desktop, width, height, layout, ...rest } = last(call);
	assert.ok(width && height && layout);
	return rest;
};

test("options: closed at first; what is chosen goes with start and resume, and is remembered", async () => {
	browser.gateway.sessions = [sessionRow({ id: "a-1", status: "suspended" })];
	await browser.load();
	await browser.logIn();
	await browser.inState("sessions");
	assert.equal(await page.isVisible("#option-dpi"), false);
	assert.equal(await text("#options-chosen"), "");
	await page.click('[data-action="resume"]');
	await browser.inState("running");
	assert.deepEqual(wishes("resume"), {}, "as the server has it");
	await page.click("#disconnect");
	await browser.inState("sessions");
	await page.click("#options summary");
	assert.equal(await text("#option-dpi option"), "Automatic: 96");
	await page.selectOption("#option-clipboard", "client");
	await page.selectOption("#option-quality", "0");
	await page.selectOption("#option-dpi", "144");
	assert.equal(await text("#options-chosen"), "clipboard into the session · quality 0 · 144 DPI");
	await page.selectOption("#new-desktop", "XFCE");
	await page.click("#start");
	await browser.inState("running");
	const chosen = { clipboard: "client", quality: 0, dpi: 144 };
	assert.deepEqual(wishes("start"), chosen);

	/* After a reload, and at the next login. */
	await page.click("#disconnect");
	await page.reload();
	await browser.inState("sessions");
	assert.equal(await page.inputValue("#option-quality"), "0");
	browser.gateway.sessions = [];
	await browser.load();
	await browser.logIn();
	await browser.inState("running");
	assert.deepEqual(wishes("start"), chosen);
});

test("options are each server's own, and can be taken back", async () => {
	browser.gateway.config.servers = [
		{ id: "demo", title: "Demo server" },
		{ id: "lab", title: "__proto__" },
	];
	browser.gateway.sessions = [sessionRow({ id: "a-1", status: "suspended" })];
	await browser.load();
	await page.selectOption("#server", "lab");
	await browser.logIn();
	await browser.inState("sessions");
	assert.equal(await page.inputValue("#option-quality"), "");
	await page.click("#options summary");
	await page.selectOption("#option-quality", "9");
	await page.click("#logout");
	await page.selectOption("#server", "demo");
	await browser.logIn();
	await browser.inState("sessions");
	assert.equal(await page.inputValue("#option-quality"), "0");
	for (const id of ["option-quality", "option-dpi"]) await page.selectOption(`#${id}`, "");
	await page.selectOption("#option-clipboard", "both");
	assert.equal(await text("#options-chosen"), "");
	await page.click('[data-action="resume"]');
	await browser.inState("running");
	assert.deepEqual(wishes("resume"), {});
	await page.evaluate(() => localStorage.clear());
});

test("a kiosk has no options, whatever was remembered", async () => {
	await page.evaluate(() =>
		localStorage.setItem("x2goweb.options", '{"Demo server":{"clipboard":"none"}}'),
	);
	await browser.load("?kiosk=1");
	await browser.logIn();
	await browser.inState("running");
	assert.deepEqual(Object.keys(wishes("start")), ["dpi"]);
	await page.evaluate(() => localStorage.clear());
});

/** @type {[string, string[], RegExp][]} */
const WAYS = [
	["both", ["clipboard-text", "clipboard-send", "clipboard-copy"], /Copy and paste/],
	["client", ["clipboard-text", "clipboard-send"], /nothing comes back/],
	["server", ["clipboard-text", "clipboard-copy"], /nothing goes in/],
	["none", [], /switched off/],
];
for (const [direction, seen, words] of WAYS)
	test(`the clipboard's panel says which way it goes: ${direction}`, async () => {
		await page.evaluate(
			(value) => localStorage.setItem("x2goweb.options", value),
			JSON.stringify({ "Demo server": { clipboard: direction } }),
		);
		const agent = await browser.run();
		await page.click("#clipboard");
		await page.waitForSelector("#clipboard-panel:visible");
		const shown = await page.$$eval("#clipboard-panel :is(textarea, button)", (all) =>
			all.filter((one) => one.getClientRects().length > 0).map(({ id }) => id),
		);
		assert.deepEqual(
			shown.filter((id) => id !== "clipboard-allow"),
			seen,
		);
		assert.match(await text("#clipboard-hint"), words);
		/* By keyboard: the panel has the focus, and Escape closes it. */
		assert.ok(
			await page.evaluate(() => document.activeElement?.closest("#clipboard-panel") !== null),
		);
		assert.equal(
			await page.$eval("#clipboard-text", (one) => /** @type {any} */ (one).readOnly),
			direction === "server" || direction === "none",
		);
		await page.keyboard.press("Escape");
		await page.waitForSelector("#clipboard-panel", { state: "hidden" });

		/* Text that comes without a key is pasted by Shift+Insert; where nothing goes in, by nothing. */
		await page.evaluate(() => {
			const clipboardData = new DataTransfer();
			clipboardData.setData("text/plain", "öffentlich");
			const paste = new ClipboardEvent("paste", { clipboardData, bubbles: true });
			document.getElementById("text-input")?.dispatchEvent(paste);
		});
		await page.keyboard.press("KeyB");
		const INSERT = 118;
		const into = direction === "both" || direction === "client";
		const pressed = (/** @type {number} */ wanted) =>
			agent.until(({ events }) => events.some(({ code }) => code === wanted), "the key");
		await pressed(into ? INSERT : 56);
		assert.equal(
			agent.events.some(({ code }) => code === INSERT),
			into,
		);
		/* The stand-in knows no selections; asking for one, which the panel does, is event 11. */
		const asked = agent.faults.some(({ message }) => /type 11$/.test(message));
		assert.equal(asked, direction === "both" || direction === "server");
		await page.evaluate(() => localStorage.clear());
	});

test("the page never broke its policy or threw", () => {
	const own = browser.complaints.filter((line) => !line.startsWith("Failed to load resource"));
	assert.deepEqual(own, []);
});
