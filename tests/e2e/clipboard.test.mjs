// SPDX-License-Identifier: ISC
/**
 * A person copies and pastes between a program on her own machine and programs on the X2Go server,
 * through a real Chromium window: by the usual keys and without any permission, by permitted
 * reading, and by the panel. What arrives is compared byte by byte, or pixel by pixel.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { logIn, open, place, state } from "./lib/browser.mjs";
import { ServerPrograms, UserMachine } from "./lib/clipboards.mjs";
import { eventually } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { drawPng } from "./standin/png.mjs";

/** @typedef {import("./lib/clipboards.mjs").Selection} Selection */
/** @typedef {import("playwright-core").Page} Page */

const MIB = 1024 * 1024;
const PNG = "image/png";
const WAIT_MS = 60_000;

/* Room for a selection that the server sends faster than a loaded machine's browser takes it. */
const stack = new Stack({ config: { relay: { buffer_bytes: String(64 * MIB) } } });
/** @type {UserMachine} */
let user;
/** @type {ServerPrograms} */
let server;
/** @type {Page} */
let page;
/** @type {string[]} */
let complaints;
/** @type {string} */
let session;

/** Text that differs each time, so that nothing old passes for it. @param {string} name */
const fresh = (name) => `${name} ${randomBytes(6).toString("hex")}`;

/** Every plane of Unicode, what combines, what runs from right to left, ends of lines, and a NUL. */
const PLANES = [
	...Array.from({ length: 17 }, (_, plane) =>
		[0x0041, 0x4e2d, 0xfffd].map((at) => plane * 0x10000 + at),
	),
	[0x10fffd, 0x1f600, 0x1f469, 0x200d, 0x1f680, 0xfeff, 0xfdfd],
]
	.flat()
	.map((point) => String.fromCodePoint(point))
	.join("");
const HARD_TEXT = `${PLANES} e\u0301 g\u0308\u0323 שלום עולם مرحبا\r\nzwei\n\ttab\u0085nel\0nul end`;

/** @param {number} bytes */
function longText(bytes) {
	const line = `${fresh("line")} äöü ${"0123456789".repeat(8)} €😀\n`;
	return Buffer.from(line.repeat(Math.ceil(bytes / Buffer.byteLength(line))));
}

/** The user's clipboard holds exactly this. @param {Buffer | string} wanted
 * @param {Selection} [selection] */
async function userHas(wanted, selection = "clipboard") {
	const bytes = Buffer.from(wanted);
	/** @type {Buffer} */
	let seen = bytes.subarray(0, 0);
	await eventually(
		async () => (seen = await user.paste(selection)).equals(bytes),
		"the text on the user's machine",
		WAIT_MS,
	).catch((error) => {
		throw new Error(`${error.message}; ${seen.length} bytes: ${seen.subarray(0, 80)}`);
	});
}

/** A program on the server pastes exactly this. @param {Buffer | string} wanted
 * @param {Selection} [selection] @param {() => Promise<void>} [before] each try */
async function serverHas(wanted, selection = "clipboard", before = async () => {}) {
	const bytes = Buffer.from(wanted);
	/** @type {Buffer} */
	let seen = bytes.subarray(0, 0);
	await eventually(
		async () => {
			await before();
			return (seen = await server.paste(selection)).equals(bytes);
		},
		"the text on the server",
		WAIT_MS,
	).catch((error) => {
		throw new Error(`${error.message}; ${seen.length} bytes: ${seen.subarray(0, 80)}`);
	});
}

/** A program on the server copies, as it does when the user presses its keys.
 * @param {Buffer | string} data @param {string} [target] */
async function serverCopies(data, target) {
	await page.keyboard.press("Control+KeyC");
	await server.copy("clipboard", data, target);
}

/** A terminal that keeps what it is given in a file, and has the focus.
 * @param {string} name @param {string} [program] */
