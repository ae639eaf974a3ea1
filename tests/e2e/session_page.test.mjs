// SPDX-License-Identifier: ISC
/**
 * The session page against a real X2Go server: sessions that a native client began, taking over,
 * suspending and terminating from the list, reloads, leaving, and published applications.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { eventually } from "./lib/rpc.mjs";
import { pictureDifference } from "./lib/screen.mjs";
import { Stack } from "./lib/stack.mjs";

const stack = new Stack({ config: { web: { native_mode: "yes" } } });
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof open>>} */
let first;
/** @type {Awaited<ReturnType<typeof open>>} */
let second;
/** Begun by the native client: a desktop and a single application. */
let desktop = { id: "", display: 0 };
let application = { id: "", display: 0 };

/** Starts a session as x2goclient does, over SSH. @param {string} type @param {string} program */
async function startNatively(type, program) {
	const agent = `x2gostartagent 800x600 lan 16m-jpeg-9 unix-kde-depth_24 us pc105/us 0 ${type} ${program} both`;
	const { status, stdout, stderr } = await stack.host("ssh", "alice", `exec ${agent}`);
	assert.equal(status, 0, stderr);
	const [display, , pid, id, , sound] = stdout.trim().split("\n");
	const run = `x2goruncommand ${display} ${pid} ${id} ${sound} ${program} nosnd ${type === "K" ? "D" : "R"}`;
	await stack.host(
		"ssh",
		"alice",
		`exec sh -c 'setsid ${run} </dev/null >/dev/null 2>&1 & exit 0'`,
	);
	return { id, display: Number(display) };
}

/** Her sessions as the X2Go server lists them. @returns {Promise<Record<string, string>>} */
async function listed() {
	const lines = (await stack.onHost("alice", "x2golistsessions")).split("\n").filter(Boolean);
	return Object.fromEntries(
		lines.map((line) => line.split("|")).map(([, id, , , status]) => [id, status]),
	);
}

/** @param {{id: string}} session @param {string} [action] */
const card = ({ id }, action) =>
	`li[data-session="${id}"]${action ? ` [data-action="${action}"]` : ""}`;

before(async () => {
	await stack.start();
	desktop = await startNatively("K", "ICEWM");
	application = await startNatively("A", "xclock");
	browser = await launch();
	first = await open(browser, stack);
});
after(async () => {
	await browser?.close();
	await stack.stop();
});

test("sessions of the native client stand in the list; what cannot be shown says why", async () => {
	const { page } = first;
	await logIn(page);
	await state(page, "sessions");
	assert.match((await page.textContent(card(desktop))) ?? "", /^IceWM.*started .* ago/s);
	assert.equal(await page.getAttribute(card(application), "data-kind"), "application");
	assert.match((await page.textContent(card(application))) ?? "", /X2Go client/);
	assert.equal(await page.locator(card(application, "resume")).count(), 0);
	assert.equal(await page.locator(card(application, "takeOver")).count(), 0);
});

test("suspend from the list asks, since the session is somebody else's", async () => {
	const { page } = first;
	/* Without a client the agent suspends itself in time. */
	if ((await page.getAttribute(card(desktop), "data-status")) === "running") {
		await page.click(card(desktop, "suspend"));
		await page.click("#confirm-yes");
	}
	await page.waitForSelector(`${card(desktop)}[data-status="suspended"]`);
	assert.equal((await listed())[desktop.id], "S");
});

test("the one session to go on with is offered, and shows what it showed", async () => {
	const { page } = first;
	assert.equal(await page.getAttribute("#session-list li >> nth=0", "data-session"), desktop.id);
	await page.getByRole("button", { name: /^Continue where you left off/ }).click();
	await state(page, "running");
	assert.equal((await listed())[desktop.id], "R");
	await eventually(
		async () => (await pictureDifference(stack, page, desktop.display)).mean < 3,
		"the picture of the native client's desktop",
	);
});

