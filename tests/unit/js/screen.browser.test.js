/* SPDX-License-Identifier: ISC */
/* Size, zoom, touch and the window of its own, in Chromium before the stand-in gateway. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { reinit, wholeScreen } from "../../e2e/standin/messages.mjs";
import { drawPng } from "../../e2e/standin/png.mjs";
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

const TOP = 46; /* the bar */

/** @param {string} selector */
const text = async (selector) => (await browser.page.textContent(selector))?.trim();

/** Where the canvas is, in CSS pixels. */
const shown = () =>
	browser.page.evaluate(() => {
		const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
		const { x, y, width, height } = screen.getBoundingClientRect();
		return [x, y, width, height];
	});

/** @param {{events: import("../../e2e/standin/messages.mjs").ClientEvent[]}} agent @returns what buttons did, and where */
function clicks(agent) {
	const seen = [];
	let at = "";
	for (const event of agent.events) {
		if (event.type === "motion") at = `${event.x},${event.y}`;
		else if (event.type === "button-press") seen.push(`+${event.code} ${at}`);
		else if (event.type === "button-release") seen.push(`-${event.code} ${at}`);
	}
	return seen;
}

test("a fixed size is asked for, fitted into the window, and hit where it is shown", async () => {
	const agent = await browser.run();
	await browser.page.click("#size");
	await browser.page.selectOption("#screen-size", "1280x800");
	const resize = await agent.until(
		({ events }) => events.find(({ type }) => type === "geometry"),
		"the new size",
	);
	assert.deepEqual([resize.width, resize.height], [1280, 800]);
	browser.sendScreen(1280, 800);
	await browser.page.waitForSelector('#screen[data-width="1280"]');
	assert.deepEqual(await shown(), [0, TOP, 640, 400]);
	await browser.page.keyboard.press("Escape");
	agent.forget();
	await browser.page.mouse.click(320, TOP + 200);
	await browser.page.mouse.click(639.5, TOP + 399.5, { button: "middle" });
	await agent.until(({ events }) => clicks({ events }).length === 4, "two clicks");
	assert.deepEqual(clicks(agent), ["+1 640,400", "-1 640,400", "+2 1279,799", "-2 1279,799"]);
});

test("pixel for pixel, the rest is reached by scrolling", async () => {
	await browser.page.click("#size");
	await browser.page.selectOption("#screen-zoom", "actual");
	await browser.page.keyboard.press("Escape");
	const [, , width, height] = await shown();
	assert.deepEqual([width, height], [1280, 800]);
	await browser.page.evaluate(() => document.getElementById("viewport")?.scrollTo(600, 350));
	browser.agent.forget();
	await browser.page.mouse.click(10, TOP + 10);
	await browser.agent.until(({ events }) => clicks({ events }).length === 2, "a click");
	assert.deepEqual(clicks(browser.agent), ["+1 610,360", "-1 610,360"]);
});

test("the choice is there after a reload, and another size can be typed", async () => {
	const agent = await browser.run();
	assert.deepEqual(browser.askedSize, { width: 1280, height: 800 });
	await browser.page.click("#size");
	assert.equal(await browser.page.inputValue("#screen-size"), "1280x800");
	assert.equal(await browser.page.inputValue("#screen-zoom"), "actual");
	await browser.page.selectOption("#screen-size", "custom");
	await browser.page.fill("#screen-width", "900");
	await browser.page.fill("#screen-height", "9000");
	await browser.page.click("#custom-size button");
	assert.ok(await browser.page.isVisible("#size-panel"), "a height over the limit is taken");
	await browser.page.fill("#screen-height", "700");
	await browser.page.click("#custom-size button");
	const resize = await agent.until(
		({ events }) => events.find(({ type }) => type === "geometry"),
		"the new size",
	);
	assert.deepEqual([resize.width, resize.height], [900, 700]);
	agent.send(reinit());
	await browser.page.click("#size");
	await browser.page.selectOption("#screen-size", "window");
	await agent.until(
		({ events }) => events.some(({ type, width }) => type === "geometry" && width === 640),
		"the window's size",
	);
	await browser.page.evaluate(() => localStorage.clear());
});

/**
 * The share of the shown screen's device pixels that are neither black nor white.
 * @param {import("playwright-core").Page} page
 */
