// SPDX-License-Identifier: ISC
/**
 * A person types: real keys of an X display, a browser with a window, the gateway, and a terminal
 * in the X2Go session, which writes down what it gets.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { logIn, open, state } from "./lib/browser.mjs";
import { Desk } from "./lib/desk.mjs";
import { eventually } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const stack = new Stack();
const desk = new Desk();
/** @type {import("playwright-core").Page} */
let page;
/** @type {string[]} */
let complaints;
let display = 0;

/** A command of alice's inside her desktop. @param {string} command */
const inside = (command) =>
	stack.onHost(
		"alice",
		`export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority LANG=C.UTF-8; ${command}`,
	);

/** What the terminal got so far. */
const received = () => inside("cat /tmp/keys-typed");

/** @param {string} text */
async function receives(text) {
	let got = "";
	try {
		await eventually(async () => (got = await received()) === text, text, 40000);
	} catch {
		const state = await page.evaluate(() => document.documentElement.dataset.state);
		assert.deepEqual({ got, state }, { got: text, state: "running" });
	}
}

/** A terminal that runs a command, has the focus, and nobody else is there.
 * @param {string} command */
async function terminal(command) {
	await inside("pkill -x xterm; rm -f /tmp/keys-*; true");
	await inside(
		`setsid xterm -u8 -class KeyTest -xrm '*metaSendsEscape: true' -e sh -c ${quote(command)} >/dev/null 2>&1 &`,
	);
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --class KeyTest || true"),
		"a terminal",
	);
	await inside(`xdotool windowfocus --sync ${window}`);
	await eventually(() => inside("test -e /tmp/keys-typed && echo yes || true"), "its program");
}

/** Writes down what is typed, at once. */
const listen = () => terminal("stty raw -echo; exec cat >>/tmp/keys-typed");

const forget = () => inside(": >/tmp/keys-typed");

