// SPDX-License-Identifier: ISC
/**
 * Mouse, wheel and fingers on a real desktop: what the X server's event tester saw is what was
 * done in the page. Sizes of the screen, fine displays, and a session in a window of its own.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, logIn, open, place, state } from "./lib/browser.mjs";
import { eventually } from "./lib/rpc.mjs";
import { pictureDifference, typeText } from "./lib/screen.mjs";
import { Stack } from "./lib/stack.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{press: boolean, button: number, state: number, x: number, y: number}} Seen */

/** Where the event tester's inside stands on the screen. */
const TESTER = { x: 200, y: 150, width: 320, height: 240 };
const LOG = "/tmp/x2goweb-xev.log";

const stack = new Stack();
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
/** @type {Page} */
let page;
/** @type {import("playwright-core").CDPSession} */
let raw;
/** @type {string[]} */
let complaints;
let display = 0;

/** @param {Page} shown */
const running = (shown) => state(shown, "running", 90000);

/** The window that the button opens. */
async function detach() {
	const opened = page.waitForEvent("popup", { timeout: 90000 });
	await page.click("#detach", { timeout: 60000 });
	return opened;
}

/** A command of alice's inside her desktop. @param {string} command */
const inside = (command) =>
	stack.onHost("alice", `export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority; ${command}`);

/** Her only session's display and status. */
async function listed() {
	const line = await stack.onHost("alice", "x2golistsessions");
	const [, id, number, , status] = line.split("\n")[0].split("|");
	return { id, display: Number(number), status };
}

/** Waits for the screen's size on the server. @param {number} width @param {number} height */
const sized = (width, height) =>
	eventually(
		async () => (await inside("xdotool getdisplaygeometry")) === `${width} ${height}`,
		`a screen of ${width}x${height}`,
		40000,
	);

/** Starts the event tester at its place, above everything. */
async function startTester() {
	await inside(
		`pkill xev; xev -event button -geometry ${TESTER.width}x${TESTER.height} >${LOG} 2>&1 &`,
	);
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --name 'Event Tester' || true"),
		"the event tester",
	);
	await eventually(async () => {
		await inside(
			`xdotool windowmove ${window} ${TESTER.x} ${TESTER.y}; xdotool windowraise ${window}`,
		);
		const shell = await inside(`xdotool getwindowgeometry --shell ${window}`);
		const at = ["X", "Y"].map((key) => Number(shell.match(`\\b${key}=(-?\\d+)`)?.[1]));
		/* The frame is the window manager's matter: take what it made of it. */
		tester = { ...TESTER, x: at[0], y: at[1] };
		return at[0] > 100;
	}, "the event tester at its place");
	await clear();
}

let tester = TESTER;
const clear = () => inside(`: >${LOG}`);

/** What the event tester has seen since. @returns {Promise<Seen[]>} */
async function seen() {
	const text = await inside(`cat ${LOG}`);
	const pattern =
		/Button(Press|Release) event[^]*?root:\((-?\d+),(-?\d+)\),\s+state (0x[0-9a-f]+), button (\d+)/g;
	return [...text.matchAll(pattern)].map(([, kind, x, y, mask, button]) => ({
		press: kind === "Press",
		...{ button: Number(button), state: Number(mask), x: Number(x), y: Number(y) },
	}));
}

/** As many events, and no more. @param {number} count @param {string} what */
async function seenExactly(count, what) {
	await eventually(async () => (await seen()).length >= count, what);
	const all = await seen();
	assert.equal(all.length, count, `${what}: ${JSON.stringify(all)}`);
	return all;
}

/** @param {Seen[]} events */
const short = (events) => events.map(({ press, button }) => `${press ? "+" : "-"}${button}`);

/** In the middle of the tester, or so many screen pixels from there. */
const middle = (dx = 0, dy = 0) =>
	place(page, tester.x + tester.width / 2 + dx, tester.y + tester.height / 2 + dy);

/** @param {string} type @param {{x: number, y: number}[]} points */
const touch = (type, ...points) =>
	raw.send("Input.dispatchTouchEvent", {
		type: /** @type {any} */ (type),
		touchPoints: points.map(({ x, y }, id) => ({ x, y, id })),
	});

