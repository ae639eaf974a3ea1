// SPDX-License-Identifier: ISC
/**
 * Connections that are cut at any moment, between browser and web server, with the real agent:
 * nothing is reloaded, no key is lost or comes twice, no byte of the stream is missing.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { KdriveReader } from "../../www/js/stream/kdrive_read.js";
import { demandSelectionEvent, keyEvent, updateEvent } from "../../www/js/stream/kdrive_send.js";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { Cutter, CUTS } from "./lib/cutter.mjs";
import { Follower } from "./lib/follower.mjs";
import { Client, eventually } from "./lib/rpc.mjs";
import { pictureDifference, typeText } from "./lib/screen.mjs";
import { Stack } from "./lib/stack.mjs";

const CLIPBOARD = 1;
const CUTS_WHILE_TYPING = 20;
const CUTS_WITHOUT_BROWSER = 100;
const RETURNS = 10;
/** Pauses of 3 s at least come after so many attempts in vain. */
const LONG_AFTER = 6;
const AT_ONCE_MS = 2000;
/** Bytes a second; a terminal that scrolls takes several times as many. */
const SLOW_RATE = 100_000;
/** Pictures are compressed; a part that shows something else differs by more. */
const WORST_PART = 20;

const stack = new Stack();
/** @type {Cutter} */ let network;
/** @type {import("playwright-core").Browser} */ let browser;
/** @type {import("playwright-core").Page} */ let page;
let user = "alice";
let display = 0;
/** @type {{at: number, text: string}[]} */
const said = [];

before(async () => {
	await stack.start();
	network = await new Cutter(stack.port).start();
});
after(async () => {
	await browser?.close();
	network?.stop();
	await stack.stop();
});

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Short ones more often. @param {number} most */
const anyTime = (most) => most * Math.random() ** 2;
const sha256 = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");

/** A command inside the desktop. @param {string} command */
const inside = (command) =>
	stack.onHost(
		user,
		`export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority LANG=C.UTF-8; ${command}`,
	);

/** A terminal that writes down what is typed, and nothing else. */
async function listen() {
	await eventually(
		() => inside("xprop -root _NET_SUPPORTING_WM_CHECK | grep '#' || true"),
		"the window manager",
	);
	await inside(
		"rm -f $HOME/typed; setsid xterm -class Typing -geometry 60x10+20+400 " +
			"-e sh -c 'stty raw -echo; exec cat >>$HOME/typed' >/dev/null 2>&1 &",
	);
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --class Typing || true"),
		"a terminal",
	);
	await eventually(() => inside("test -e $HOME/typed && echo yes || true"), "its program");
	await inside(`xdotool windowfocus --sync ${window}`);
}

/** @param {string} text */
async function wasTyped(text) {
	let typed = "";
	try {
		await eventually(async () => (typed = await inside("cat $HOME/typed")) === text, text);
	} catch {
		assert.equal(typed, text);
	}
	await pause(500); /* nothing comes after it */
	assert.equal(await inside("cat $HOME/typed"), text);
}

/** Something that draws all the time. */
const drawALot = () =>
	inside(
		"setsid xterm -class Drawing -geometry 100x20+20+30 -e sh -c " +
			"'while :; do head -c 600 /dev/urandom | base64; sleep 0.05; done' >/dev/null 2>&1 &",
	);

/** What was drawn stays as it is: nothing is painted over what is wrong. */
async function isRightOnceStill() {
	await inside("pkill -STOP -f '[D]rawing'; pkill -STOP -f '[w]hile :'; true");
	const seen = { mean: 255, worst: 255 };
	await eventually(async () => {
		Object.assign(seen, await pictureDifference(stack, page, display));
		return seen.mean < 3 && seen.worst < WORST_PART;
	}, "the server's picture in the page").catch((error) =>
		assert.fail(`${error}: ${JSON.stringify(seen)}`),
	);
	await inside("pkill -KILL -f '[D]rawing'; pkill -KILL -f '[w]hile :'; true");
	return `differs by ${seen.mean.toFixed(2)}, the worst part by ${seen.worst.toFixed(1)}`;
}

/** Random signs, in lines that a person could have typed. @param {number} count */
const anyText = (count) =>
	[...randomBytes(count)]
		.map((byte) => "abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789 -"[byte % 46])
		.join("");

/** @param {number[]} values */
const quantiles = (values) => {
	const sorted = [...values].sort((a, b) => a - b);
	const at = (/** @type {number} */ q) =>
		Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]);
	return `median ${at(0.5)} ms, 90 % ${at(0.9)} ms, most ${at(1)} ms (${sorted.length})`;
};

