/* SPDX-License-Identifier: ISC */
/*
 * A connection that is lost and comes back, in a browser before the stand-in gateway: nothing is
 * reloaded, nothing typed is lost, the picture goes on; and what the page says meanwhile.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SLEEP_AFTER_MS } from "../../../www/js/stream/engine.js";
import { STEADY_MS } from "../../../www/js/stream/connection.js";
import { fault, sessionRow } from "../../e2e/standin/gateway.mjs";
import { frame, reinit } from "../../e2e/standin/messages.mjs";
import { solidPng } from "../../e2e/standin/png.mjs";
import { BrowserPage, GREY } from "./browser_page.js";

/** @typedef {import("../../e2e/standin/gateway.mjs").StandinAgent} StandinAgent */

const RED = [220, 30, 30];
const BLUE = [20, 60, 210];
const WORD = "noch da, alles da";

/** @type {BrowserPage} */ let browser;

before(async () => {
	browser = await BrowserPage.open();
});
after(() => browser.close());

async function run() {
	browser.gateway.setLine("there");
	browser.gateway.overrides = {};
	const agent = await browser.run();
	await browser.page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));
	await browser.page.evaluate(() => {
		const seen = /** @type {string[]} */ ([]);
		new MutationObserver(() => seen.push(document.documentElement.dataset.state ?? "")).observe(
			document.documentElement,
			{ attributeFilter: ["data-state"] },
		);
		Object.assign(globalThis, { seenStates: seen });
	});
	return agent;
}

const seenStates = () => browser.page.evaluate(() => /** @type {any} */ (globalThis).seenStates);
const isSamePage = () => browser.page.evaluate(() => "notReloaded" in globalThis);

/** A part of the screen in one colour. @param {StandinAgent} agent @param {number[]} colour */
function show(agent, colour) {
	const region = { x: 0, y: 0, width: 64, height: 64, data: solidPng(64, 64, colour) };
	agent.send(frame({ width: 64, height: 64, x: 0, y: 0, regions: [region] }));
}

/** Codes of the keys that were pressed. @param {StandinAgent} agent */
const pressed = ({ events }) =>
	events.filter(({ type }) => type === "key-press").map(({ code }) => code);

/** Codes of a word's keys, and nothing pressed yet. @param {StandinAgent} agent */
async function codesOf(agent, word = WORD) {
	await browser.page.keyboard.type(word);
	await agent.until(() => pressed(agent).length === word.length, "the word");
	const codes = pressed(agent);
	agent.forget();
	return codes;
}

const card = () => browser.page.locator("#reconnect");
const state = () => browser.page.getAttribute("html", "data-state");
const focused = () => browser.page.evaluate(() => document.activeElement?.id);
const greetings = (/** @type {StandinAgent} */ { words }) =>
	words.filter((word) => word.startsWith("hello")).length;

test("cut at every key: each arrives once, in order; nobody sees a thing", async () => {
	const agent = await run();
	const wanted = await codesOf(agent);
	for (const [i, character] of [...WORD].entries()) {
		const before = greetings(agent);
		agent.silent = i % 2 === 0; /* the key does not get through */
		await browser.page.keyboard.type(character);
		await browser.page.waitForTimeout(Math.random() * 20);
		agent.cut();
		await agent.until(() => greetings(agent) > before, "another connection");
		await browser.page.waitForTimeout(STEADY_MS * Math.random() ** 3);
	}
	await agent.until(() => pressed(agent).length >= wanted.length, "all keys");
	await browser.page.waitForTimeout(200);
	assert.deepEqual(pressed(agent), wanted);
	show(agent, RED);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
	assert.deepEqual(agent.faults, []);
	assert.ok(await isSamePage());
	assert.equal(browser.agents.at(-1), agent);
	assert.deepEqual(await seenStates(), []);
	assert.equal(await card().isVisible(), false);
});

