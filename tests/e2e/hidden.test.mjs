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
	const work = async () =>
		(await cdp.paint("Runtime.evaluate", { expression: "work" })).result.value;
	await inside(
		"xterm -geometry 100x40+20+30 -e sh -c 'while :; do head -c 3000 /dev/urandom | base64; done' " +
			">/dev/null 2>&1 &",
	);
	await eventually(() => inside("xdotool search --class xterm || true"), "the terminal");
	await eventually(async () => (await work()) > 50, "a busy desktop", 60_000);
	await setHidden(true);
	/* What had been received before may still be painted; then no more. */
	let done = await work();
	await eventually(
		async () => {
			await page.waitForTimeout(UNSEEN_MS);
			const before = done;
			done = await work();
			return done === before;
		},
		"a page that has stopped painting",
		60_000,
	);
	await page.waitForTimeout(WATCHED_MS);
	assert.equal(await work(), done);
});

test("shown again, the present picture stands without anything new from the desktop", async () => {
	await inside("pkill xterm; xsetroot -solid '#20c060'");
	await page.waitForTimeout(500);
	await setHidden(false);
	await eventually(
		() =>
			page.evaluate(() => {
				const screen = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
				const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
					new OffscreenCanvas(1, 1).getContext("2d")
				);
				context.drawImage(screen, 300, 300, 1, 1, 0, 0, 1, 1);
				const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
				return Math.abs(r - 0x20) + Math.abs(g - 0xc0) + Math.abs(b - 0x60) < 12;
			}),
		"the present picture",
	);
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