before(async () => {
	await stack.start();
	browser = await launch();
	({ context, page, complaints } = await open(browser, stack, { hasTouch: true }));
	raw = await context.newCDPSession(page);
	await logIn(page, { desktop: "ICEWM" });
	await running(page);
	({ display } = await listed());
	await eventually(() => inside("xdotool search --class icewm || true"), "the window manager");
	await startTester();
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

test("every button arrives where the pointer is; back does not turn the browser's page", async () => {
	const at = await middle(7, -5);
	for (const [button, bit] of /** @type {const} */ ([
		["left", 1],
		["middle", 4],
		["right", 2],
		["back", 8],
	]))
		for (const type of /** @type {const} */ (["mousePressed", "mouseReleased"]))
			await raw.send("Input.dispatchMouseEvent", {
				...{ type, ...at, button, clickCount: 1 },
				buttons: type === "mousePressed" ? bit : 0,
			});
	const all = await seenExactly(8, "four clicks");
	assert.deepEqual(short(all), ["+1", "-1", "+2", "-2", "+3", "-3", "+8", "-8"]);
	const pixel = { x: tester.x + tester.width / 2 + 7, y: tester.y + tester.height / 2 - 5 };
	for (const { x, y } of all) assert.deepEqual({ x, y }, pixel);
	assert.equal(await page.evaluate(() => document.documentElement.dataset.state), "running");
});

test("a click right after a move acts where the move went", async () => {
	await clear();
	for (let i = 0; i < 10; i++) {
		const at = await middle(i * 10 - 50, i * 7 - 30);
		await page.mouse.move(at.x, at.y);
		await page.mouse.click(at.x, at.y);
	}
	const all = await seenExactly(20, "ten clicks");
	const [left, top] = [tester.x + tester.width / 2, tester.y + tester.height / 2];
	assert.deepEqual(
		all.filter(({ press }) => press).map(({ x, y }) => [x - left, y - top]),
		Array.from({ length: 10 }, (_, i) => [i * 10 - 50, i * 7 - 30]),
	);
});

test("a drag ends where the button is let go: off the canvas, off the window", async () => {
	for (const [x, y] of [
		[300, 10],
		[-50, -80],
		[3000, 2000],
	]) {
		await clear();
		const at = await middle();
		await page.mouse.move(at.x, at.y);
		await page.mouse.down();
		await page.mouse.move(at.x + 20, at.y);
		await page.mouse.move(x, y);
		await page.mouse.up();
		const all = await seenExactly(2, `a drag to ${x},${y}`);
		assert.deepEqual(short(all), ["+1", "-1"]);
		assert.equal(await inside("xdotool getmouselocation >/dev/null; echo ok"), "ok");
	}
	await page.mouse.move(500, 400);
});

test("modifiers go with a click, and do not stay", async () => {
	const at = await middle();
	for (const [key, bit] of /** @type {const} */ ([
		["ControlLeft", 4],
		["ShiftLeft", 1],
		["AltLeft", 8],
	])) {
		/* The window manager itself takes clicks with Alt. */
		if (key === "AltLeft") continue;
		await clear();
		await page.keyboard.down(key);
		await page.mouse.click(at.x, at.y);
		await page.keyboard.up(key);
		await page.mouse.click(at.x, at.y);
		const all = await seenExactly(4, `a click with ${key}`);
		assert.equal(all[0].state & 0xd, bit, key);
		assert.equal(all[2].state & 0xd, 0, `${key} stayed`);
	}
});

test("a wheel's notch is a notch, up, down and sideways", async () => {
	await clear();
	const at = await middle();
	await page.mouse.move(at.x, at.y);
	for (const [dx, dy] of [
		[0, 120],
		[0, 120],
		[0, 120],
		[0, -120],
		[120, 0],
		[-120, 0],
	])
		await page.mouse.wheel(dx, dy);
	const all = await seenExactly(12, "six notches");
	assert.deepEqual(
		all.filter(({ press }) => press).map(({ button }) => button),
		[5, 5, 5, 4, 7, 6],
	);
});

test("a touchpad's many small steps scroll as far as they are long, and do not fly", async () => {
	/* After the wheel: a rest. */
	await page.waitForTimeout(500);
	await clear();
	for (let i = 0; i < 100; i++) await page.mouse.wheel(0, 6);
	const at = await middle();
	await page.mouse.click(at.x, at.y);
	await eventually(async () => (await seen()).at(-1)?.button === 1, "the click behind it");
	const notches = (await seen()).filter(({ press, button }) => press && button !== 1);
	assert.ok(notches.every(({ button }) => button === 5));
	/* Six; where the machine stumbles, the page may see a rest that takes a part of one. */
	assert.ok(notches.length >= 4 && notches.length <= 6, `${notches.length} notches`);
});

test("the wheel with Shift goes sideways, with Control to the program", async () => {
	await page.waitForTimeout(500);
	await clear();
	await page.keyboard.down("ShiftLeft");
	await page.mouse.wheel(0, 120);
	await page.keyboard.up("ShiftLeft");
	await page.keyboard.down("ControlLeft");
	await page.mouse.wheel(0, 120);
	await page.keyboard.up("ControlLeft");
	const all = await seenExactly(4, "two notches");
	assert.deepEqual(
		all.filter(({ press }) => press).map((one) => [one.button, one.state & 5]),
		[
			[7, 0],
			[5, 4],
		],
	);
	assert.equal(await page.evaluate(() => visualViewport?.scale), 1);
});

test("fingers: tap, double tap, long press, two and three fingers", async () => {
	await clear();
	const at = await middle(30, 30);
	const near = { x: at.x + 60, y: at.y };
	const third = { x: at.x + 30, y: at.y + 50 };
	await touch("touchStart", at);
	await touch("touchEnd");
	assert.deepEqual(short(await seenExactly(2, "a tap")), ["+1", "-1"]);
	const [{ x, y }] = await seen();
	assert.deepEqual([x, y], [tester.x + tester.width / 2 + 30, tester.y + tester.height / 2 + 30]);
	await page.waitForTimeout(400);
	await clear();
	await touch("touchStart", at);
	await page.waitForSelector(".touch-ring:not([hidden])");
	await page.waitForTimeout(700);
	assert.deepEqual(await seen(), []);
	await touch("touchEnd");
	assert.deepEqual(short(await seenExactly(2, "a long press")), ["+3", "-3"]);
	await page.waitForSelector(".touch-ring", { state: "hidden" });
	await clear();
	await touch("touchStart", at);
	await touch("touchStart", at, near);
	await touch("touchEnd");
	assert.deepEqual(short(await seenExactly(2, "two fingers")), ["+3", "-3"]);
	await clear();
	await touch("touchStart", at, near, third);
	await touch("touchEnd");
	assert.deepEqual(short(await seenExactly(2, "three fingers")), ["+2", "-2"]);
});

test("fingers: two scroll, both ways, and the page stays", async () => {
	for (const [way, button] of [
		[-1, 5],
		[1, 4],
	]) {
		await clear();
		const a = await middle(0, -way * 60);
		const b = { x: a.x + 50, y: a.y };
		await touch("touchStart", a, b);
		for (let step = 1; step <= 20; step++)
			await touch("touchMove", ...[a, b].map(({ x, y }) => ({ x, y: y + way * step * 6 })));
		await touch("touchEnd");
		/* 120 pixels of the fingers' way. */
		const all = await seenExactly(6, "three notches");
		assert.deepEqual([...new Set(all.map((one) => one.button))], [button]);
	}
	assert.deepEqual(await page.evaluate(() => [scrollY, visualViewport?.scale]), [0, 1]);
});

test("fingers: held and moved drags, and only then", async () => {
	await clear();
	const from = await middle(-60, 0);
	const to = await middle(60, 40);
	await touch("touchStart", from);
	for (let step = 1; step <= 5; step++)
		await touch("touchMove", { x: from.x + step * 20, y: from.y });
	await touch("touchEnd");
	assert.deepEqual(await seen(), []);
	await touch("touchStart", from);
	await page.waitForTimeout(800);
	await touch("touchMove", { x: from.x + 30, y: from.y });
	await touch("touchMove", to);
	await touch("touchEnd");
	const all = await seenExactly(2, "a drag");
	assert.deepEqual(
		all.map(({ press, button, x, y }) => [press, button, x - tester.x, y - tester.y]),
		[
			[true, 1, tester.width / 2 - 60, tester.height / 2],
			[false, 1, tester.width / 2 + 60, tester.height / 2 + 40],
		],
	);
});

test("fingers: a pinch enlarges the view alone; a tap then hits what is seen", async () => {
	await page.waitForTimeout(400);
	await clear();
	const size = await inside("xdotool getdisplaygeometry");
	const width = () =>
		page.evaluate(() => document.getElementById("screen")?.getBoundingClientRect().width ?? 0);
	const before = await width();
	const a = await middle(-20, 0);
	const b = await middle(20, 0);
	await touch("touchStart", a, b);
	for (let step = 1; step <= 10; step++)
		await touch("touchMove", { x: a.x - step * 2, y: a.y }, { x: b.x + step * 2, y: b.y });
	await touch("touchEnd");
	assert.ok(Math.abs((await width()) / before - 2) < 0.1, `${(await width()) / before}`);
	const at = await middle(13, 9);
	await touch("touchStart", at);
	await touch("touchEnd");
	const [tap] = await seenExactly(2, "a tap");
	const [dx, dy] = [tap.x - tester.x - tester.width / 2, tap.y - tester.y - tester.height / 2];
	assert.deepEqual([dx, dy], [13, 9]);
	/* One finger moves the larger view. */
	await page.waitForTimeout(400);
	const left = () => page.evaluate(() => document.getElementById("viewport")?.scrollLeft ?? 0);
	const scrolled = await left();
	await touch("touchStart", at);
	for (let step = 1; step <= 4; step++)
		await touch("touchMove", { x: at.x - step * 15, y: at.y });
	await touch("touchEnd");
	assert.ok(Math.abs((await left()) - scrolled - 60) <= 1, `${await left()} from ${scrolled}`);
	await touch("touchStart", { x: 200, y: 300 }, { x: 600, y: 300 });
	for (let step = 1; step <= 10; step++)
		await touch("touchMove", { x: 200 + step * 18, y: 300 }, { x: 600 - step * 18, y: 300 });
	await touch("touchEnd");
	assert.ok(Math.abs((await width()) - before) < 1);
	assert.equal((await seen()).length, 2);
	assert.equal(await inside("xdotool getdisplaygeometry"), size);
	assert.equal(await page.evaluate(() => visualViewport?.scale), 1);
});

test("a fixed size, fitted into the window: each click hits its pixel", async () => {
	await page.click("#size");
	await page.selectOption("#screen-size", "1600x900");
	await page.keyboard.press("Escape");
	await sized(1600, 900);
	await page.waitForSelector('#screen[data-width="1600"]');
	await eventually(
		async () => (await pictureDifference(stack, page, display)).mean < 3,
		"the picture in its new size",
	);
	await clear();
	const offsets = [
		[0, 0],
		[1, 1],
		[-113, 71],
		[99, -84],
		[150, 110],
	];
	for (const [dx, dy] of offsets) {
		const at = await middle(dx, dy);
		await page.mouse.click(at.x, at.y);
	}
	const all = await seenExactly(10, "five clicks");
	assert.deepEqual(
		all
			.filter(({ press }) => press)
			.map(({ x, y }) => [x - tester.x - tester.width / 2, y - tester.y - tester.height / 2]),
		offsets,
	);
});

test("detached: the window shows the session, what is done there arrives, and it comes back", async () => {
	const popup = await detach();
	await running(popup);
	await state(page, "ended");
	const ours = page;
	page = popup;
	try {
		await eventually(
			async () => (await pictureDifference(stack, popup, display)).mean < 3,
			"the picture in the window",
		);
		await clear();
		const at = await middle(11, -7);
		await popup.mouse.click(at.x, at.y);
		assert.deepEqual(short(await seenExactly(2, "a click in the window")), ["+1", "-1"]);
		await inside("pkill xev; true");
		await inside("xterm >/dev/null 2>&1 &");
		const window = await eventually(
			() => inside("xdotool search --onlyvisible --class xterm || true"),
			"a terminal window",
		);
		await inside(`xdotool windowfocus --sync ${window.split("\n")[0]}`);
		await typeText(popup, "echo detached > /tmp/x2goweb-detached");
		await popup.keyboard.press("Enter");
		await eventually(
			async () =>
				(await inside("cat /tmp/x2goweb-detached 2>/dev/null || true")) === "detached",
			"what was typed in the window",
		);
	} finally {
		page = ours;
	}
	const closed = popup.waitForEvent("close");
	await page.click("#again");
	await closed;
	await running(page);
	assert.equal((await listed()).status, "R");
	await eventually(
		async () => (await pictureDifference(stack, page, display)).mean < 3,
		"the picture in the page again",
	);
});

test("detached: a window that is closed leaves the session to be resumed", async () => {
	const popup = await detach();
	await running(popup);
	await popup.close();
	await page.waitForSelector("#again:text('Resume')");
	await eventually(async () => (await listed()).status === "S", "the session suspended");
	await page.click("#again");
	await running(page);
	assert.equal((await listed()).status, "R");
	await page.click("#terminate");
	await page.click("#confirm-yes");
	await state(page, "sessions");
	assert.deepEqual(complaints, []);
});

test("a fine display: native pixels at 192 dots per inch, one to one", async () => {
	const fine = await open(browser, stack, { deviceScaleFactor: 2 });
	await logIn(fine.page, { desktop: "ICEWM" });
	await running(fine.page);
	({ display } = await listed());
	const box = await fine.page.evaluate(() => {
		const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (
			document.getElementById("stage")
		);
		return { width: clientWidth * 2, height: clientHeight * 2 };
	});
	await sized(box.width, box.height);
	const info = await inside("xdpyinfo");
	const [, dpi] = info.match(/resolution:\s+(\d+)x\d+ dots per inch/) ?? [];
	assert.ok(Math.abs(Number(dpi) - 192) <= 2, `${dpi} dots per inch`);
	await eventually(
		async () => (await pictureDifference(stack, fine.page, display)).mean < 3,
		"the picture, pixel by pixel",
	);
	const shown = await fine.page.evaluate(() => {
		const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
		const { width, height } = screen.getBoundingClientRect();
		return { width: width * devicePixelRatio, height: height * devicePixelRatio };
	});
	assert.deepEqual(shown, box);
	const at = await place(fine.page, 1001, 777);
	await fine.page.mouse.move(at.x, at.y);
	await eventually(
		async () => (await inside("xdotool getmouselocation")).startsWith("x:1001 y:777 "),
		"the pointer at its pixel",
	);
	assert.deepEqual(fine.complaints, []);
	await fine.context.close();
});