/** Attempts have failed so often that the page pauses for seconds. @param {number} since */
const pausesAreLong = (since) =>
	eventually(
		() =>
			said.filter(({ at, text }) => at >= since && /reconnecting -> reconnecting/.test(text))
				.length >= LONG_AFTER,
		"attempts in vain",
		30000,
	);

/** The page's own word of when its stream was there again. @param {number} from */
const back = (from) =>
	eventually(
		() => said.find(({ at, text }) => at >= from && /connection: greeting -> open/.test(text)),
		"the stream back",
		30000,
	);

test("a person types while the connection is cut: no key is lost, the picture is right", async (t) => {
	browser = await launch();
	const place = { url: `https://localhost:${network.port}/x2go/` };
	({ page } = await open(browser, /** @type {Stack} */ (/** @type {unknown} */ (place))));
	page.on("console", (message) => said.push({ at: performance.now(), text: message.text() }));
	await logIn(page, { desktop: "ICEWM" });
	await state(page, "running");
	display = Number((await stack.onHost(user, "x2golistsessions")).split("|")[2]);
	await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));
	await page.locator("#screen").click({ position: { x: 900, y: 600 } });
	await drawALot();
	await listen();

	const text = anyText(400);
	let typing = true;
	const cutting = (async () => {
		for (let i = 0; i < CUTS_WHILE_TYPING; i++) {
			await pause(anyTime(1500));
			/* Silence takes seconds to be found out: not every time. */
			const kinds = i % 7 === 6 ? CUTS : CUTS.filter((how) => how !== "silence");
			network.cut(kinds[Math.floor(Math.random() * kinds.length)]);
		}
		while (typing) await pause(50);
	})();
	for (const sign of text) {
		await typeText(page, sign);
		await pause(anyTime(120));
	}
	typing = false;
	await cutting;
	await wasTyped(text);
	const returns = said.filter(({ text: word }) => /greeting -> open/.test(word)).length - 1;
	t.diagnostic(`${text.length} keys, ${returns} times back`);
	/* What is cut while it is away already is one loss. */
	assert.ok(returns >= CUTS_WHILE_TYPING / 4, `${returns} times back`);
	assert.ok(await page.evaluate(() => "notReloaded" in globalThis));
	assert.equal(await page.evaluate(() => document.documentElement.dataset.state), "running");
	t.diagnostic(await isRightOnceStill());
});

test("a line that is too slow for what is drawn: the picture is right once that is still", async (t) => {
	await drawALot();
	const begin = performance.now();
	network.rate = SLOW_RATE;
	await eventually(
		() => stack.broker?.log.includes("backlog: open -> thin"),
		"pictures left out",
		30000,
	);
	await pause(5000);
	network.rate = 0;
	t.diagnostic(await isRightOnceStill());
	const lost = said.filter(({ at, text }) => at >= begin && /-> reconnecting/.test(text));
	assert.deepEqual(lost, []);
});

test("how soon the stream is back", async (t) => {
	/** @type {number[]} */ const afterCut = [];
	/** @type {number[]} */ const afterReturn = [];
	for (let i = 0; i < RETURNS; i++) {
		await pause(1100);
		const cutAt = performance.now();
		network.cut("reset");
		afterCut.push((await back(cutAt)).at - cutAt);

		network.setAway(true);
		await state(page, "reconnecting");
		await pause(anyTime(3000));
		network.setAway(false);
		const backAt = performance.now();
		await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
		afterReturn.push((await back(backAt)).at - backAt);
		await state(page, "running");
	}
	t.diagnostic(`after a cut: ${quantiles(afterCut)}`);
	t.diagnostic(`after the network's return: ${quantiles(afterReturn)}`);
	assert.ok(await page.evaluate(() => "notReloaded" in globalThis));
});

test("the browser says that the network is there again: the stream goes on at once", async (t) => {
	const context = page.context();
	const cutAt = performance.now();
	network.setAway(true);
	await context.setOffline(true);
	await state(page, "reconnecting");
	await pausesAreLong(cutAt);
	network.setAway(false);
	const backAt = performance.now();
	await context.setOffline(false);
	const tookMs = (await back(backAt)).at - backAt;
	t.diagnostic(`${Math.round(tookMs)} ms`);
	assert.ok(tookMs < AT_ONCE_MS, `${tookMs} ms`);
	await state(page, "running");
	await page.click("#terminate");
	await page.click("#confirm-yes");
	await state(page, "sessions");
});

