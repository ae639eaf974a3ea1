/* SPDX-License-Identifier: ISC */
/*
 * The ways through the page, in Chromium before a stand-in gateway: the list of sessions, what can
 * be started, reloads, leaving, the address's wishes, kiosk and native mode.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { fault, sessionRow } from "../../e2e/standin/gateway.mjs";
import { BrowserPage } from "./browser_page.js";

/** @type {BrowserPage} */
let browser;
/** @type {typeof browser.gateway.config} */
let config;
before(async () => {
	browser = await BrowserPage.open();
	config = structuredClone(browser.gateway.config);
});
after(() => browser.close());
beforeEach(() => {
	Object.assign(browser.gateway, {
		overrides: {},
		calls: [],
		sessions: [],
		applications: [],
		config: structuredClone(config),
	});
});

/** @param {string} selector */
const text = async (selector) => (await browser.page.textContent(selector))?.trim() ?? "";
/** @param {string} call */
const callsOf = (call) => browser.gateway.calls.filter((one) => one.call === call);
const suspended = (changes = {}) =>
	sessionRow({ status: "suspended", attached: false, ...changes });
/** @param {ReturnType<typeof sessionRow>[]} rows */
async function list(...rows) {
	browser.gateway.sessions = rows;
	await browser.load();
	await browser.logIn();
	await browser.inState("sessions");
}
/** The page looks again as it does every few seconds. */
const lookAgain = () =>
	browser.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
const focused = () =>
	browser.page.evaluate(() => {
		const element = /** @type {HTMLElement} */ (document.activeElement);
		const { session } = element.closest("li")?.dataset ?? {};
		return `${session ?? ""} ${element.dataset.action ?? element.id}`;
	});

test("what cannot be shown here says why, and what can be done", async () => {
	const program = "<i>gimp</i>";
	await list(
		sessionRow({ id: "a-1", kind: "application", desktop: program, attached: false }),
		suspended({ id: "a-2", kind: "nx", age: 7300 }),
		suspended({ id: "a-3", kind: "other" }),
	);
	assert.equal(await text('[data-session="a-1"] h2'), program);
	assert.match(await text('[data-session="a-1"] .why'), /single application.*X2Go client/i);
	assert.match(await text('[data-session="a-2"] .why'), /NX session.*X2Go client/);
	assert.match(
		await text('[data-session="a-2"]'),
		/Display\s50 on x2gohost, started 2 hours ago/,
	);
	assert.match(await text('[data-session="a-3"] .why'), /browsers cannot show/);
	const actions = await browser.page.$$eval("#session-list button", (buttons) =>
		buttons.map(({ dataset }) => dataset.action),
	);
	assert.deepEqual(actions, ["suspend", "terminate", "terminate", "terminate"]);
	assert.equal(await browser.page.isVisible(".offered"), false);
});

test("one session that can be resumed is offered first, with a big button that has the focus", async () => {
	await list(sessionRow({ id: "a-1" }), suspended({ id: "a-2", desktop: "XFCE" }));
	const ids = await browser.page.$$eval("#session-list li", (cards) =>
		cards.map(({ dataset }) => dataset.session),
	);
	assert.deepEqual(ids, ["a-2", "a-1"]);
	assert.equal(await focused(), "a-2 resume");
	const button = '.offered [data-action="resume"]';
	assert.equal(await text(button), "Continue where you left off");
	assert.match((await browser.page.getAttribute(button, "aria-label")) ?? "", /Xfce/);
	await browser.page.keyboard.press("Enter");
	await browser.inState("running");
	assert.equal(callsOf("resume")[0].body.id, "a-2");
});

test("of two that can be resumed none is offered before the other", async () => {
	await list(suspended({ id: "a-1" }), suspended({ id: "a-2" }));
	assert.equal(await browser.page.isVisible(".offered"), false);
	assert.equal(await text('[data-session="a-1"] [data-action="resume"]'), "Resume");
});

