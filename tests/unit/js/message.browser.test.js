/* SPDX-License-Identifier: ISC */
/* What an administrator says to who works, in Chromium before a stand-in gateway. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { BrowserPage } from "./browser_page.js";

/** @type {BrowserPage} */
let browser;
/** @type {import("../../e2e/standin/gateway.mjs").StandinAgent} */
let agent;
before(async () => {
	browser = await BrowserPage.open();
});
after(() => browser.close());
beforeEach(async () => {
	agent = await browser.run();
});

const BOX = "#admin-message";
/** @param {string} text */
const say = (text) => agent.say(`say ${encodeURIComponent(text)}`);
/** @param {number} count of messages that are shown */
const shown = (count) => browser.page.waitForSelector(`${BOX} li:nth-child(${count})`);
const texts = () =>
	browser.page.$$eval(`${BOX} li span`, (all) => all.map((one) => one.textContent));
const focused = () => browser.page.evaluate(() => document.activeElement?.id);

test("a message is text, does not take the keys, and stays until it is dismissed", async () => {
	const words = "<b>Ende</b> um 17:30 \u202eUhr";
	assert.equal(await browser.page.isVisible(BOX), false);
	say(words);
	await shown(1);
	assert.deepEqual(await texts(), [words.replace("\u202e", "")]);
	assert.equal(await browser.page.getAttribute(BOX, "role"), "alert");
	assert.equal(await focused(), "screen");
	/* A press on its words is none that takes the keys away. */
	await browser.page.click(`${BOX} h2`);
	assert.equal(await focused(), "screen");
	await browser.page.keyboard.press("a");
	await agent.until(({ events }) => events.some(({ type }) => type === "key-press"), "key");
	await browser.page.click("#admin-message-dismiss");
	assert.equal(await browser.page.isVisible(BOX), false);
	assert.equal(await focused(), "screen");
	/* The next one is not shown together with those that were read. */
	say("next");
	await shown(1);
	assert.deepEqual(await texts(), ["next"]);
	await browser.page.focus("#admin-message-dismiss");
	await browser.page.keyboard.press("Escape");
	assert.equal(await browser.page.isVisible(BOX), false);
	assert.deepEqual(browser.complaints, []);
});

test("several messages stand together, the newest ones, and outlive the stream", async () => {
	for (const word of ["one", "two", "three", "four", "five"]) say(word);
	await browser.page.waitForSelector(`${BOX} li:has-text("five")`);
	assert.deepEqual(await texts(), ["two", "three", "four", "five"]);
	agent.bye("draining", "");
	await browser.inState("error");
	assert.equal(await browser.page.isVisible(BOX), true);
	await browser.page.click("#admin-message-dismiss");
	assert.equal(await browser.page.isVisible(BOX), false);
});

test("who looks at the list gets it with that, once, and goes on there", async () => {
	await browser.page.click("#disconnect");
	await browser.inState("sessions");
	browser.gateway.overrides.sessions = () => {
		browser.gateway.overrides = {};
		return { body: { sessions: browser.gateway.sessions, said: "<i>tea</i>" } };
	};
	await browser.page.click("#refresh");
	await shown(1);
	await browser.page.click("#refresh");
	assert.deepEqual(await texts(), ["<i>tea</i>"]);
	await browser.page.click("#admin-message-dismiss");
	assert.equal(await browser.page.isVisible(BOX), false);
	assert.deepEqual(browser.complaints, []);
});