test("away for longer: it is said, typing goes on, and all is there when it is back", async () => {
	const agent = await run();
	const wanted = await codesOf(agent);
	const before = await focused();
	browser.gateway.setLine("away");
	await browser.inState("reconnecting");
	assert.equal(await card().isVisible(), true);
	assert.match((await browser.page.textContent("#status")) ?? "", /Connection lost/);
	assert.equal(await focused(), before);
	await browser.page.keyboard.type(WORD);
	show(agent, RED);
	assert.deepEqual(pressed(agent), []);
	browser.gateway.setLine("there");
	await browser.inState("running");
	assert.equal(await card().isVisible(), false);
	assert.match((await browser.page.textContent("#status")) ?? "", /back/);
	await agent.until(() => pressed(agent).length >= wanted.length, "all keys");
	assert.deepEqual(pressed(agent), wanted);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
	assert.equal(await focused(), before);
	assert.deepEqual(await seenStates(), ["reconnecting", "running"]);
	assert.ok(await isSamePage());
});

test("the user can have it tried at once, by the keyboard alone", async () => {
	const agent = await run();
	const before = await focused();
	browser.gateway.setLine("away");
	await browser.inState("reconnecting");
	await browser.page.waitForTimeout(4000); /* pauses are long by now */
	const tries = greetings(agent);
	for (const down of [true, false])
		for (const key of ["Control", "Alt", "Shift"])
			await browser.page.keyboard[down ? "down" : "up"](key);
	assert.equal(await focused(), "reconnect-now");
	await browser.page.keyboard.press("Escape");
	assert.equal(await focused(), before);
	await browser.page.focus("#reconnect-now");
	browser.gateway.setLine("there");
	const asked = performance.now();
	await browser.page.keyboard.press("Enter");
	await browser.inState("running");
	assert.equal(greetings(agent), tries + 1);
	assert.ok(performance.now() - asked < 1000);
	assert.equal(await focused(), before);
});

test("what the browser missed is gone: the picture begins afresh, keys do not", async () => {
	const agent = await run();
	const wanted = await codesOf(agent);
	agent.how = "fresh";
	agent.acknowledges = false;
	const lost = solidPng(64, 64, BLUE);
	const cut = frame({
		...{ width: 64, height: 64, x: 0, y: 0 },
		regions: [{ x: 0, y: 0, width: 64, height: 64, data: lost }],
	});
	agent.send(cut.subarray(0, cut.length - 20)); /* its end never comes */
	await browser.page.keyboard.type(WORD);
	await agent.until(() => pressed(agent).length >= wanted.length, "all keys");
	agent.cut();
	await agent.until(() => greetings(agent) === 2, "another connection");
	show(agent, BLUE); /* of before: of no use */
	agent.forget();
	agent.send(reinit());
	await agent.until(
		({ events }) => events.find(({ type, width }) => type === "update" && width === 0),
		"a question for the whole picture",
	);
	assert.deepEqual(await browser.pixels([[10, 10]]), [GREY]);
	show(agent, RED);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
	assert.deepEqual(pressed(agent), []);
	assert.equal(await state(), "running");
	assert.deepEqual(agent.faults, []);
});

test("a line that is dead without a word is found out by who looks at it again", async () => {
	const agent = await run();
	const wanted = await codesOf(agent);
	agent.silent = true;
	await browser.page.keyboard.type(WORD);
	show(agent, RED);
	await browser.setHidden(true);
	await browser.setHidden(false);
	await agent.until(() => pressed(agent).length >= wanted.length, "all keys");
	assert.deepEqual(pressed(agent), wanted);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
	assert.equal(greetings(agent), 2);
});

/** @type {[string, () => void, string, RegExp][]} */
const GONE = [
	[
		"suspended meanwhile",
		() => (browser.gateway.sessions = [sessionRow({ status: "suspended", attached: false })]),
		"ended",
		/Session suspended[^]*Resume/,
	],
	["ended meanwhile", () => (browser.gateway.sessions = []), "ended", /Session ended/],
	[
		"somebody else's now",
		() => (browser.gateway.sessions = [sessionRow({ attached: false })]),
		"error",
		/connection was lost[^]*Try again/,
	],
	[
		"without its login",
		() => (browser.gateway.overrides.sessions = () => fault(401, "not_logged_in", "x")),
		"form",
		/Log in/,
	],
];
for (const [name, change, end, words] of GONE)
	test(`nothing to come back to: ${name}`, async () => {
		await run();
		browser.gateway.setLine("gone");
		change();
		await browser.inState(end);
		assert.match((await browser.page.innerText("main")) ?? "", words);
		assert.equal(await card().isVisible(), false);
		if (!/Resume/.test(String(words))) return;
		browser.gateway.setLine("there");
		await browser.page.click("#again");
		await browser.inState("running");
	});