async function terminal(name, program = `stty raw -echo; cat >/tmp/${name}`) {
	await server.run(
		`rm -f /tmp/${name}; xterm -T ${name} -u8 -geometry 60x12+40+60 -e sh -c '${program}' ` +
			">/dev/null 2>&1 &",
	);
	const window = await eventually(
		() => server.text(`xdotool search --onlyvisible --name '^${name}$' || true`),
		`the terminal ${name}`,
		WAIT_MS,
	);
	await server.run(`xdotool windowfocus --sync ${window}`);
	await eventually(() => server.text(`ls /tmp/${name} 2>/dev/null || true`), `/tmp/${name}`);
	return {
		got: () => server.run(`cat /tmp/${name}`),
		close: () => server.run(`xdotool windowkill ${window}`),
	};
}

/** @param {() => Promise<Buffer>} got @param {string} wanted */
async function terminalGets(got, wanted) {
	let seen = "";
	await eventually(
		async () => (seen = (await got()).toString()) === wanted,
		"the text in the terminal",
	).catch((error) => {
		throw new Error(`${error.message}: ${JSON.stringify(seen)}`);
	});
}

/** Another window on the user's machine had the focus for a while. A browser may not have seen yet
 * what a program there has just copied, so tests come back until it has. */
async function comeBack() {
	await page.evaluate(() => {
		window.dispatchEvent(new Event("blur"));
		window.dispatchEvent(new Event("focus"));
	});
}

/** The panel shows exactly this. @param {string} id of a text area @param {string} wanted */
async function panelHas(id, wanted) {
	let seen = "";
	await eventually(
		async () => (seen = await page.locator(`#${id}`).inputValue()) === wanted,
		`the text in #${id}`,
		WAIT_MS,
	).catch(async (error) => {
		const told = await page.locator("#clipboard-fault, #clipboard-status").allTextContents();
		const there = await server.paste(id === "clipboard-text" ? "clipboard" : "primary");
		throw new Error(`${error.message}: ${JSON.stringify({ seen, told, there: `${there}` })}`);
	});
}

async function focusScreen() {
	await page.locator("#screen").click({ position: { x: 900, y: 640 } });
}

/** Pixels of a PNG, as the browser decodes it. @param {Uint8Array} png */
async function pixelsOf(png) {
	const base64 = Buffer.from(png).toString("base64");
	return page.evaluate(async (data) => {
		const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
		const bitmap = await createImageBitmap(new Blob([bytes]));
		const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
		const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
		context.drawImage(bitmap, 0, 0);
		const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
		const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", pixels));
		return `${bitmap.width}x${bitmap.height} ${[...hash].join(",")}`;
	}, base64);
}

/** @param {number} seed */
const picture = (seed) =>
	drawPng(320, 240, (x, y) => [(x * seed) & 255, (y * 3 + seed) & 255, (x ^ y) & 255, 255]);

/** @param {string[]} [permissions] granted, and all others denied; none: as a browser comes */
async function openPage(permissions) {
	const opened = await open(user.browser, stack);
	if (permissions) await opened.context.grantPermissions(permissions, { origin: stack.origin });
	({ page, complaints } = opened);
	await logIn(page, { desktop: "ICEWM" });
	await state(page, ["running", "sessions"], WAIT_MS);
	if ((await page.evaluate(() => document.documentElement.dataset.state)) === "sessions")
		await page.locator(`li[data-session="${session}"] [data-action="resume"]`).click();
	await state(page, "running", WAIT_MS);
	return opened.context;
}

/** @type {import("playwright-core").BrowserContext} */
let context;

before(async () => {
	await stack.start();
	user = await UserMachine.start();
	context = await openPage();
	const row = (await stack.onHost("alice", "x2golistsessions")).split("|");
	session = row[1];
	server = await ServerPrograms.create(stack, "alice", Number(row[2]));
	await eventually(() => server.text("xdotool search --class icewm || true"), "the desktop");
	await focusScreen();
});
after(async () => {
	await user?.stop();
	await stack.stop();
});

