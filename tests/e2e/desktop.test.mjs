// SPDX-License-Identifier: ISC
/**
 * A person works on a desktop: logs in, types, points, resizes, leaves and comes back. Whatever the
 * page claims is checked on the X2Go server itself.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch, logIn, open, place, state } from "./lib/browser.mjs";
import { eventually } from "./lib/rpc.mjs";
import { build, Stack } from "./lib/stack.mjs";
import { pictureDifference, typeText } from "./lib/screen.mjs";

const stack = new Stack();
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {string[]} */
let complaints;
let display = 0;
let session = "";

/** A command of alice's inside her desktop. @param {string} command */
const inside = (command) =>
	stack.onHost("alice", `export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority; ${command}`);

/** Her sessions as the X2Go server lists them: id and status. */
const listed = async () =>
	(await stack.onHost("alice", "x2golistsessions"))
		.split("\n")
		.filter(Boolean)
		.map((line) => line.split("|"))
		.map(([, id, number, , status]) => ({ id, display: Number(number), status }));

before(async () => {
	await stack.start();
	browser = await launch();
	({ page, complaints } = await open(browser, stack));
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

test("a login starts the chosen desktop and shows it", async () => {
	await logIn(page, { desktop: "ICEWM" });
	await state(page, "running");
	const [row] = await listed();
	assert.match(row.id, /^alice-\d+-\d+_stKICEWM_dp24$/);
	assert.equal(row.status, "R");
	({ display, id: session } = row);
	assert.equal(await page.inputValue("#password"), "", "the form keeps the password");
});

test("what is typed arrives in a terminal", async () => {
	await eventually(() => inside("xdotool search --class icewm || true"), "the window manager");
	await page.locator("#screen").click({ position: { x: 400, y: 300 } });
	await page.keyboard.press("Control+Alt+KeyT");
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --class xterm || true"),
		"a terminal window",
	);
	await inside(`xdotool windowfocus --sync ${window.split("\n")[0]}`);
	await typeText(page, "echo $((6*7)) > /tmp/x2goweb-proof");
	await page.keyboard.press("Enter");
	await eventually(
		async () => (await inside("cat /tmp/x2goweb-proof 2>/dev/null || true")) === "42",
		"42 in the file",
	);
});

test("the page shows what the X server shows", async () => {
	await typeText(page, "clear; seq 1 20; echo Hello from the Browser");
	await page.keyboard.press("Enter");
	await eventually(
		async () => (await pictureDifference(stack, page, display)).mean < 3,
		"the picture of the server in the page",
	);
	const { colours } = await pictureDifference(stack, page, display);
	assert.ok(colours > 100, `only ${colours} colours: there is nothing to be seen`);
	await mkdir(path.join(build, "screenshots"), { recursive: true });
	await page.screenshot({ path: path.join(build, "screenshots", "real-desktop.png") });
});

test("pointer, buttons and wheel reach the X server", async () => {
	for (const [x, y] of [
		[10, 10],
		[333, 222],
		[700, 500],
	]) {
		const at = await place(page, x, y);
		await page.mouse.move(at.x, at.y);
		await eventually(
			async () => (await inside("xdotool getmouselocation")).startsWith(`x:${x} y:${y} `),
			`the pointer at ${x},${y}`,
		);
	}
	await inside("xev -event mouse -geometry 240x160+600+380 >/tmp/xev.log 2>&1 & echo $!");
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --name 'Event Tester' || true"),
		"the event tester",
	);
	const geometry = await inside(`xdotool getwindowgeometry --shell ${window}`);
	const [left, top] = ["X", "Y"].map((key) => Number(geometry.match(`\\b${key}=(\\d+)`)?.[1]));
	const at = await place(page, left + 120, top + 80);
	await page.mouse.move(at.x, at.y);
	for (const button of /** @type {const} */ (["left", "middle", "right"]))
		await page.mouse.click(at.x, at.y, { button });
	await page.mouse.wheel(0, 240);
	await page.mouse.wheel(0, -240);
	for (const button of [1, 2, 3, 4, 5])
		await eventually(
			() =>
				inside(
					`awk '/^ButtonPress/{p=1} /^ButtonRelease/{p=0} p && /button ${button},/' /tmp/xev.log`,
				),
			`button ${button} pressed`,
		);
	await inside("pkill xev");
});

test("the remote screen follows the window", async () => {
	await page.setViewportSize({ width: 1180, height: 700 });
	const wanted = await eventually(async () => {
		const size = await inside("xdotool getdisplaygeometry");
		const canvas = await page.evaluate(() => {
			const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (
				document.getElementById("screen")
			);
			return `${clientWidth} ${clientHeight}`;
		});
		return size === canvas ? size : "";
	}, "the X server's size equal to the canvas");
	assert.match(wanted, /^11\d\d \d+$/);
	await eventually(
		async () => (await pictureDifference(stack, page, display)).mean < 3,
		"the picture after the resize",
	);
});

test("suspend, list and resume: the desktop is as it was", async () => {
	await page.click("#suspend");
	await state(page, "sessions");
	assert.deepEqual(await listed(), [{ id: session, display, status: "S" }]);
	const card = page.locator(`#session-list li[data-session="${session}"]`);
	assert.match((await card.textContent()) ?? "", /suspended/i);
	await card.locator('[data-action="resume"]').click();
	await state(page, "running");
	assert.deepEqual(await listed(), [{ id: session, display, status: "R" }]);
	await eventually(
		async () => (await pictureDifference(stack, page, display)).mean < 3,
		"the same picture again",
	);
	await typeText(page, "echo back > /tmp/x2goweb-back");
	await page.keyboard.press("Enter");
	await eventually(
		async () => (await inside("cat /tmp/x2goweb-back 2>/dev/null || true")) === "back",
		"the terminal still listens",
	);
});

test("disconnect leaves the session suspended for later", async () => {
	await page.click("#disconnect");
	await state(page, "sessions");
	await eventually(async () => (await listed())[0]?.status === "S", "the session suspended");
	await page.locator(`li[data-session="${session}"] [data-action="resume"]`).click();
	await state(page, "running");
});

test("terminate asks, then ends the session for good", async () => {
	await page.click("#terminate");
	await page.click("#confirm-yes");
	await state(page, "sessions");
	assert.deepEqual(await listed(), []);
	assert.equal(await stack.onHost("alice", "ls -d /tmp/.x2go-alice/C-* 2>/dev/null || true"), "");
	assert.deepEqual(complaints, []);
});
