/* SPDX-License-Identifier: ISC */
/* The page in Chromium before a stand-in gateway: login, list, input, and how sessions end. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fault, sessionRow } from "../../e2e/standin/gateway.mjs";
import { BrowserPage, GREY } from "./browser_page.js";

/** @type {BrowserPage} */
let browser;
before(async () => {
	browser = await BrowserPage.open();
});
after(() => browser.close());
beforeEach(() => {
	browser.gateway.overrides = {};
	browser.gateway.calls = [];
});

/** @param {string} selector */
const text = async (selector) => (await browser.page.textContent(selector))?.trim();

test("every element that others rely on is there", async () => {
	const ids =
		"server username password proxy-host proxy-username proxy-password desktop connect " +
		"session-list screen status suspend terminate disconnect fullscreen clipboard stats";
	const missing = await browser.page.evaluate(
		(wanted) => wanted.filter((id) => !document.getElementById(id)),
		ids.split(" "),
	);
	assert.deepEqual(missing, []);
	assert.equal(await browser.page.isVisible("#proxy"), false);
});

test("a refused login: the gateway's text by the form, the password gone, and a second try", async () => {
	await browser.load();
	browser.gateway.sessions = [];
	const message = "<img src=x onerror=alert(1)> is wrong";
	browser.gateway.overrides.login = () => fault(401, "of_tomorrow", message);
	await browser.logIn();
	await browser.page.waitForSelector("#form-error:not([hidden])");
	assert.equal(await text("#form-error"), message);
	assert.equal(await browser.page.inputValue("#password"), "");
	assert.equal(await browser.page.getAttribute("html", "data-state"), "form");
	browser.gateway.overrides = {};
	await browser.logIn();
	await browser.inState("running");
	assert.equal(await browser.page.inputValue("#password"), "");
	assert.deepEqual(browser.gateway.calls.find(({ call }) => call === "login")?.body, {
		server: "demo",
		user: "alice",
		password: "wonderland",
	});
	const stored = await browser.page.evaluate(() =>
		JSON.stringify([{ ...localStorage }, Object.keys(sessionStorage), { ...sessionStorage }]),
	);
	assert.match(stored, /^\[\{\},\["x2goweb.login"\],/);
	assert.ok(!stored.includes("wonderland"), "the password is stored");
});

test("jump host and another server, where the gateway offers them", async () => {
	Object.assign(browser.gateway.config, { other_jumps: true, other_servers: true });
	browser.gateway.overrides.login = () => fault(403, "server_not_allowed", "no");
	await browser.load();
	await browser.page.selectOption("#server", "");
	await browser.page.fill("#other-server", " box.example ");
	await browser.page.click("#proxy summary");
	await browser.page.fill("#proxy-host", "jump.example");
	await browser.page.fill("#proxy-username", "bob");
	await browser.page.fill("#proxy-password", "secret");
	await browser.logIn();
	await browser.page.waitForSelector("#form-error:not([hidden])");
	assert.deepEqual(browser.gateway.calls.find(({ call }) => call === "login")?.body, {
		host: "box.example",
		user: "alice",
		password: "wonderland",
		proxy_host: "jump.example",
		proxy_user: "bob",
		proxy_password: "secret",
	});
	assert.equal(await browser.page.inputValue("#proxy-password"), "");
	Object.assign(browser.gateway.config, { other_jumps: false, other_servers: false });
});

test("a gateway that cannot be reached is said at the form", async () => {
	browser.gateway.overrides.config = () => ({ status: 502, body: {} });
	await browser.page.goto(browser.url);
	await browser.page.waitForSelector("#form-error:not([hidden])");
	assert.match((await text("#form-error")) ?? "", /status 502/);
	browser.complaints.length = 0;
});

test("sessions are listed with what can be done; foreign text is text", async () => {
	await browser.load();
	browser.gateway.sessions = [
		sessionRow({ id: "a-1", status: "suspended", attached: false }),
		sessionRow({ id: "a-2", desktop: "<b>bold</b>" }),
		sessionRow({ id: "a-3", kind: "nx" }),
		sessionRow({ id: "a-4", status: "starting" }),
		sessionRow({ id: "a-5", status: "terminated" }),
	];
	await browser.logIn();
	await browser.inState("sessions");
	const cards = await browser.page.$$eval("#session-list li", (items) =>
		items.map((item) => [
			item.dataset.session,
			...[...item.querySelectorAll("button")].map((button) => button.dataset.action),
		]),
	);
	assert.deepEqual(cards, [
		["a-1", "resume", "terminate"],
		["a-2", "takeOver", "suspend", "terminate"],
		["a-3", "suspend", "terminate"],
		["a-4"],
	]);
	assert.equal(await text('[data-session="a-2"] h2'), "<b>bold</b>");
	const offered = await browser.page.$$eval("#new-desktop option", (options) =>
		options.map(({ textContent }) => textContent),
	);
	assert.deepEqual(offered, ["IceWM", "Xfce"]);
});

test("from the list: suspend, terminate after asking, take over after asking", async () => {
	await browser.page.click('[data-session="a-2"] [data-action="suspend"]');
	await browser.page.waitForSelector('[data-session="a-2"][data-status="suspended"]');
	await browser.page.click('[data-session="a-2"] [data-action="terminate"]');
	await browser.page.click("#confirm-no");
	assert.ok(!browser.gateway.calls.some(({ call }) => call === "terminate"));
	await browser.page.click('[data-session="a-2"] [data-action="terminate"]');
	await browser.page.click("#confirm-yes");
	await browser.page.waitForSelector('[data-session="a-2"]', { state: "detached" });
	browser.gateway.sessions = [sessionRow({ id: "a-6" })];
	await browser.page.click("#refresh");
	await browser.page.click('[data-session="a-6"] [data-action="takeOver"]');
	await browser.page.click("#confirm-yes");
	await browser.inState("running");
	assert.equal(browser.gateway.calls.findLast(({ call }) => call === "resume")?.body.id, "a-6");
});

test("a failure in the list is said above it", async () => {
	await browser.page.click("#disconnect");
	await browser.inState("sessions");
	browser.gateway.overrides.suspend = () =>
		fault(409, "session_busy", "Somebody else was first.");
	await browser.page.click('[data-session="a-6"] [data-action="suspend"]');
	await browser.page.waitForSelector("#sessions-error:not([hidden])");
	assert.match((await text("#sessions-error")) ?? "", /^Something else is being done/);
});

test("a desktop that is not installed leads to the list, which says so", async () => {
	await browser.load();
	browser.gateway.sessions = [];
	await browser.page.selectOption("#desktop", "LXQT");
	await browser.logIn();
	await browser.inState("sessions");
	assert.match((await text("#sessions-error")) ?? "", /LXQt is not installed/);
	assert.ok(await browser.page.isVisible("#no-sessions"));
});

test("a start that fails says why, and can be tried again", async () => {
	await browser.load();
	browser.gateway.sessions = [];
	browser.gateway.overrides.start = () => fault(502, "start_failed", "The server has no room.");
	await browser.logIn();
	await browser.inState("error");
	assert.match((await text("#outcome-message")) ?? "", /could not be started/);
	assert.match((await text("#status")) ?? "", /could not be started/);
	browser.gateway.overrides = {};
	await browser.page.click("#again");
	await browser.inState("running");
});

test("a login that is over leads back to the form from anywhere", async () => {
	await browser.run();
	const message = "Your login has ended.";
	browser.gateway.overrides.suspend = () => fault(401, "not_logged_in", message);
	await browser.page.click("#suspend");
	await browser.inState("form");
	assert.match((await text("#form-error")) ?? "", /^Your login has ended/);
});

test("suspend and terminate from the session lead to the list", async () => {
	const agent = await browser.run();
	await browser.page.click("#suspend");
	await browser.inState("sessions");
	assert.match((await text("#status")) ?? "", /Session suspended/);
	await agent.closed;
	await browser.page.click('[data-action="resume"]');
	await browser.inState("running");
	await browser.page.click("#terminate");
	await browser.page.click("#confirm-no");
	assert.equal(await browser.page.getAttribute("html", "data-state"), "running");
	await browser.page.click("#terminate");
	await browser.page.click('dialog[open] [value="confirm"]');
	await browser.inState("sessions");
	await browser.page.waitForSelector("#no-sessions");
});

test("the relay's goodbye may come before the answer to suspend", async () => {
	const agent = await browser.run();
	await browser.page.evaluate(() => {
		const { dataset } = document.documentElement;
		const note = () => (dataset.states = `${dataset.states ?? ""} ${dataset.state}`);
		new MutationObserver(note).observe(document.documentElement, {
			attributeFilter: ["data-state"],
		});
	});
	browser.gateway.overrides.suspend = async () => {
		agent.bye("suspended", "");
		await agent.closed;
		return { body: { session: sessionRow({ status: "suspended" }) } };
	};
	await browser.page.click("#suspend");
	await browser.inState("sessions");
	assert.equal(await browser.page.getAttribute("html", "data-states"), " sessions");
});

test("a suspend that fails leaves the session running, and says so", async () => {
	await browser.run();
	browser.gateway.overrides.suspend = () => fault(504, "timeout", "The server was too slow.");
	await browser.page.click("#suspend");
	await browser.page.waitForSelector("#status.fault");
	assert.match((await text("#status")) ?? "", /took too long/);
	assert.ok(await browser.page.isEnabled("#suspend"));
	assert.equal(await browser.page.getAttribute("html", "data-state"), "running");
});

/** @type {[string, (agent: any) => void, string, RegExp][]} */
const ENDS = [
	["suspended elsewhere", (agent) => agent.bye("suspended", "x"), "ended", /Session suspended/],
	["taken over", (agent) => agent.bye("replaced", "x"), "ended", /Opened elsewhere/],
	["ended on the server", (agent) => agent.bye("ended", "x"), "ended", /Session ended/],
	[
		"a dead agent",
		(agent) => agent.bye("agent_lost", "x (xeyes)"),
		"error",
		/has stopped[^]*xeyes/,
	],
];
for (const [name, end, state, words] of ENDS)
	test(`the stream ends: ${name}`, async () => {
		end(await browser.run());
		await browser.inState(state);
		assert.match((await text("#outcome")) ?? "", words);
		assert.match((await text("#status")) ?? "", words);
		await browser.page.click("#back");
		await browser.inState("sessions");
		await browser.page.click("#logout");
		await browser.inState("form");
		assert.equal(browser.gateway.calls.at(-1)?.call, "logout");
	});

test("a cancelled start is not shown when it comes after all", async () => {
	await browser.load();
	browser.gateway.sessions = [];
	/** @type {(reply: any) => void} */
	let answer = () => {};
	browser.gateway.overrides.start = () => new Promise((resolve) => (answer = resolve));
	await browser.logIn();
	await browser.inState("starting");
	await browser.page.click("#cancel");
	await browser.inState("sessions");
	const streams = browser.agents.length;
	const replied = browser.page.waitForResponse(/rpc\/start/);
	answer({ body: { session: sessionRow(), ws: "/x2gows/20003" } });
	await (await replied).finished();
	await browser.page.waitForTimeout(200);
	assert.equal(await browser.page.getAttribute("html", "data-state"), "sessions");
	assert.equal(browser.agents.length, streams);
});

test("keys reach the agent by position; what differs by Shift needs no time in between", async () => {
	const agent = await browser.run();
	const { keyboard } = browser.page;
	await keyboard.down("ShiftLeft");
	await keyboard.press("KeyA");
	await keyboard.up("ShiftLeft");
	await keyboard.press("Control+KeyC");
	await keyboard.press("KeyB");
	await agent.until(({ events }) => events.some(({ code }) => code === 56), "the last key");
	const messages = agent.messages.map(({ events }) =>
		events.map(({ type, code, mask }) => `${type} ${code} ${mask}`),
	);
	assert.deepEqual(messages, [
		["key-press 38 1", "key-release 50 0"],
		["key-press 54 4"],
		["key-release 37 0"],
		["key-press 56 0"],
	]);
});

test("when the focus goes, nothing stays down", async () => {
	const agent = await browser.run();
	await browser.page.keyboard.down("ControlLeft");
	await agent.until(({ events }) => events.some(({ mask }) => mask === 4), "Control held");
	await browser.page.evaluate(() => document.getElementById("suspend")?.focus());
	await agent.until(
		({ events }) =>
			events.some(
				({ type, code, mask }) => type === "key-release" && code === 37 && mask === 0,
			),
		"release of Control",
	);
	await browser.page.keyboard.up("ControlLeft");
});

test("Control, Alt and Shift lead from the screen to the toolbar", async () => {
	await browser.run();
	const keys = ["ControlLeft", "AltLeft", "ShiftLeft"];
	for (const key of keys) await browser.page.keyboard.down(key);
	for (const key of keys) await browser.page.keyboard.up(key);
	const inBar = () => Boolean(document.activeElement?.closest("#toolbar"));
	assert.equal(await browser.page.evaluate(inBar), true);
});

test("pointer, buttons and wheel reach the agent where they were", async () => {
	const agent = await browser.run();
	const { mouse, keyboard } = browser.page;
	const top = 46;
	await mouse.move(100, top + 50);
	await mouse.down();
	await mouse.move(630, top + 390);
	await mouse.move(900, top + 900);
	await mouse.up();
	await mouse.click(10, top + 20, { button: "right" });
	await keyboard.down("ControlLeft");
	await mouse.wheel(0, 200);
	await agent.until(
		({ events }) =>
			events.filter(({ type, code }) => type === "button-release" && code === 5).length === 2,
		"the wheel",
	);
	await keyboard.up("ControlLeft");
	const buttons = [];
	let at = "";
	for (const event of agent.events) {
		if (event.type === "motion") at = `${event.x},${event.y}`;
		else if (String(event.type).startsWith("button"))
			buttons.push(`${event.type} ${event.code}/${event.mask} at ${at}`);
	}
	assert.deepEqual(buttons, [
		"button-press 1/0 at 100,50",
		"button-release 1/0 at 639,399",
		"button-press 3/0 at 10,20",
		"button-release 3/0 at 10,20",
		...["button-press 5/4 at 10,20", "button-release 5/4 at 10,20"],
		...["button-press 5/4 at 10,20", "button-release 5/4 at 10,20"],
	]);
});

test("statistics come and go", async () => {
	await browser.run();
	await browser.page.click("#stats");
	await browser.page.waitForSelector("#stats-panel dd");
	assert.match((await text("#stats-panel")) ?? "", /640 × 400/);
	await browser.page.click("#stats");
	assert.equal(await browser.page.isVisible("#stats-panel"), false);
});

test("the page never broke its policy, threw or sent half an event", () => {
	/* A refused call is in the browser's own log, as it should be. */
	const own = browser.complaints.filter((line) => !line.startsWith("Failed to load resource"));
	assert.deepEqual(own, []);
	assert.deepEqual(
		browser.agents.flatMap(({ faults }) => faults),
		[],
	);
});

test("the page works as it is in its sources, too", async () => {
	const loose = await BrowserPage.open({
		www: fileURLToPath(new URL("../../../www", import.meta.url)),
	});
	try {
		await loose.run();
		assert.equal(loose.page.workers().length, 2);
		assert.deepEqual(await loose.pixelsBecome([[320, 200]], [GREY]), [GREY]);
		assert.deepEqual(loose.complaints, []);
	} finally {
		await loose.close();
	}
});