/** @param {string} name of a permission */
const permission = (name) =>
	page.evaluate(async (wanted) => {
		const query = { name: /** @type {PermissionName} */ (wanted) };
		return (await navigator.permissions.query(query)).state;
	}, name);

test("text of every plane: copied on the server, it is in the user's clipboard", async () => {
	assert.equal(await permission("clipboard-read"), "prompt");
	await serverCopies(HARD_TEXT);
	await userHas(HARD_TEXT);
});

test("text of every plane: pasted with the keys, it is in the server's clipboard", async () => {
	for (const [keys, text] of [
		["Control+KeyV", HARD_TEXT],
		["Control+Shift+KeyV", fresh("shifted")],
		["Shift+Insert", fresh("inserted")],
	]) {
		await user.copy("clipboard", text);
		await page.keyboard.press(keys);
		await serverHas(text);
	}
});

test("a pasted text is in the program before the next key", async () => {
	const { got, close } = await terminal("ordered");
	const text = fresh("line");
	await user.copy("clipboard", text);
	await page.keyboard.press("KeyA");
	await page.keyboard.press("Control+KeyV");
	await page.keyboard.press("KeyB");
	/* In a terminal Control+V is a character of its own. */
	await terminalGets(got, "a\x16b");
	await serverHas(text);
	await close();
});

test("Latin-1 from an old program is text, too", async () => {
	await serverCopies(Buffer.from("Gr\xfc\xdfe", "latin1"), "STRING");
	await userHas("Grüße");
});

test("5 MB of text from the server", async (t) => {
	const text = longText(5e6);
	const started = Date.now();
	await serverCopies(text);
	await userHas(text);
	t.diagnostic(`${text.length} bytes to the user in ${Date.now() - started} ms`);
});

test("5 MB of text to the server", async (t) => {
	const text = longText(5e6);
	await user.copy("clipboard", text);
	const started = Date.now();
	await page.keyboard.press("Control+KeyV");
	await serverHas(text);
	t.diagnostic(`${text.length} bytes to the server in ${Date.now() - started} ms`);
});

test("keys go their way while 30 MB are pasted", async (t) => {
	const { got, close } = await terminal("typed");
	const text = longText(30e6);
	await user.copy("clipboard", text);
	await page.keyboard.press("Control+KeyV");
	await terminalGets(got, "\x16");
	const pasting = server.text(
		"timeout 60 perl /tmp/selection.pl CLIPBOARD UTF8_STRING >/tmp/pasted; stat -c %.Y /tmp/pasted",
	);
	const typed = "fox";
	for (const sign of typed) await page.keyboard.press(`Key${sign.toUpperCase()}`);
	await terminalGets(got, `\x16${typed}`);
	const pasted = Number(await pasting);
	const arrived = Number(await server.text("stat -c %.Y /tmp/typed"));
	assert.ok((await server.run("cat /tmp/pasted")).equals(text));
	t.diagnostic(`the last key ${(pasted - arrived).toFixed(3)} s before the end of the paste`);
	assert.ok(arrived < pasted, `the last key ${arrived - pasted} s after the paste`);
	await close();
});

test("more than the clipboard carries is refused, and the page says so", async () => {
	const text = fresh("before");
	await user.copy("clipboard", text);
	await page.keyboard.press("Control+KeyV");
	await serverHas(text);
	await user.copy("clipboard", Buffer.alloc(33 * MIB, "x"));
	await page.keyboard.press("Control+KeyV");
	await page.click("#clipboard");
	await page.waitForSelector("#clipboard-fault:not([hidden])");
	assert.match((await page.textContent("#clipboard-fault")) ?? "", /too large/);
	await page.keyboard.press("Escape");
	await serverHas(text);
	await server.copy("clipboard", Buffer.alloc(33 * MIB, "y"));
	await page.click("#clipboard");
	await page.waitForSelector("#clipboard-fault:not([hidden])", { timeout: WAIT_MS });
	await page.keyboard.press("Escape");
	await focusScreen();
	const next = fresh("next");
	await serverCopies(next);
	await userHas(next);
});

