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
		assert.equal(got, text);
	}
}

/** A terminal that runs a command, has the focus, and nobody else is there.
 * @param {string} command */
async function terminal(command) {
	await inside("pkill -x xterm; rm -f /tmp/keys-*; true");
	await inside(`setsid xterm -u8 -class KeyTest -e sh -c ${quote(command)} >/dev/null 2>&1 &`);
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --class KeyTest || true"),
		"a terminal",
	);
	await inside(`xdotool windowfocus --sync ${window}`);
	await eventually(() => inside("test -e /tmp/keys-typed && echo yes || true"), "its program");
}

/** Writes down what is typed, at once. */
const listen = () => terminal("stty raw -echo; exec cat >/tmp/keys-typed");

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