test("a change made elsewhere appears; focus, scroll and cards stay", async () => {
	const rows = [1, 2, 3, 4, 5].map((n) => sessionRow({ id: `a-${n}`, age: n }));
	await list(...rows);
	await browser.page.focus('[data-session="a-4"] [data-action="suspend"]');
	const card = await browser.page.$('[data-session="a-4"]');
	const top = () => card?.evaluate((element) => Math.round(element.getBoundingClientRect().top));
	const before = await top();
	browser.gateway.sessions = rows.map((row) => ({
		...row,
		age: 600,
		status: row.id === "a-3" ? "suspended" : row.status,
	}));
	await lookAgain();
	await browser.page.waitForSelector('[data-session="a-3"][data-status="suspended"]');
	assert.match(await text('[data-session="a-4"]'), /10 minutes ago/);
	assert.equal(await focused(), "a-4 suspend");
	assert.equal(await top(), before);
	assert.ok(await card?.evaluate((element) => element.isConnected));
	browser.gateway.sessions = [];
	await lookAgain();
	await browser.page.waitForSelector("#no-sessions:visible");
	assert.equal(await focused(), " sessions-title");
});

test("suspending what runs elsewhere asks; two clicks do it once", async () => {
	await list(sessionRow({ id: "a-1", attached: false }), sessionRow({ id: "a-2" }));
	await browser.page.click('[data-session="a-1"] [data-action="suspend"]');
	await browser.page.click("#confirm-no");
	assert.deepEqual(callsOf("suspend"), []);
	await browser.page.evaluate(() => {
		const button = document.querySelector('[data-session="a-2"] [data-action="suspend"]');
		for (let i = 0; i < 2; i++) /** @type {HTMLElement} */ (button).click();
	});
	await browser.page.waitForSelector('[data-session="a-2"][data-status="suspended"]');
	assert.deepEqual(
		callsOf("suspend").map(({ body }) => body.id),
		["a-2"],
	);
	await browser.page.evaluate(() => {
		const button = document.querySelector('[data-session="a-1"] [data-action="takeOver"]');
		for (let i = 0; i < 2; i++) /** @type {HTMLElement} */ (button).click();
	});
	await browser.page.click("#confirm-yes");
	await browser.inState("running");
	assert.equal(callsOf("resume").length, 1);
});

/** @param {number} count */
const programs = (count) =>
	Array.from({ length: count }, (_, i) => ({
		command: `prog${i} -x`,
		title: `Program ${i}`,
		group: ["Office", "Graphics", "constructor"][i % 3],
	}));

test("while one session is being changed, another can be", async () => {
	await list(sessionRow({ id: "a-1" }), sessionRow({ id: "a-2" }));
	/** @type {(() => void)[]} */
	const answers = [];
	browser.gateway.overrides.suspend = async ({ id }) => {
		await new Promise((resolve) => answers.push(() => resolve(undefined)));
		const session = suspended({ id });
		browser.gateway.sessions = browser.gateway.sessions.map((row) =>
			row.id === id ? session : row,
		);
		return { body: { session } };
	};
	await browser.page.click('[data-session="a-1"] [data-action="suspend"]');
	assert.ok(await browser.page.isDisabled('[data-session="a-1"] [data-action="terminate"]'));
	await browser.page.click('[data-session="a-2"] [data-action="suspend"]');
	await browser.page.waitForSelector('[data-session="a-2"][aria-busy="true"]');
	while (answers.length < 2) await browser.page.waitForTimeout(20);
	for (const answer of answers) answer();
	for (const id of ["a-1", "a-2"])
		await browser.page.waitForSelector(
			`[data-session="${id}"][data-status="suspended"][aria-busy="false"]`,
		);
});