test("a picture from the server", async () => {
	const png = picture(7);
	await serverCopies(png, PNG);
	const wanted = await pixelsOf(png);
	await eventually(async () => {
		const bytes = await user.paste("clipboard", PNG);
		return bytes.length > 0 && (await pixelsOf(bytes)) === wanted;
	}, "the picture's pixels on the user's machine");
	/* Pasted at once, it is still the program's own, not what the browser made of it. */
	await page.keyboard.press("Control+KeyV");
	await page.keyboard.press("Control+KeyA");
	assert.ok((await server.paste("clipboard", PNG)).equals(png));
});

test("a picture to the server", async () => {
	const png = picture(5);
	await user.copy("clipboard", png, PNG);
	await page.keyboard.press("Control+KeyV");
	const wanted = await pixelsOf(png);
	await eventually(async () => {
		const bytes = await server.paste("clipboard", PNG);
		return bytes[0] === 0x89 && (await pixelsOf(bytes)) === wanted;
	}, "the picture's pixels on the server");
});

test("of two copies in quick succession the last one wins, both ways", async () => {
	const [first, second, third, fourth] = ["one", "two", "three", "four"].map(fresh);
	await serverCopies(`${first} ${"x".repeat(3e6)}`);
	await serverCopies(second);
	await userHas(second);
	await user.copy("clipboard", `${third} ${"x".repeat(3e6)}`);
	await page.keyboard.press("Control+KeyV");
	await user.copy("clipboard", fourth);
	await page.keyboard.press("Control+KeyV");
	await serverHas(fourth);
});

test("a paste right after a copy on the server brings back nothing older", async () => {
	const [older, newer] = ["older", "newer"].map(fresh);
	await user.copy("clipboard", older);
	await page.keyboard.press("Control+KeyV");
	await serverHas(older);
	await serverCopies(newer);
	await page.keyboard.press("Control+KeyV");
	await serverHas(newer);
	await userHas(newer);
	/* It is the program's own still, which offers less than the agent would. */
	await page.keyboard.press("Control+KeyV");
	await page.keyboard.press("Control+KeyA");
	const targets = await server.paste("clipboard", "TARGETS");
	assert.equal(targets.length, 2 * 4, "xclip offers TARGETS and one more");
});

test("a middle click pastes what is selected on the user's machine", async () => {
	const { got, close } = await terminal("middle");
	const text = fresh("selected");
	await user.copy("primary", text);
	await comeBack();
	const at = await place(page, 150, 150);
	await page.mouse.click(at.x, at.y, { button: "middle" });
	await terminalGets(got, text);
	assert.equal((await server.paste("primary")).toString(), text);
	await close();
});

test("what is selected on the server stays, is pasted there, and stands in the panel", async () => {
	const text = `sel${randomBytes(4).toString("hex")}`;
	const { got, close } = await terminal("kept", `echo ${text}; stty raw -echo; cat >/tmp/kept`);
	await userHasPrimary();
	const before = await user.paste("clipboard");
	const at = await place(page, 80, 88);
	await eventually(async () => {
		await page.mouse.dblclick(at.x, at.y);
		return (await server.paste("primary")).toString() === text;
	}, "the word selected by mouse");
	await page.mouse.click(at.x, at.y, { button: "middle" });
	await terminalGets(got, text);
	await page.click("#clipboard");
	await panelHas("clipboard-selected", text);
	assert.ok(await page.locator("#clipboard-selected").isVisible());
	assert.deepEqual(await user.paste("clipboard"), before, "selecting is not copying");
	await page.keyboard.press("Escape");
	await close();
});

/** Something older is selected on the user's machine. */
async function userHasPrimary() {
	await user.copy("primary", fresh("elsewhere"));
}