async function greyShare(page) {
	/* Away from the bar, and from the note that passes at the bottom. */
	const clip = { x: 8, y: TOP + 8, width: 624, height: 240 };
	await page.waitForTimeout(300); /* for the bar's and the focus's transitions */
	const png = await page.screenshot({ clip, scale: "device" });
	return page.evaluate(
		async (data) => {
			const image = new Image();
			image.src = data;
			await image.decode();
			const canvas = new OffscreenCanvas(image.width, image.height);
			const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
				canvas.getContext("2d")
			);
			context.drawImage(image, 0, 0);
			const pixels = context.getImageData(0, 0, image.width, image.height).data;
			let grey = 0;
			for (let i = 0; i < pixels.length; i += 4) if (pixels[i] > 8 && pixels[i] < 247) grey++;
			return grey / (pixels.length / 4);
		},
		`data:image/png;base64,${png.toString("base64")}`,
	);
}

test("on a fine display: native pixels, one to one, at matching dots per inch", async () => {
	for (const [ratio, dpi, width, height] of [
		[2, 192, 1280, 800],
		[1.25, 120, 800, 500],
		[1.5, 144, 960, 600],
		[3, 144, 960, 600],
	]) {
		const fine = await BrowserPage.open({ ratio });
		try {
			await fine.run();
			const start = fine.gateway.calls.find(({ call }) => call === "start")?.body;
			/* The bar's lower edge may lie between two device pixels. */
			assert.ok(Math.abs(start.height - height) <= 1, `${start.height} at ${ratio}`);
			assert.deepEqual([start.dpi, start.width], [dpi, width]);
			/* One black, one white: nothing between must come of it. */
			const checks = drawPng(start.width, start.height, (x, y) =>
				(x + y) % 2 ? [255, 255, 255] : [0, 0, 0],
			);
			fine.agent.send(wholeScreen(start.width, start.height, checks));
			await fine.pixelsBecome([[1, 0]], [[255, 255, 255]]);
			const blurred = await greyShare(fine.page);
			assert.ok(blurred < 0.001, `${blurred} of the pixels are grey at ${ratio}`);
			await fine.page.mouse.click(100.5, TOP + 50.5);
			await fine.agent.until(({ events }) => clicks({ events }).length === 2, "a click");
			const scale = start.width / 640;
			const at = [100.5, 50.5].map((place) => Math.floor(place * scale)).join();
			assert.equal(clicks(fine.agent)[0], `+1 ${at}`);
		} finally {
			await fine.close();
		}
	}
});

test("a shift of the wheel goes sideways, a pinch is Control that does not stay", async () => {
	const agent = await browser.run();
	await browser.page.mouse.move(100, 200);
	await browser.page.keyboard.down("ShiftLeft");
	await browser.page.mouse.wheel(0, 120);
	await browser.page.keyboard.up("ShiftLeft");
	await agent.until(({ events }) => clicks({ events }).length === 2, "a notch");
	const press = agent.events.find(({ type }) => type === "button-press");
	assert.deepEqual([press?.code, press?.mask], [7, 0]);
	agent.forget();
	await browser.page.evaluate(() => {
		const screen = document.getElementById("screen");
		for (let i = 0; i < 14; i++)
			screen?.dispatchEvent(
				new WheelEvent("wheel", { deltaY: -5, ctrlKey: true, cancelable: true }),
			);
	});
	await agent.until(
		({ events }) => events.some(({ type }) => type === "key-release"),
		"the end of the pinch",
	);
	const seen = agent.events
		.filter(({ type }) => type !== "motion")
		.map(({ type, code, mask }) => `${type} ${code}/${mask}`);
	assert.deepEqual(seen, [
		...["button-press 4/4", "button-release 4/4", "button-press 4/4", "button-release 4/4"],
		"key-release 8/0",
	]);
});

test("detached: a window of its own takes the session over, and gives it back", async () => {
	const first = await browser.run();
	const [popup] = await Promise.all([
		browser.page.waitForEvent("popup"),
		browser.page.click("#detach"),
	]);
	await popup.waitForSelector('html[data-state="running"]');
	await browser.inState("ended");
	await first.closed;
	assert.match((await text("#outcome-title")) ?? "", /own window/);
	assert.equal(await text("#again"), "Bring it back");
	assert.ok(!popup.url().includes("0123456789abcdef"), "the login is in the address");
	assert.deepEqual(
		[await popup.isVisible("#login-view"), await popup.isVisible("#detach")],
		[false, false],
	);
	const resumed = browser.gateway.calls.filter(({ call }) => call === "resume");
	assert.deepEqual(
		resumed.map(({ body }) => [body.login, body.id]),
		[["0123456789abcdef", browser.gateway.sessions[0].id]],
	);
	const second = browser.agent;
	second.forget();
	await popup.mouse.click(50, TOP + 60);
	await second.until(({ events }) => clicks({ events }).length === 2, "a click in the window");
	assert.deepEqual(clicks(second), ["+1 50,60", "-1 50,60"]);
	const closed = popup.waitForEvent("close");
	await browser.page.click("#again");
	await closed;
	await browser.inState("running");
	assert.deepEqual(await browser.pixelsBecome([[320, 200]], [GREY]), [GREY]);
});