test("what becomes of a change after the logout is nothing to the next login", async () => {
	await list(sessionRow({ id: "a-1" }));
	/** @type {(reply: any) => void} */
	let answer = () => {};
	browser.gateway.overrides.suspend = () => new Promise((resolve) => (answer = resolve));
	await browser.page.click('[data-session="a-1"] [data-action="suspend"]');
	await browser.page.waitForSelector('[data-session="a-1"][aria-busy="true"]');
	await browser.page.click("#logout");
	await browser.inState("form");
	const { sessions } = browser.gateway;
	const login = "00112233445566aa";
	const desktops = browser.gateway.installed;
	browser.gateway.overrides.login = () => ({
		body: { login, state: "ready", sessions, desktops },
	});
	await browser.logIn();
	await browser.inState("sessions");
	const told = browser.page.waitForResponse(/rpc\/suspend/);
	answer(fault(401, "not_logged_in", "x"));
	await (await told).finished();
	/* A call that is made after it has an answer after it. */
	const listed = browser.page.waitForResponse(/rpc\/sessions/);
	await lookAgain();
	await listed;
	assert.equal(await browser.page.getAttribute("html", "data-state"), "sessions");
});

test("a few applications: a plain list; one starts with its command", async () => {
	browser.gateway.applications = [
		{ command: "xterm -ls", title: "<b>Terminal</b>", group: "System" },
	];
	await list(sessionRow());
	await browser.page.click("#applications button");
	await browser.inState("running");
	const [{ body }] = callsOf("start");
	assert.equal(body.command, "xterm -ls");
	assert.ok(!("desktop" in body));
	assert.match(await text("#status"), /Connected to <b>Terminal<\/b>/);
	assert.equal(callsOf("applications").length, 1);
});

test("many applications: groups, and a search", async () => {
	browser.gateway.applications = programs(30);
	await list(sessionRow());
	await browser.page.waitForSelector("#application-search:visible");
	const groups = () =>
		browser.page.$$eval("#application-list h3", (all) => all.map((h) => h.textContent));
	assert.deepEqual(await groups(), ["Graphics", "Office", "Other"]);
	await browser.page.fill("#application-search", "office 12");
	assert.deepEqual(await groups(), ["Office"]);
	assert.equal(await text("#application-list li"), "Program 12");
	await browser.page.fill("#application-search", "nothing like it");
	assert.equal(await text("#applications-note"), "No application has that name.");
});

test("applications that cannot be read are told of in their place", async () => {
	browser.gateway.overrides.applications = () => fault(504, "timeout", "Too slow.");
	await list(sessionRow());
	await browser.page.waitForSelector("#applications:visible");
	assert.match(await text("#applications-note"), /could not be read/);
	browser.gateway.overrides = {};
	browser.gateway.applications = programs(1);
	await browser.page.click("#refresh");
	await browser.page.waitForSelector("#applications button");
	assert.equal(await text("#applications-note"), "");
});

test("a reload comes back to the list without a login", async () => {
	await list(suspended({ id: "a-1" }), suspended({ id: "a-2" }));
	/** @type {() => void} */
	let answer = () => {};
	const sessions = new Promise((resolve) => (answer = () => resolve(undefined)));
	browser.gateway.overrides.sessions = async () => {
		await sessions;
		return { body: { sessions: browser.gateway.sessions } };
	};
	await browser.page.reload();
	await browser.page.waitForSelector('html[data-state="authenticating"] #server option', {
		state: "attached",
	});
	assert.ok(await browser.page.isDisabled("#connect"), "it is on its way already");
	answer();
	await browser.inState("sessions");
	await browser.page.waitForSelector('[data-session="a-2"]');
	assert.equal(callsOf("login").length, 1);
	assert.equal(await text("#who"), "alice · Demo server");
	assert.equal(await browser.page.inputValue("#new-desktop"), "ICEWM");
});

test("a reload of a running session asks, and comes back to it", async () => {
	await browser.run();
	/** @type {string[]} */
	const asked = [];
	/** @param {import("playwright-core").Dialog} dialog */
	const answer = (dialog) => {
		asked.push(dialog.type());
		return asked.length === 1 ? dialog.dismiss() : dialog.accept();
	};
	browser.page.on("dialog", answer);
	await browser.page.click("#screen");
	await browser.page.evaluate(() => setTimeout(() => location.reload(), 0));
	await browser.page.waitForTimeout(300);
	assert.deepEqual(asked, ["beforeunload"]);
	assert.equal(await browser.page.getAttribute("html", "data-state"), "running");
	await browser.page.reload();
	await browser.inState("running");
	browser.page.off("dialog", answer);
	assert.equal(callsOf("login").length, 1);
	assert.equal(callsOf("resume")[0].body.id, browser.gateway.sessions[0].id);
	assert.deepEqual(asked, ["beforeunload", "beforeunload"]);
});