const WORDS = ["日本", "語", "語", ..."一二三四五六七八"];

test("text that no key has is typed by pasting it, in order with the keys", async () => {
	const own = fresh("own");
	await user.copy("clipboard", own);
	await page.keyboard.press("Control+KeyV");
	await serverHas(own);
	const { got, close } = await terminal("composed");
	for (const text of WORDS) {
		await page.evaluate((data) => {
			const event = new ClipboardEvent("paste", {
				clipboardData: new DataTransfer(),
				bubbles: true,
				cancelable: true,
			});
			event.clipboardData?.setData("text/plain", data);
			document.getElementById("screen")?.dispatchEvent(event);
		}, text);
		await page.keyboard.press("KeyX");
	}
	await terminalGets(got, WORDS.map((word) => `${word}x`).join(""));
	await serverHas(own);
	await close();
});

test("the panel: sends, shows, copies, saves a picture", async () => {
	const [sent, shown] = ["sent", "shown"].map(fresh);
	await page.click("#clipboard");
	await page.fill("#clipboard-text", sent);
	await page.click("#clipboard-send");
	await serverHas(sent, "clipboard");
	await serverHas(sent, "primary");
	await server.copy("clipboard", shown);
	await panelHas("clipboard-text", shown);
	await user.copy("clipboard", "something else");
	await page.click("#clipboard-copy");
	await userHas(shown);
	const png = picture(11);
	await server.copy("clipboard", png, PNG);
	const download = page.waitForEvent("download");
	await page.click("#clipboard-save");
	const saved = await (await download).createReadStream();
	const parts = [];
	for await (const part of saved) parts.push(part);
	assert.equal(await pixelsOf(Buffer.concat(parts)), await pixelsOf(png));
	await page.keyboard.press("Escape");
});

test("where everything is denied: keys paste, and a copy is there with the next click", async () => {
	await context.close();
	context = await openPage([]);
	assert.equal(await permission("clipboard-read"), "denied");
	assert.equal(await permission("clipboard-write"), "denied");
	await focusScreen();
	const pasted = fresh("pasted");
	await user.copy("clipboard", pasted);
	await page.keyboard.press("Control+KeyV");
	await serverHas(pasted);
	const [late, newer] = ["late", "newer"].map(fresh);
	await page.click("#clipboard");
	await server.copy("clipboard", late);
	await page.waitForFunction(() =>
		/next click/.test(document.getElementById("clipboard-status")?.textContent ?? ""),
	);
	assert.equal((await user.paste("clipboard")).toString(), pasted);
	await focusScreen();
	await userHas(late);
	await page.click("#clipboard");
	await server.copy("clipboard", fresh("never written"));
	await page.waitForFunction(() =>
		/next click/.test(document.getElementById("clipboard-status")?.textContent ?? ""),
	);
	await user.copy("clipboard", newer);
	await comeBack();
	await focusScreen();
	await page.keyboard.press("Control+KeyV");
	await serverHas(newer);
	await userHas(newer);
	assert.deepEqual(complaints, []);
});

test("with the permission to read, a copy is there without any key", async () => {
	await context.close();
	context = await openPage(["clipboard-read", "clipboard-write"]);
	for (const text of [fresh("granted"), HARD_TEXT]) {
		await user.copy("clipboard", text);
		await serverHas(text, "clipboard", comeBack);
	}
	const png = picture(13);
	await user.copy("clipboard", png, PNG);
	await comeBack();
	const wanted = await pixelsOf(png);
	await eventually(async () => {
		const bytes = await server.paste("clipboard", PNG);
		return bytes[0] === 0x89 && (await pixelsOf(bytes)) === wanted;
	}, "the picture's pixels on the server");
	const back = fresh("back");
	await serverCopies(back);
	await userHas(back);
	await comeBack();
	await page.keyboard.press("Control+KeyV");
	await serverHas(back);
	assert.deepEqual(complaints, []);
});