test("detached: a window that is closed leaves a session to resume; one that is left, the list", async () => {
	await browser.run();
	let [popup] = await Promise.all([
		browser.page.waitForEvent("popup"),
		browser.page.click("#detach"),
	]);
	await popup.waitForSelector('html[data-state="running"]');
	await popup.close();
	await browser.page.waitForSelector("#again:text('Resume')");
	assert.match((await text("#outcome-title")) ?? "", /was closed/);
	await browser.page.click("#again");
	await browser.inState("running");
	[popup] = await Promise.all([
		browser.page.waitForEvent("popup"),
		browser.page.click("#detach"),
	]);
	await popup.waitForSelector('html[data-state="running"]');
	const closed = popup.waitForEvent("close");
	await popup.click("#suspend");
	await closed;
	await browser.inState("sessions");
	assert.match((await text("#status")) ?? "", /suspended/);
});

test("detached: a blocked window is said, and the session goes on here", async () => {
	await browser.run();
	await browser.page.evaluate(() => {
		window.open = () => null;
	});
	await browser.page.click("#detach");
	await browser.page.waitForSelector("#status.fault");
	assert.match((await text("#status")) ?? "", /blocked/);
	assert.equal(await browser.page.getAttribute("html", "data-state"), "running");
});

test("a phone's keyboard covers a part, changes no size, and hides not where the user is", async () => {
	const phone = await BrowserPage.open({
		touch: true,
		script: () => {
			/* What of the page is seen, as a browser with a keyboard on the screen tells it. */
			const seen = { width: 640, height: 446, offsetTop: 0, offsetLeft: 0, scale: 1 };
			Object.defineProperty(window, "visualViewport", {
				value: Object.assign(new EventTarget(), seen),
			});
		},
	});
	/** @param {number} height of what is seen */
	const see = (height) =>
		phone.page.evaluate((value) => {
			const seen = /** @type {VisualViewport} */ (window.visualViewport);
			Object.assign(seen, { height: value }).dispatchEvent(new Event("resize"));
		}, height);
	const box = () =>
		phone.page.evaluate(() =>
			["viewport", "screen"].map((id) => {
				const { top, height } = /** @type {HTMLElement} */ (
					document.getElementById(id)
				).getBoundingClientRect();
				return [top, height];
			}),
		);
	try {
		const agent = await phone.run();
		assert.deepEqual(await box(), [
			[TOP, 400],
			[TOP, 400],
		]);
		await phone.page.touchscreen.tap(100, TOP + 380);
		await agent.until(({ events }) => clicks({ events }).length === 2, "a tap");
		await see(246);
		const [viewport, screen] = await box();
		assert.deepEqual(viewport, [TOP, 200]);
		assert.equal(screen[1], 400, "the picture is another size");
		const place = screen[0] + 380;
		assert.ok(place > TOP && place < TOP + 200, `the place is at ${place}`);
		agent.forget();
		await phone.page.touchscreen.tap(120, place);
		await agent.until(({ events }) => clicks({ events }).length === 2, "a tap");
		assert.equal(clicks(agent)[0], "+1 120,380");
		phone.gateway.setLine("away");
		await phone.inState("reconnecting");
		const card = await phone.page.locator("#reconnect").boundingBox();
		assert.ok(card && card.y >= TOP && card.y + card.height <= TOP + 200, "it is covered");
		phone.gateway.setLine("there");
		await phone.inState("running");
		await see(440); /* a browser's own bar */
		assert.deepEqual(await box(), [
			[TOP, 400],
			[TOP, 400],
		]);
		await phone.page.waitForTimeout(700); /* longer than a resize waits */
		assert.ok(!agent.events.some(({ type }) => type === "geometry"));
	} finally {
		await phone.close();
	}
});

test("nothing of this broke the policy, threw or sent half an event", () => {
	assert.deepEqual(browser.complaints, []);
	assert.deepEqual(
		browser.agents.flatMap(({ faults }) => faults),
		[],
	);
});
