/* SPDX-License-Identifier: ISC */
/*
 * What the user does while the connection is away, in a browser before the stand-in gateway: presses
 * beside the card's buttons, answers a question, leaves, reloads; and what the browser itself tells.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sessionRow } from "../../e2e/standin/gateway.mjs";
import { reinit } from "../../e2e/standin/messages.mjs";
import { BrowserPage } from "./browser_page.js";

/** @typedef {import("../../e2e/standin/gateway.mjs").StandinAgent} StandinAgent */

const NEVER = new Promise(() => {});

/** @type {BrowserPage} */ let browser;

before(async () => {
	browser = await BrowserPage.open();
});
after(() => browser.close());

async function run() {
	browser.gateway.setLine("there");
	browser.gateway.overrides = {};
	browser.gateway.calls = [];
	return browser.run();
}

/** Until the card is there, and may be pressed. */
async function lose() {
	browser.gateway.setLine("away");
	await browser.inState("reconnecting");
	await browser.page.evaluate(() =>
		document
			.getElementById("reconnect")
			?.getAnimations()
			.map((late) => late.finish()),
	);
}

const focused = () => browser.page.evaluate(() => document.activeElement?.id);
const text = (/** @type {string} */ selector) => browser.page.textContent(selector);
const callsOf = (/** @type {string} */ name) =>
	browser.gateway.calls.filter(({ call }) => call === name);
/** @param {StandinAgent} agent */
const pressed = ({ events }) => events.filter(({ type }) => type === "key-press").length;

test("a press beside the card's buttons takes nobody away from the screen", async () => {
	const agent = await run();
	const before = await focused();
	await lose();
	await browser.page.click("#reconnect-title");
	assert.equal(await focused(), before);
	await browser.page.keyboard.type("abc");
	browser.gateway.setLine("there");
	await agent.until(() => pressed(agent) === 3, "what was typed then");
});

test("who is just clicking where the card comes up means the screen", async () => {
	await run();
	await lose();
	/** What is under the button's middle, so long after the card has come. @param {number} ms */
	const under = (ms) =>
		browser.page.evaluate((time) => {
			const card = /** @type {HTMLElement} */ (document.getElementById("reconnect"));
			card.style.animation = "none";
			void card.offsetWidth;
			card.style.animation = "";
			for (const late of card.getAnimations()) {
				late.pause();
				late.currentTime = time;
			}
			const leave = /** @type {HTMLElement} */ (document.getElementById("reconnect-leave"));
			const { x, y, width, height } = leave.getBoundingClientRect();
			return document.elementFromPoint(x + width / 2, y + height / 2)?.id;
		}, ms);
	assert.equal(await under(100), "screen");
	assert.equal(await under(400), "screen");
	assert.equal(await under(600), "reconnect-leave");
});

/** The first line over the screen is gone by now. */
const LATER_MS = 5000;
const opacity = () =>
	browser.page.evaluate(() =>
		Number(
			getComputedStyle(/** @type {HTMLElement} */ (document.getElementById("status")))
				.opacity,
		),
	);

test("what is said later can be seen as what was said first", async () => {
	await run();
	await browser.page.waitForTimeout(LATER_MS);
	assert.equal(await opacity(), 0);
	await lose();
	browser.gateway.setLine("there");
	await browser.inState("running");
	assert.match((await text("#status")) ?? "", /is back/);
	assert.equal(await opacity(), 1);
	await browser.page.waitForTimeout(LATER_MS);
	assert.equal(await opacity(), 0);
});

/** One key held, as keyboards repeat it. @param {number} repeats */
async function hold(repeats) {
	for (let i = 0; i <= repeats; i++) {
		await browser.page.keyboard.down("x");
		await browser.page.waitForTimeout(20);
	}
}

test("a key that is held over a gap does not run on after it, and repeats again", async () => {
	const agent = await run();
	await hold(10);
	await agent.until(() => pressed(agent) > 5, "repeats");
	await lose();
	const before = pressed(agent);
	await hold(40);
	await browser.page.keyboard.up("x");
	await browser.page.keyboard.type("ab");
	await hold(40);
	browser.gateway.setLine("there");
	await browser.inState("running");
	await agent.until(() => pressed(agent) >= before + 3, "the presses");
	await browser.page.waitForTimeout(300);
	assert.equal(pressed(agent), before + 3); /* a, b and x */
	await hold(10);
	await browser.page.keyboard.up("x");
	await agent.until(() => pressed(agent) > before + 8, "repeats");
});

test("another page had the stream meanwhile: what was typed here is lost, and the user knows", async () => {
	const agent = await run();
	await lose();
	await browser.page.keyboard.type("x".repeat(50));
	agent.how = "foreign";
	browser.gateway.setLine("there");
	await browser.inState("running");
	await browser.page.waitForSelector("#status.fault");
	assert.match((await text("#status")) ?? "", /is back.*did not arrive/);
	agent.send(reinit());
	await browser.page.keyboard.type("abc");
	await agent.until(() => pressed(agent) >= 3, "what was typed then");
	await browser.page.waitForTimeout(300);
	assert.equal(pressed(agent), 3);
});