test("nothing asks once the user has disconnected, and a reload then stays at the list", async () => {
	await browser.run();
	await browser.page.click("#screen");
	await browser.page.click("#disconnect");
	await browser.inState("sessions");
	let asked = 0;
	const count = () => void asked++;
	browser.page.once("dialog", count);
	await browser.page.reload();
	await browser.inState("sessions");
	browser.page.off("dialog", count);
	assert.equal(asked, 0);
	assert.deepEqual(callsOf("resume"), []);
});

test("back and forward: away from a running session and to it again", async () => {
	await browser.run();
	await browser.page.goto(`${browser.url}favicon.svg`);
	await browser.page.goBack();
	await browser.inState("running");
	assert.equal(callsOf("login").length, 1);
});

test("a session that was taken over elsewhere is not taken back by a reload", async () => {
	const agent = await browser.run();
	agent.bye("replaced", "x");
	await browser.inState("ended");
	await browser.page.reload();
	await browser.inState("sessions");
	assert.deepEqual(callsOf("resume"), []);
});

test("on the way back the user gives up: the login is over", async () => {
	await list(sessionRow());
	browser.gateway.overrides.sessions = () => new Promise(() => {});
	await browser.page.reload();
	await browser.inState("authenticating");
	await browser.page.waitForSelector("#connect:disabled");
	const loggedOut = browser.page.waitForRequest(/rpc\/logout/);
	await browser.page.click("#cancel-login");
	await browser.inState("form");
	assert.deepEqual((await loggedOut).postDataJSON(), { login: "0123456789abcdef" });
	await browser.page.reload();
	await browser.page.waitForSelector("#connect:enabled");
	assert.equal(await browser.page.getAttribute("html", "data-state"), "form");
});

test("a reload after the login has ended: the form says so, and the next reload is silent", async () => {
	await list(sessionRow());
	browser.gateway.overrides.sessions = () => fault(401, "not_logged_in", "Over.");
	await browser.page.reload();
	await browser.page.waitForSelector("#form-error:visible");
	assert.match(await text("#form-error"), /login/i);
	await browser.page.reload();
	await browser.page.waitForSelector("#connect:enabled");
	assert.equal(await browser.page.isVisible("#form-error"), false);
	assert.equal(await browser.page.evaluate(() => sessionStorage.getItem("x2goweb.login")), null);
});

test("a logout is remembered too", async () => {
	await list(sessionRow());
	await browser.page.click("#logout");
	await browser.inState("form");
	await browser.page.reload();
	await browser.page.waitForSelector("#connect:enabled");
	assert.equal(await browser.page.getAttribute("html", "data-state"), "form");
});

test("two submits log in once; cancelling closes the request, by which the gateway knows", async () => {
	browser.gateway.overrides.login = () => new Promise(() => {});
	await browser.load();
	await browser.logIn();
	await browser.inState("authenticating");
	await browser.page.press("#username", "Enter");
	await browser.page.click("#cancel-login");
	await browser.inState("form");
	while (!callsOf("login")[0].givenUp) await browser.page.waitForTimeout(10);
	assert.equal(callsOf("login").length, 1);
	assert.deepEqual(callsOf("logout"), []);
});

test("a cancelled login that comes after all is logged out", async () => {
	/** @type {(reply: any) => void} */
	let reply = () => {};
	browser.gateway.overrides.login = () => new Promise((resolve) => (reply = resolve));
	await browser.load();
	await browser.page.evaluate(() => {
		/* The answer and the cancelling cross. */
		const { fetch } = window;
		window.fetch = (address, options) => fetch(address, { ...options, signal: null });
	});
	await browser.logIn();
	await browser.inState("authenticating");
	await browser.page.click("#cancel-login");
	await browser.inState("form");
	const loggedOut = browser.page.waitForRequest(/rpc\/logout/);
	const login = "00112233445566aa";
	reply({ body: { login, state: "ready", sessions: [], desktops: [] } });
	assert.deepEqual((await loggedOut).postDataJSON(), { login });
	assert.equal(callsOf("login").length, 1);
	assert.equal(await browser.page.getAttribute("html", "data-state"), "form");
	assert.ok(await browser.page.isEnabled("#connect"));
});