test("a reload asks first, and then comes back to the running session", async () => {
	const { page } = first;
	/** @type {string[]} */
	const asked = [];
	/** @param {import("playwright-core").Dialog} dialog */
	const answer = (dialog) => {
		asked.push(dialog.type());
		return dialog.accept();
	};
	page.on("dialog", answer);
	await page.locator("#screen").click({ position: { x: 300, y: 200 } });
	await page.reload();
	await state(page, "running", 60_000);
	page.off("dialog", answer);
	assert.deepEqual(asked, ["beforeunload"]);
	assert.equal(await page.inputValue("#password"), "");
	assert.equal((await listed())[desktop.id], "R");
	await eventually(
		async () => (await pictureDifference(stack, page, desktop.display)).mean < 3,
		"the picture after the reload",
	);
});

test("another browser takes it over after asking; the first says so, and stays away", async () => {
	second = await open(browser, stack);
	const { page } = second;
	await logIn(page);
	await state(page, "sessions");
	await page.click(card(desktop, "takeOver"));
	await page.click("#confirm-yes");
	await state(page, "running", 60_000);
	await state(first.page, ["ended", "error"]);
	assert.match((await first.page.textContent("#outcome")) ?? "", /./);
	await first.page.reload();
	await state(first.page, "sessions");
	await first.page.waitForSelector(`${card(desktop)}[data-status="running"]`);
	assert.equal(await page.getAttribute("html", "data-state"), "running");
});

test("terminate from the list asks, and ends what it names alone", async () => {
	const { page } = first;
	await page.click(card(application, "terminate"));
	await page.click("#confirm-no");
	assert.ok(application.id in (await listed()));
	await page.click(card(application, "terminate"));
	await page.click("#confirm-yes");
	await page.waitForSelector(card(application), { state: "detached" });
	await eventually(async () => !(application.id in (await listed())), "the end on the server");
	assert.equal((await listed())[desktop.id], "R");
});

test("what ends elsewhere leaves the list by itself", async () => {
	await second.page.click("#terminate");
	await second.page.click("#confirm-yes");
	await state(second.page, "sessions");
	await first.page.waitForSelector("#no-sessions:visible");
	assert.deepEqual(await listed(), {});
});

test("a published application runs on a desktop of its own", async () => {
	const { page } = second;
	await page.getByRole("button", { name: "XTerm", exact: true }).click();
	await state(page, "running", 60_000);
	const [id] = Object.keys(await listed());
	assert.match(id, /_stKxterm_dp24$/);
	const display = id.match(/-(\d+)-\d+_st/)?.[1];
	await eventually(
		() => stack.onHost("alice", `DISPLAY=:${display} xdotool search --class xterm || true`),
		"the terminal's window",
	);
	await page.click("#disconnect");
	await state(page, "sessions");
	await page.waitForSelector(`${card({ id })}[data-status="suspended"]`);
	assert.match((await page.textContent(card({ id }))) ?? "", /^XTerm/);
});

test("a reload after the login has ended leads to the form", async () => {
	const { page } = second;
	const id = await page.evaluate(
		() => JSON.parse(sessionStorage.getItem("x2goweb.login") ?? "{}").login,
	);
	await page.context().clearCookies();
	assert.match(id, /^[0-9a-f]{16}$/);
	await page.reload();
	await page.waitForSelector("#form-error:visible");
	assert.match((await page.textContent("#form-error")) ?? "", /log in/i);
});

test("native mode: the file leads to the server itself", async () => {
	const { page } = second;
	await page.fill("#username", "alice");
	await page.click("#native summary");
	const [download] = await Promise.all([
		page.waitForEvent("download"),
		page.click("#native-file"),
	]);
	const lines = (await readFile(await download.path(), "utf8")).split("\n");
	for (const line of [
		"host=127.0.0.1",
		`sshport=${stack.sshPort}`,
		"user=alice",
		"command=ICEWM",
		"kdrive=true",
	])
		assert.ok(lines.includes(line), `${line} in ${lines}`);
});

test("the pages neither threw nor broke their policy", () => {
	const own = [...first.complaints, ...second.complaints].filter(
		(line) => !line.startsWith("Failed to load resource"),
	);
	assert.deepEqual(own, []);
});