/** @param {string} text for a POSIX shell */
function quote(text) {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The session of the X server as it is known there. */
const serverLayout = async () => {
	const map = await inside("setxkbmap -query");
	const [, layout] = map.match(/^layout: *(\S+)/m) ?? [];
	const [, variant] = map.match(/^variant: *(\S+)/m) ?? [];
	return variant ? `${layout}(${variant})` : layout;
};

/** The person comes with this keyboard and opens the session. @param {string} layout
 * @param {string} [search] of the page's address */
async function workWith(layout, search = "") {
	await desk.setLayout(layout);
	const browser = await desk.openBrowser();
	({ page, complaints } = await open(browser, stack, { viewport: null }));
	if (search) {
		await page.goto(stack.url + search);
		await state(page, "form");
	}
	await logIn(page, { desktop: "ICEWM" });
	await state(page, ["running", "sessions"]);
	if ((await page.getAttribute("html", "data-state")) === "sessions") {
		await page.locator('#session-list [data-action="resume"]').first().click();
		await state(page, "running");
	}
	const [row] = (await stack.onHost("alice", "x2golistsessions")).split("\n");
	display = Number(row.split("|")[2]);
	/* While it starts it takes the focus from whoever has it. */
	await eventually(
		() => inside("xprop -root _NET_SUPPORTING_WM_CHECK | grep '#' || true"),
		"IceWM",
	);
	await desk.focusBrowser();
	await page.locator("#screen").click({ position: { x: 900, y: 600 } });
	await listen();
}

before(async () => {
	await stack.start();
	await desk.start();
});
after(async () => {
	await desk.stop();
	await stack.stop();
});

/** @type {[string, string][]} layout of the keyboard and what is typed on it */
const TEXTS = [
	["us", "Hello, World! `~@#$%^&*()_+-=[]{}\\|;:'\"<>/? 0123456789"],
	["de", "Grüße: äöüß ÄÖÜ yz YZ @ € {[]} \\ ~ | <>  # ' \" § $ % & / ( ) = ? µ ² ³"],
	[
		"fr",
		"Où l’été à Noël: forêt, naïve, é à ç è ù @ # { } [ ] | \\ ~ € 0123456789 % µ £".replace(
			"’",
			"'",
		),
	],
	["us(intl)", "señor naïve forêt déjà São 'x' \"y\" ~ ^ ` ß €"],
];
for (const [layout, text] of TEXTS)
	test(`on a keyboard that is ${layout}`, async () => {
		/* Dead keys write what others have as plain keys: browsers cannot tell these two apart. */
		await workWith(layout, layout === "us(intl)" ? "?layout=us(intl)" : "");
		assert.equal(await serverLayout(), layout);
		if (layout !== "us(intl)") {
			const title = await page.textContent('#keys-layout option[value="auto"]');
			const known = await page.textContent(`#keys-layout option[value="${layout}"]`);
			assert.equal(title, `Automatic: ${known}`, "found out by the browser");
		}
		await desk.type(text);
		await receives(text);
		assert.deepEqual(complaints, []);
	});

test("CapsLock writes capitals as long as its light is on", async () => {
	await workWith("us");
	await desk.press([66, 38, 56, "+50", 54, "-50", 10, 66, 38, 56]);
	await receives("ABc1ab");
});

test("NumLock decides what the keypad is, whatever the server had before", async () => {
	await forget();
	await desk.press([77, 87, 88, 89, 77, 87, 38]);
	await receives("123\x1b[Fa");
	await forget();
	await desk.press([88, 77, 88, 77]);
	await receives("\x1b[B2");
});

test("a key that is held repeats until it is let go", async () => {
	await forget();
	await desk.press(["+38"]);
	await eventually(async () => (await received()).length > 8, "more of it");
	await desk.press(["-38", 56]);
	await eventually(async () => (await received()).endsWith("b"), "the next key");
	assert.match(await received(), /^a+b$/);
});

test("Shift that is let go in another window does not stick", async () => {
	await forget();
	await desk.press(["+50", 38]);
	await receives("A");
	await desk.focusNothing();
	await desk.press(["-50"]);
	await desk.focusBrowser();
	await desk.press([56]);
	await receives("Ab");
	await inside("xdotool key c");
	await receives("Abc");
});

test("Alt and a letter reach the program", async () => {
	await forget();
	await desk.press(["+64", 38, "-64", 38]);
	await receives("\x1baa");
});

test("240 characters as fast as keys go, Shift changing all the time", async () => {
	await forget();
	const text = "aBcD{e}F|g\"H'i:J;kL<m>N?o".repeat(10).slice(0, 240);
	await desk.type(text, 1);
	await receives(text);
});

test("Control and C interrupt what runs in a terminal", async () => {
	await terminal(
		"trap 'echo interrupted >>/tmp/keys-typed' INT; : >/tmp/keys-typed; " +
			"while :; do sleep 0.2; done",
	);
	await desk.press(["+37", 54, "-37"]);
	await receives("interrupted");
	await listen();
});

test("another layout is chosen while the session runs, and kept for the next one", async () => {
	await page.click("#keys");
	await page.selectOption("#keys-layout", "de");
	await eventually(async () => (await serverLayout()) === "de", "the server's layout");
	await page.keyboard.press("Escape");
	await desk.press([52, 29, 20]);
	await receives("yzß");
	await page.click("#disconnect");
	await state(page, "sessions");
	assert.equal(await page.inputValue("#new-layout"), "de");
	await eventually(
		async () => (await stack.onHost("alice", "x2golistsessions")).split("|")[4] === "S",
		"the session suspended",
	);
	await page.locator('#session-list [data-action="resume"]').first().click();
	await state(page, "running");
	assert.equal(await serverLayout(), "de");
});

test("the Keys panel sends what the browser keeps, and holds modifiers for the next key", async () => {
	await listen();
	await page.click("#keys");
	await page.click('#kept-keys [data-keys="Control+KeyW"]');
	await page.click('#plain-keys [data-keys="ArrowUp"]');
	await page.click('#function-keys [data-keys="F5"]');
	await page.click('#held-keys [data-hold="Control"]');
	assert.equal(await page.getAttribute('[data-hold="Control"]', "aria-pressed"), "true");
	await page.keyboard.press("KeyA");
	assert.equal(await page.getAttribute('[data-hold="Control"]', "aria-pressed"), "false");
	await page.keyboard.press("KeyA");
	await receives("\x17\x1b[A\x1b[15~\x01a");
	await page.click("#keys");
	assert.deepEqual(complaints, []);
});

test("text that is composed arrives: typed as far as the layout has it, else pasted", async () => {
	await forget();
	await page.click("#keys");
	await page.click("#writing");
	assert.equal(await page.evaluate(() => document.activeElement?.id), "text-input");
	const input = await page.context().newCDPSession(page);
	await input.send("Input.insertText", { text: "grüße " });
	await receives("grüße ");
	await input.send("Input.imeSetComposition", {
		...{ text: "にほん", selectionStart: 3, selectionEnd: 3 },
	});
	await input.send("Input.imeSetComposition", {
		...{ text: "日本", selectionStart: 2, selectionEnd: 2 },
	});
	await input.send("Input.insertText", { text: "日本語" });
	await receives("grüße 日本語");
	await input.send("Input.insertText", { text: "😀ok" });
	await receives("grüße 日本語😀ok");
	/* As an on-screen keyboard takes back a letter, and corrects a word. */
	await page.evaluate(() => document.execCommand("delete"));
	await page.evaluate(() => {
		const field = /** @type {HTMLTextAreaElement} */ (document.activeElement);
		field.setRangeText("🙂 ja", field.value.length - 3, field.value.length, "end");
		field.dispatchEvent(new InputEvent("input", { inputType: "insertReplacementText" }));
	});
	await receives("grüße 日本語😀ok\x7f\x7f\x7f🙂 ja");
	assert.deepEqual(complaints, []);
});