test("a gateway that comes up later needs no reload", async () => {
	browser.gateway.overrides.config = () => ({ status: 502, body: {} });
	await browser.page.goto(browser.url);
	await browser.page.waitForSelector("#form-error:visible");
	browser.gateway.overrides = {};
	await browser.page.waitForSelector("#connect:enabled", { timeout: 15_000 });
	assert.equal(await browser.page.isVisible("#form-error"), false);
});

test("the address fills in the form", async () => {
	await browser.load("?server=demo&user=bob&desktop=XFCE&size=800x600");
	assert.equal(await browser.page.inputValue("#username"), "bob");
	assert.equal(await browser.page.inputValue("#desktop"), "XFCE");
	assert.equal(await browser.page.evaluate(() => document.activeElement?.id), "password");
	await browser.page.fill("#password", "wonderland");
	await browser.page.click("#connect");
	await browser.inState("running");
	const { desktop, width, height } = callsOf("start")[0].body;
	assert.deepEqual({ desktop, width, height }, { desktop: "XFCE", width: 800, height: 600 });
});

test("servers and desktops that are not offered are refused in words", async () => {
	await browser.load(`?server=${encodeURIComponent("<b>evil</b>.example")}`);
	assert.match(await text("#form-error"), /“<b>evil<\/b>.example”, which this gateway/);
	assert.equal(await browser.page.inputValue("#server"), "demo");
	await browser.load("?desktop=NONE");
	assert.match(await text("#form-error"), /“NONE”, which is not offered/);
	browser.gateway.config.other_servers = true;
	await browser.load("?server=box.example");
	assert.equal(await browser.page.inputValue("#other-server"), "box.example");
	assert.equal(await browser.page.isVisible("#form-error"), false);
});

test("a password in the address is not used, leaves the address bar, and it is said", async () => {
	await browser.load("?user=alice&password=wonderland&lang=en#pass=wonderland");
	assert.equal(browser.page.url(), `${browser.url}?user=alice&lang=en`);
	assert.equal(await browser.page.inputValue("#password"), "");
	assert.match(await text("#form-note"), /please change it/);
	assert.ok(!JSON.stringify(browser.gateway.calls).includes("wonderland"));
});

test("kiosk: one server, one desktop, and back to the form at the end", async () => {
	await browser.load("?kiosk=1&desktop=XFCE&user=alice");
	for (const id of ["server", "desktop"]) assert.ok(await browser.page.isDisabled(`#${id}`), id);
	assert.ok(await browser.page.isVisible("#kiosk-fullscreen"));
	browser.gateway.sessions = [sessionRow({ id: "a-1", attached: false })];
	await browser.page.fill("#password", "wonderland");
	await browser.page.click("#connect");
	await browser.inState("running");
	assert.equal(callsOf("start")[0].body.desktop, "XFCE");
	assert.ok(await browser.page.evaluate(() => document.fullscreenElement !== null));
	browser.agent.bye("ended", "x");
	await browser.inState("form");
	assert.match(await text("#status"), /Session ended/);
	assert.equal(callsOf("logout").length, 1);
	assert.equal(await browser.page.inputValue("#desktop"), "XFCE");
});