test("the user can leave what does not come back", async () => {
	const agent = await run();
	browser.gateway.setLine("away");
	await browser.inState("reconnecting");
	browser.gateway.setLine("gone");
	await browser.page.click("#reconnect-leave");
	await browser.inState("sessions");
	const tries = greetings(agent);
	browser.gateway.calls = [];
	browser.gateway.setLine("there");
	await browser.page.waitForTimeout(1500);
	assert.equal(greetings(agent), tries);
	assert.ok(!browser.gateway.calls.some(({ call }) => call === "resume"));
	assert.equal(await state(), "sessions");
});

/** @param {"resume" | "fresh"} how */
async function hideAndComeBack(how) {
	const agent = await run();
	agent.how = how;
	await browser.setHidden(true);
	await agent.until(({ words }) => words.includes("hide"), "hide");
	show(agent, BLUE);
	const painted = () => agent.acks.some((ack) => ack.painted === agent.down);
	await agent.until(painted, "word that all is painted");
	agent.cut();
	await agent.until(({ words }) => words.at(-1)?.endsWith(" hidden") === true, "a hello");
	show(agent, BLUE);
	await agent.until(painted, "word that all is painted");
	assert.ok(agent.words.at(-1)?.endsWith(" hidden")); /* it is not said twice */
	agent.words = [];
	await browser.setHidden(false);
	await agent.until(({ words }) => words.includes("show"), "show");
	await browser.page.waitForTimeout(100);
	assert.deepEqual(agent.words, ["show"]);
	show(agent, BLUE); /* of before: of no use */
	agent.forget();
	agent.send(reinit());
	await agent.until(({ events }) => events.some(({ type }) => type === "update"), "an update");
	assert.ok(!agent.events.some(({ type }) => type === "cache-rebuild"));
	assert.deepEqual(await browser.pixels([[10, 10]]), [GREY]);
	show(agent, RED);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
	await agent.until(painted, "word that all is painted");
}

test("a hidden page says so, also to who comes after; what it gets counts as painted", () =>
	hideAndComeBack("resume"));

test("a hidden page begins anew where it comes back: that waits until somebody looks", () =>
	hideAndComeBack("fresh"));

test("somebody looks again while the connection is away: a fresh picture all the same", async () => {
	const agent = await run();
	await browser.setHidden(true);
	await browser.page.waitForTimeout(SLEEP_AFTER_MS);
	await agent.until(({ words }) => words.includes("hide"), "hide");
	browser.gateway.setLine("away");
	await browser.page.waitForTimeout(300);
	await browser.setHidden(false);
	agent.forget();
	browser.gateway.setLine("there");
	await agent.until(
		({ events }) => events.some(({ type }) => type === "cache-rebuild"),
		"rebuild",
	);
	agent.send(reinit());
	show(agent, RED);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
});

test("somebody looks again, and the dead line cannot tell: the agent is asked all the same", async () => {
	const agent = await run();
	await browser.setHidden(true);
	await agent.until(({ words }) => words.includes("hide"), "hide");
	agent.silent = true;
	await browser.setHidden(false);
	await agent.until(
		({ events }) => events.some(({ type }) => type === "cache-rebuild"),
		"rebuild",
	);
	assert.equal(greetings(agent), 2);
	agent.send(reinit());
	show(agent, RED);
	assert.deepEqual(await browser.pixelsBecome([[10, 10]], [RED]), [RED]);
});

test("what has come and what has been painted is told", async () => {
	const agent = await run();
	await agent.until(() => agent.acks.some((ack) => ack.painted === agent.down), "all painted");
	for (const colour of [RED, BLUE, RED]) {
		show(agent, colour);
		const { down } = agent;
		await agent.until(() => agent.acks.some((ack) => ack.painted === down), "painted");
		assert.deepEqual(await browser.pixelsBecome([[10, 10]], [colour]), [colour]);
	}
	const { acks } = agent;
	for (const [i, { received, painted }] of acks.entries()) {
		assert.ok(painted <= received);
		if (i > 0) assert.ok(received >= acks[i - 1].received && painted >= acks[i - 1].painted);
	}
});