test(`${CUTS_WITHOUT_BROWSER} cuts in a stream that is known: both directions whole`, async (t) => {
	user = "bob";
	const client = new Client(stack);
	await client.logIn("bob", "builder");
	const size = { width: 800, height: 600 };
	const started = await client.ok("start", { desktop: "ICEWM", ...size });
	display = started.session.display;

	let pictures = 0;
	/** @type {string[]} */ const damaged = [];
	let copied = Buffer.alloc(0);
	/** @type {Set<string>} */ const arrived = new Set();
	let noticed = 0;
	const read = (/** @type {import("../../www/js/stream/kdrive_read.js").Message} */ message) => {
		if (message.type === "frame")
			for (const { data } of message.regions) {
				if (!data) continue;
				pictures += 1;
				if (!isWholePicture(data)) damaged.push(`a picture of ${data.length} bytes`);
			}
		else if (message.type === "reinit") follower.send(updateEvent(null));
		else if (message.type === "selection" && message.selection === CLIPBOARD) {
			if (message.size === 0 && message.first && message.last) {
				noticed += 1;
				follower.send(demandSelectionEvent(CLIPBOARD));
				return;
			}
			copied = Buffer.concat([message.first ? Buffer.alloc(0) : copied, message.data]);
			if (message.last) arrived.add(sha256(copied.toString()));
		}
	};
	let reader = new KdriveReader(read);
	const follower = new Follower({
		client,
		path: started.ws,
		port: network.port,
		onBytes: (bytes) => {
			try {
				reader.push(Uint8Array.from(bytes));
			} catch (error) {
				damaged.push(String(error));
				reader = new KdriveReader(read);
			}
		},
		onFresh: () => (reader = new KdriveReader(read)),
	});
	await eventually(() => pictures > 0, "a picture");
	await drawALot();
	await listen();

	/* Keycodes of a to l, but for those between them that write nothing. */
	const letters = [...Array(9).keys()].map((i) => 38 + i);
	const names = "asdfghjkl";
	let text = "";
	let working = true;
	const typing = (async () => {
		while (working) {
			const i = Math.floor(Math.random() * letters.length);
			follower.send(keyEvent(true, letters[i], 0));
			text += names[i];
			await pause(10 + anyTime(40));
		}
	})();
	/** @type {string[]} */ const wanted = [];
	const copying = (async () => {
		while (working) {
			const bytes = 100_000 + Math.floor(Math.random() * 300_000);
			const sum = await inside(
				`head -c ${bytes} /dev/urandom | base64 -w 0 >$HOME/copied; ` +
					"xsel --clipboard --input <$HOME/copied; sha256sum <$HOME/copied",
			);
			const hash = sum.split(" ")[0];
			wanted.push(hash);
			await eventually(() => arrived.has(hash), "what was copied on the server");
		}
	})();
	let cuts = 0;
	for (; follower.welcomes.resume < CUTS_WITHOUT_BROWSER && cuts < 1000; cuts++) {
		/* Some fall upon an attempt to come back. */
		if (cuts % 5 !== 0) await eventually(() => follower.greeted, "the stream back");
		await pause(10 + anyTime(300));
		const how = CUTS[Math.floor(Math.random() * CUTS.length)];
		network.cut(how);
		if (how === "silence") {
			await pause(anyTime(200));
			follower.reconnect();
		}
	}
	working = false;
	await typing;
	await copying;
	await eventually(() => follower.kept.length === 0, "all keys taken");
	await wasTyped(text);
	const { welcomes, gapsMs } = follower;
	t.diagnostic(
		`${text.length} keys, ${wanted.length} texts, ${pictures} pictures, ${follower.down} bytes; ` +
			`cut ${cuts} times, resumed ${welcomes.resume} times, afresh ${welcomes.fresh}; ${noticed} notices`,
	);
	t.diagnostic(`from loss to greeting: ${quantiles(gapsMs)}`);
	assert.deepEqual(follower.faults, []);
	assert.deepEqual(damaged, []);
	assert.equal(sha256(await inside("cat $HOME/typed")), sha256(text));
	assert.ok(welcomes.resume >= CUTS_WITHOUT_BROWSER, `${welcomes.resume} times resumed`);
	assert.equal(follower.bye, "");
	follower.close();
});

/** JPEG or PNG, from its first mark to its last. @param {Uint8Array} data */
function isWholePicture(data) {
	const begins = (/** @type {number[]} */ ...marks) => marks.every((mark, i) => data[i] === mark);
	const ends = (/** @type {number[]} */ ...marks) =>
		marks.every((mark, i) => data[data.length - marks.length + i] === mark);
	if (begins(0xff, 0xd8)) return ends(0xff, 0xd9);
	return begins(0x89, 0x50, 0x4e, 0x47) && ends(0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82);
}