test("kiosk by configuration: the address cannot end it; a session is gone on with", async () => {
	browser.gateway.config.kiosk = true;
	browser.gateway.config.native_mode = true;
	await browser.page.goto(`${browser.url}?kiosk=0&server=evil.example`);
	await browser.page.waitForSelector("#form-error:visible");
	assert.ok(await browser.page.isDisabled("#connect"));
	await browser.load("?kiosk=0");
	assert.equal(await browser.page.isVisible("#native"), false);
	browser.gateway.sessions = [
		suspended({ id: "a-1" }),
		suspended({ id: "a-2", desktop: "XFCE" }),
	];
	await browser.logIn();
	await browser.inState("running");
	assert.equal(callsOf("resume")[0].body.id, "a-1");
	/* In full screen the bar hides, sooner than a busy machine gets to press it. */
	await browser.page.evaluate(() => document.getElementById("disconnect")?.click());
	await browser.inState("form");
});

test("kiosk: a session that runs elsewhere is taken over after asking only", async () => {
	browser.gateway.sessions = [sessionRow({ id: "a-1", attached: false })];
	await browser.load("?kiosk");
	await browser.logIn();
	await browser.page.click("#confirm-no");
	await browser.inState("form");
	assert.deepEqual([callsOf("resume").length, callsOf("logout").length], [0, 1]);
	await browser.logIn();
	await browser.page.waitForSelector("#confirm[open]");
	const loggedOut = browser.page.waitForRequest(/rpc\/logout/);
	await browser.page.keyboard.press("Escape");
	await browser.inState("form");
	assert.deepEqual((await loggedOut).postDataJSON(), callsOf("logout")[0].body);
	await browser.logIn();
	await browser.page.click("#confirm-yes");
	await browser.inState("running");
});

test("native mode: a session file by the form's choices", async () => {
	await browser.load();
	assert.equal(await browser.page.isVisible("#native"), false);
	browser.gateway.config.native_mode = true;
	Object.assign(browser.gateway.config, { other_servers: true, other_jumps: true });
	browser.gateway.config.servers = [
		{ id: "demo", title: "Demo server", host: "x2go.example.org", port: 2222 },
	];
	await browser.load();
	const { page } = browser;
	await page.fill("#username", "alice");
	await page.fill("#password", "wonderland");
	await page.selectOption("#desktop", "XFCE");
	await page.click("#native summary");
	await page.selectOption("#native-kind", "nx");
	await page.selectOption("#native-size", "1920x1080");
	const [download] = await Promise.all([
		page.waitForEvent("download"),
		page.click("#native-file"),
	]);
	assert.equal(download.suggestedFilename(), "Demo-server.x2go");
	const file = await readFile(await download.path(), "utf8");
	for (const line of [
		"[x2goweb]",
		'name="Demo server"',
		"host=x2go.example.org",
		"sshport=2222",
		"user=alice",
		"command=XFCE",
		"kdrive=false",
		"width=1920",
		"height=1080",
		"usesshproxy=false",
	])
		assert.ok(file.split("\n").includes(line), `${line} in\n${file}`);
	assert.ok(!file.includes("wonderland"));
	await page.selectOption("#server", "");
	await page.fill("#other-server", "box.example");
	await page.click("#proxy summary");
	await page.fill("#proxy-host", "jump.example");
	const [other] = await Promise.all([page.waitForEvent("download"), page.click("#native-file")]);
	const through = await readFile(await other.path(), "utf8");
	for (const line of ["host=box.example", "usesshproxy=true", "sshproxyhost=jump.example"])
		assert.ok(through.split("\n").includes(line), `${line} in\n${through}`);
	await page.fill("#username", "al;ice");
	await page.click("#native-file");
	assert.match(await text("#form-error"), /user name/);
});

test("native mode in the list: a file for what cannot be shown here", async () => {
	browser.gateway.config.native_mode = true;
	await list(sessionRow({ id: "a-1", kind: "nx", desktop: "MATE" }));
	const [download] = await Promise.all([
		browser.page.waitForEvent("download"),
		browser.page.click('[data-action="nativeFile"]'),
	]);
	const file = await readFile(await download.path(), "utf8");
	assert.match(file, /^command=MATE$/m);
	assert.match(file, /^kdrive=false$/m);
	assert.match(file, /^user=alice$/m);
});

test("the page never broke its policy or threw", () => {
	const own = browser.complaints.filter((line) => !line.startsWith("Failed to load resource"));
	assert.deepEqual(own, []);
});