test("a question that is open outlives the connection's going and coming", async () => {
	await run();
	await browser.page.click("#terminate");
	const open = () => browser.page.isVisible("#confirm[open]");
	assert.ok(await open());
	await lose();
	assert.ok(await open());
	browser.gateway.setLine("there");
	await browser.inState("running");
	assert.ok(await open());
	await browser.page.click("#confirm-yes");
	await browser.inState("sessions");
	assert.equal(callsOf("terminate").length, 1);
});

test("what is being done cannot be done twice because the connection comes and goes", async () => {
	await run();
	browser.gateway.overrides.suspend = () => /** @type {Promise<any>} */ (NEVER);
	await browser.page.click("#suspend");
	browser.gateway.setLine("gone");
	browser.gateway.sessions = [sessionRow()];
	await browser.inState("reconnecting");
	assert.ok(await browser.page.isDisabled("#suspend"));
	assert.ok(await browser.page.isDisabled("#terminate"));
	browser.gateway.setLine("there");
	await browser.inState("running");
	assert.ok(await browser.page.isDisabled("#suspend"));
});

test("a call that hangs does not follow who has left into the next screen", async () => {
	await run();
	browser.gateway.overrides.suspend = () => /** @type {Promise<any>} */ (NEVER);
	browser.gateway.sessions = [sessionRow({ status: "suspended", attached: false })];
	await browser.page.click("#suspend");
	await browser.page.click("#disconnect");
	await browser.inState("sessions");
	await browser.page.click('[data-action="resume"]');
	await browser.inState("running");
	assert.ok(await browser.page.isEnabled("#suspend"));
	browser.agent.bye("replaced", "x");
	await browser.inState("ended");
	assert.match((await text("#outcome-title")) ?? "", /taken over|opened|other/i);
});

test("what cannot be done without the network is told, and can be done afterwards", async () => {
	await run();
	await lose();
	await browser.page.click("#suspend");
	await browser.page.waitForSelector("#status.fault");
	assert.match((await text("#status")) ?? "", /cannot be reached/);
	assert.equal(await browser.page.getAttribute("html", "data-state"), "reconnecting");
	browser.gateway.setLine("there");
	await browser.inState("running");
	await browser.page.click("#suspend");
	await browser.inState("sessions");
});

test("suspended for being away too long: the user knows why, and that keys are lost", async () => {
	await run();
	browser.gateway.setLine("gone");
	browser.gateway.sessions = [sessionRow({ status: "suspended", attached: false })];
	await browser.inState("ended");
	assert.equal(await text("#outcome-title"), "Session suspended");
	assert.match((await text("#outcome-message")) ?? "", /while the connection was lost/);
	assert.match((await text("#outcome-now")) ?? "", /typed meanwhile did not arrive/);
	assert.equal(await focused(), "again");
});

test("a reload into a network that comes and goes does not cost the login", async () => {
	await run();
	const { id } = sessionRow();
	browser.gateway.sessions = [sessionRow()];
	await browser.page.route("**/rpc/sessions", (route) => route.abort());
	browser.page.once("dialog", (dialog) => void dialog.accept());
	await browser.page.reload();
	await browser.page.waitForSelector("#status.fault");
	assert.match((await text("#status")) ?? "", /cannot be reached/);
	assert.equal(await browser.page.getAttribute("html", "data-state"), "authenticating");
	await browser.page.unroute("**/rpc/sessions");
	await browser.inState("running");
	assert.equal(callsOf("login").length, 1);
	assert.equal(callsOf("resume")[0].body.id, id);
	assert.equal(await browser.page.isVisible("#status.fault"), false);
});

test("what the browser says of the network is acted upon at once", async () => {
	const agent = await run();
	const context = browser.page.context();
	await context.setOffline(true);
	await lose();
	const attempts = () => agent.words.filter((word) => word.startsWith("hello")).length;
	await browser.page.waitForTimeout(8000); /* the pauses are of many seconds now */
	const before = attempts();
	browser.gateway.setLine("there");
	const from = performance.now();
	await context.setOffline(false);
	await browser.inState("running");
	const tookMs = performance.now() - from;
	assert.equal(attempts(), before + 1);
	assert.ok(tookMs < 2000, `${tookMs} ms`);
});

test("nothing of this broke the policy, threw or sent half an event", () => {
	const ours = browser.complaints.filter((line) => !/ERR_|WebSocket connection/.test(line));
	assert.deepEqual(ours, []);
	assert.deepEqual(
		browser.agents.flatMap(({ faults }) => faults),
		[],
	);
});
