// SPDX-License-Identifier: ISC
/**
 * A desktop that nobody looks at, with the real agent, which goes on sending all the same: the page
 * neither decodes nor paints, loses no cursor and no clipboard, and shows the present picture at
 * once when somebody looks again.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connectToWorkers } from "./standin/worker_cdp.mjs";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { eventually } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { pictureDifference } from "./lib/screen.mjs";

/** Longer than the page waits before it takes itself for unseen. */
const UNSEEN_MS = 2500;
const WATCHED_MS = 3000;
/** With other programs at work on the machine; some 30 to 100 ms otherwise. */
const SHOWN_WITHIN_MS = 3000;

const stack = new Stack();
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {string[]} */
let complaints;
/** @type {(command: string) => Promise<string>} */
let inside;
/** @type {number} */
let display;

before(async () => {
	await stack.start();
	browser = await launch();
	({ page, complaints } = await open(browser, stack));
	await logIn(page, { desktop: "ICEWM" });
	await state(page, "running");
	display = Number(
		(await stack.onHost("alice", "x2golistsessions")).split("\n")[0].split("|")[2],
	);
	inside = (command) =>
		stack.onHost(
			"alice",
			`export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority; ${command}`,
		);
	await eventually(() => inside("xdotool search --class icewm || true"), "the window manager");
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

/** A headless browser never hides a page, so the page is told. @param {boolean} hidden */
const setHidden = (hidden) =>
	page.evaluate((now) => {
		Object.defineProperty(document, "hidden", { configurable: true, value: now });
		document.dispatchEvent(new Event("visibilitychange"));
	}, hidden);

/** Runs in the paint worker. */
function countWork() {
	const world = /** @type {any} */ (globalThis);
	world.work = 0;
	for (const [kind, name] of /** @type {any[][]} */ ([
		[ImageDecoder, "decode"],
		[OffscreenCanvasRenderingContext2D, "drawImage"],
	])) {
		const original = kind.prototype[name];
		kind.prototype[name] = function (/** @type {any[]} */ ...args) {
			world.work += 1;
			return original.apply(this, args);
		};
	}
}

test("hidden, nothing is decoded or painted, however much the desktop draws", async () => {
	const cdp = await connectToWorkers(page);
	await cdp.paint("Runtime.evaluate", { expression: `(${countWork})()` });
	/** What is decoded and painted in a while. */
	const work = async () => {
		const count = async () =>
			(await cdp.paint("Runtime.evaluate", { expression: "work" })).result.value;
		const from = await count();
		await page.waitForTimeout(WATCHED_MS);
		return (await count()) - from;
	};
	await inside(
		"xterm -geometry 100x40+20+30 -e sh -c 'while :; do head -c 3000 /dev/urandom | base64; done' " +
			">/dev/null 2>&1 &",
	);
	await eventually(() => inside("xdotool search --class xterm || true"), "the terminal");
	await eventually(async () => (await work()) > 50, "a busy desktop");
	await setHidden(true);
	await page.waitForTimeout(UNSEEN_MS);
	assert.equal(await work(), 0);
});

test("shown again, the present picture stands at once", async (context) => {
	await inside("pkill xterm; xsetroot -solid '#20c060'");
	await page.waitForTimeout(500);
	const ms = await page.evaluate(async () => {
		const screen = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
		const copy = new OffscreenCanvas(1, 1);
		const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
			copy.getContext("2d", { willReadFrequently: true })
		);
		const from = performance.now();
		Object.defineProperty(document, "hidden", { configurable: true, value: false });
		document.dispatchEvent(new Event("visibilitychange"));
		for (;;) {
			context.drawImage(screen, 300, 300, 1, 1, 0, 0, 1, 1);
			const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
			if (Math.abs(r - 0x20) + Math.abs(g - 0xc0) + Math.abs(b - 0x60) < 12) break;
			if (performance.now() - from > 20_000) break;
			await new Promise((resolve) => requestAnimationFrame(resolve));
		}
		return performance.now() - from;
	});
	context.diagnostic(`from shown to painted: ${ms.toFixed(0)} ms`);
	assert.ok(ms < SHOWN_WITHIN_MS, `${ms} ms`);
	await eventually(
		async () => (await pictureDifference(stack, page, display)).mean < 3,
		"the picture of the server in the page",
	);
});

test("a pointer shape that came while it was hidden is there", async () => {
	await inside("xsetroot -cursor_name left_ptr; xdotool mousemove 600 500");
	const cursor = () => page.evaluate(() => document.getElementById("screen")?.style.cursor ?? "");
	const earlier = await eventually(cursor, "a pointer shape");
	await setHidden(true);
	await page.waitForTimeout(UNSEEN_MS);
	await inside("xsetroot -cursor_name watch; xdotool mousemove 610 510");
	await setHidden(false);
	await eventually(async () => (await cursor()) !== earlier, "another pointer shape");
	assert.deepEqual(complaints, []);
});

test("a session that ends while it is hidden is known to have ended", async () => {
	await setHidden(true);
	await page.waitForTimeout(UNSEEN_MS);
	await stack.onHost("alice", "x2gosuspend-session $(x2golistsessions | cut -d'|' -f2)");
	await state(page, "ended");
});
