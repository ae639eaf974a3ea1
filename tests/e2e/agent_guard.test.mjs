// SPDX-License-Identifier: ISC
/**
 * What clients may do to an agent without harming it: the real one, behind the relay. Hostile ones
 * that send anything, careless ones that type and resize faster than an agent can bear, and slow
 * ones that do not read.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
	geometryEvent,
	keyEvent,
	motionEvent,
	selectionChunk,
	selectionNotice,
	updateEvent,
} from "../../www/js/stream/kdrive_send.js";
import { launch, open, logIn, state } from "./lib/browser.mjs";
import { Client, eventually } from "./lib/rpc.mjs";
import { pictureDifference } from "./lib/screen.mjs";
import { Stack } from "./lib/stack.mjs";
import { Desktop, EVENT_BYTES, Viewer } from "./lib/viewer.mjs";

const SCREEN = { width: 800, height: 600 };
const EVENTS_WHOLE = 100_000;
const EVENTS_PER_MESSAGE = 1000;
/** With selections that are none, each of which ends the stream. */
const HOSTILE_CONNECTIONS = 10;
const EVENTS_PER_CONNECTION = 200;
const RESIZES = 60;
/** No random one is like that. */
const LAST = { width: 63 + 1024, height: 1200 };
const SLOW_MS = 30_000;
/** What stands before a picture of now: [relay] delay_bytes, sockets and the picture. */
const MOST_BEHIND_BYTES = 8 * 1024 * 1024;
const START_MS = 180_000;

const SHIFT = 1;
const TYPE_SELECTION = 9;
const TYPE_DISCONNECT = 15;

const stack = new Stack();
before(() => stack.start());
after(() => stack.stop());

/** @param {string} user @param {string} [password] */
async function start(user, password = "wonderland") {
	const client = new Client(stack);
	await client.logIn(user, password);
	/* A server that has no processor for it gives a start up. */
	const { session, ws } = await eventually(
		() => client.ok("start", { desktop: "ICEWM", ...SCREEN }).catch(() => null),
		"a desktop",
		START_MS,
	);
	const viewer = new Viewer(stack, ws, client.cookie);
	await viewer.picture();
	const desktop = new Desktop(stack, user, session.display);
	await desktop.windowManager();
	return { client, session, ws, viewer, desktop };
}

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Takes the session up after the stream's end. @param {Client} client @param {string} id */
async function again(client, id) {
	const { ws } = await eventually(async () => {
		const { status, json } = await client.call("resume", {
			...{ login: client.login, id, ...SCREEN },
		});
		return status === 200 ? json : null;
	}, "resumed");
	const viewer = new Viewer(stack, ws, client.cookie);
	await viewer.picture();
	return viewer;
}

/** One segment of the network, as far as can be told from here. @param {Viewer} viewer
 * @param {() => void} send */
async function inOneGo(viewer, send) {
	const raw = /** @type {import("node:net").Socket} */ (
		/** @type {any} */ (viewer.socket)._socket
	);
	raw.cork();
	send();
	raw.uncork();
	await viewer.taken();
}

/* --- keys ---------------------------------------------------------------------------------- */

test("keys with changing modifiers type what they say, however fast they come", async (t) => {
	const { viewer, desktop, client } = await start("alice");
	await desktop.inside(
		"rm -f $HOME/typed; setsid xterm -class Typing -e sh -c " +
			"'stty raw -echo; exec cat >>$HOME/typed' >/dev/null 2>&1 &",
	);
	const window = await eventually(
		() => desktop.inside("xdotool search --onlyvisible --class Typing || true"),
		"a terminal",
	);
	await eventually(() => desktop.inside("test -e $HOME/typed && echo yes || true"), "its cat");
	await desktop.inside(`xdotool windowfocus --sync ${window}`);
	let text = "";
	for (let round = 0; round < 10; round++) {
		await inOneGo(viewer, () => {
			for (let i = 0; i < 60; i++) {
				const shifted = round % 2 === 0 ? i % 2 === 1 : Math.random() < 0.5;
				const at = Math.floor(Math.random() * 9);
				viewer.send(keyEvent(true, 38 + at, shifted ? SHIFT : 0));
				text += shifted ? "ASDFGHJKL"[at] : "asdfghjkl"[at];
			}
		});
	}
	let typed = "";
	await eventually(
		async () => (typed = await desktop.inside("cat $HOME/typed")).length >= text.length,
		"all keys",
	).catch(() => {});
	/* The distance is one of time: an agent that gets no processor for longer than that reads two
	 * keys at once. Without it every second one is wrong. */
	const wrong = [...text].filter((sign, i) => sign !== typed[i]).length;
	t.diagnostic(`${wrong} of ${text.length} keys with the modifiers of another`);
	assert.equal(typed.toLowerCase(), text.toLowerCase());
	assert.ok(wrong <= text.length / 20, `${text} was typed as ${typed}`);
	await client.ok("logout");
});

/* --- anything ------------------------------------------------------------------------------ */

/** mulberry32. @param {number} seed */
function randomFrom(seed) {
	return () => {
		seed = (seed + 0x6d2b79f5) | 0;
		let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** @param {() => number} random */
function hostile(random) {
	const below = (/** @type {number} */ limit) => Math.floor(random() * limit);
	const bytes = (/** @type {number} */ count) =>
		Uint8Array.from({ length: count }, () => below(256));
	const text = bytes(3000);
	/** Events that a page could send, of every kind. */
	const u16 = () => bytes(2);
	const small = () => Uint8Array.of(below(256), 0, 0, 0);
	const good = [
		() => plain(2 + below(2), small(), small()),
		() => plain(4 + below(2), small(), Uint8Array.of(below(34), 0, 0, 0)),
		() => motionEvent(below(1000), below(800)),
		() => plain(6, bytes(8)),
		() => (below(8) === 0 ? updateEvent(null) : plain(12)),
		() =>
			below(8) !== 0
				? plain(12)
				: updateEvent({ x: below(100), y: below(100), width: 100, height: 100 }),
		() => plain(8, u16(), new Uint8Array(2), u16(), new Uint8Array(2)),
		() => selectionNotice(below(2), below(3)),
		() => (below(8) === 0 ? plain(11, u16()) : plain(12)),
		() => plain(below(8) === 0 ? 13 : 12),
		() => plain(14, bytes(20)) /* windows that may be there */,
		() => (below(40) === 0 ? geometryEvent(64 + below(1500), 64 + below(1100)) : plain(12)),
	];
	const event = () => good[below(good.length)]();
	const mutated = () => {
		const it = Uint8Array.from(event());
		for (let k = 1 + below(4); k > 0; k--) it[below(EVENT_BYTES)] = below(256);
		return it;
	};
	const random41 = () => {
		const it = bytes(EVENT_BYTES);
		if (below(2)) it.set([below(20), 0, 0, 0]);
		return it;
	};
	const any = () => [event, mutated, mutated, random41][below(4)]();
	return {
		/** An event of whatever is not a selection, nor the way out. */
		event() {
			for (;;) {
				const it = any();
				const type = it[0];
				const plainly = (it[1] | it[2] | it[3]) === 0;
				if (plainly && (type === TYPE_SELECTION || type === TYPE_DISCONNECT)) continue;
				/* Large screens take seconds each: they are rare, not absent. */
				if (plainly && type === 7 && (it[5] > 6 || it[7] > 6) && below(2000) !== 0)
					continue;
				return it;
			}
		},
		/** As many as make a whole unit; the way out is not among them. */
		anything() {
			for (;;) {
				const it =
					below(8) === 0
						? selectionChunk(below(2), below(2), text, 0, 1 + below(3000))
						: any();
				if (below(3) === 0)
					for (const at of [4, 5, 12, 16]) it[at] ^= below(2) && below(256);
				if (it[0] !== TYPE_DISCONNECT || (it[1] | it[2] | it[3]) !== 0) return it;
			}
		},
	};
}

/** @param {number} type @param {Uint8Array[]} fields from its fifth byte on */
function plain(type, ...fields) {
	const event = new Uint8Array(EVENT_BYTES);
	event[0] = type;
	event.set(Buffer.concat(fields), 4);
	return event;
}

test("100,000 random and mutated events: the agent lives and shows its picture", async (t) => {
	const seed = Number(process.env.SEED) || Date.now() % 1_000_000;
	t.diagnostic(`SEED=${seed}`);
	const from = hostile(randomFrom(seed));
	const { client, session, desktop, viewer: first } = await start("bob", "builder");
	let viewer = first;
	await desktop.inside(
		"setsid xterm -class Drawing -e sh -c 'stty raw -echo; while :; do date; sleep 0.1; done' >/dev/null 2>&1 &",
	);
	/* It would do what the keys and clicks say: close windows and log out. */
	await stack.onHost("root", "pkill -STOP -u bob icewm");
	const agent = await desktop.agent();
	assert.match(agent, /^\d+$/);

	const begin = Date.now();
	let sent = 0;
	for (; sent < EVENTS_WHOLE; sent += EVENTS_PER_MESSAGE) {
		const message = new Uint8Array(EVENTS_PER_MESSAGE * EVENT_BYTES);
		for (let i = 0; i < EVENTS_PER_MESSAGE; i++) message.set(from.event(), i * EVENT_BYTES);
		viewer.send(message);
		await viewer.taken(60_000);
	}
	assert.equal(viewer.end, undefined, "a relay that is told nonsense in whole events goes on");
	/* The agent takes what it is sent in order: a size that there was not yet comes last. */
	viewer.screens = [];
	viewer.send(geometryEvent(LAST.width, LAST.height));
	await viewer.until(
		() =>
			viewer.screens.some(
				({ width, height }) => width === LAST.width && height === LAST.height,
			),
		"all events by the agent",
		180_000,
	);
	const wholeMs = Date.now() - begin;
	assert.equal(await desktop.agent(), agent, "the agent is the one that it was");
	let thrownOut = 0;
	for (let i = 0; i < HOSTILE_CONNECTIONS; i++) {
		const units = Array.from({ length: EVENTS_PER_CONNECTION }, () => from.anything());
		viewer.send(Buffer.concat(units));
		sent += EVENTS_PER_CONNECTION;
		await Promise.race([viewer.taken().catch(() => {}), viewer.closed().catch(() => {})]);
		if (!viewer.end) continue;
		thrownOut += 1;
		viewer = await again(client, session.id);
	}
	t.diagnostic(
		`${sent} events, ${wholeMs} ms for the first ${EVENTS_WHOLE}, ${Date.now() - begin} ms ` +
			`in all; thrown out ${thrownOut} times of ${HOSTILE_CONNECTIONS}`,
	);
	assert.ok(thrownOut > 0, "no malformed selection was found out");
	assert.equal(await desktop.agent(), agent, "the agent is the one that it was");

	viewer.send(geometryEvent(SCREEN.width, SCREEN.height));
	await eventually(async () => {
		const { width, height } = await viewer.screen(60_000);
		return width === SCREEN.width && height === SCREEN.height;
	}, "the screen in the size that it is to have");
	const { frames } = viewer;
	await desktop.inside(
		"setsid xterm -e sh -c 'while :; do date; sleep 0.1; done' >/dev/null 2>&1 &",
	);
	await viewer.until(() => viewer.frames > frames + 3, "what is drawn");
	assert.equal(await desktop.agent(), agent);
	viewer.socket.terminate();
});

test("a client that ends the agent's connection suspends the session, which comes again", async () => {
	const { client, session, viewer } = await start("u01");
	viewer.send(plain(TYPE_DISCONNECT));
	await viewer.closed();
	await again(client, session.id);
	await client.ok("terminate", { id: session.id });
});

/* --- sizes --------------------------------------------------------------------------------- */

test(`${RESIZES} changes of size while three terminals print: the agent lives`, async (t) => {
	const { client, session, ws, viewer: first, desktop } = await start("u02");
	let viewer = first;
	let damaged = 0;
	let broken = 0;
	await desktop.print();
	const agent = await desktop.agent();
	const begin = Date.now();
	for (let i = 0; i < RESIZES; i++) {
		const width = 400 + 8 * Math.floor(Math.random() * 100);
		const height = 300 + 8 * Math.floor(Math.random() * 60);
		/* As a person who drags a window's corner. */
		for (let k = 5; k > 0; k--) viewer.send(geometryEvent(width - 3 * k, height - 2 * k));
		viewer.send(geometryEvent(width, height));
		await viewer.until(
			() =>
				viewer.fault !== "" ||
				viewer.screens.some((now) => now.width === width && now.height === height),
			`${width}x${height} after ${i} changes`,
		);
		viewer.screens = [];
		if (viewer.fault) {
			t.diagnostic(viewer.fault);
			damaged += 1;
		}
		if (!viewer.fault && i !== RESIZES / 2) continue;
		/* A page that is loaded again: the same agent's stream, from a new beginning. */
		const before = viewer;
		viewer = new Viewer(stack, ws, client.cookie);
		await viewer.until(() => viewer.reinits > 0 && viewer.frames > 0, "a picture again");
		assert.match(viewer.words[0], /^hello 1 [0-9a-f]{16} [0-9]+ [0-9]+ fresh$/);
		await before.closed();
		broken += before.broken.length;
		viewer.screens = [];
	}
	broken += viewer.broken.length;
	t.diagnostic(
		`${((Date.now() - begin) / RESIZES).toFixed(0)} ms for each, ${broken} frames without sense`,
	);
	assert.equal(await desktop.agent(), agent);
	assert.ok(damaged <= 2, `${damaged} times the agent sent nonsense`);
	await client.ok("terminate", { id: session.id });
});

/* --- slow ones ----------------------------------------------------------------------------- */

test("a browser that does not read costs the agent nothing, and has the picture again at once", async (t) => {
	const { viewer, desktop, client, session } = await start("u03");
	await desktop.print();
	await pause(3000);
	const before = await desktop.agentMiB();
	viewer.acknowledging = true;
	viewer.socket.pause();
	await pause(SLOW_MS);
	const slow = await desktop.agentMiB();
	viewer.acknowledging = false;
	const { bytes } = viewer;
	const begin = Date.now();
	viewer.socket.resume();
	await viewer.screen();
	const tookMs = Date.now() - begin;
	const caughtUp = viewer.bytes - bytes;
	await pause(3000);
	t.diagnostic(
		`agent ${before.toFixed(1)} MiB, ${slow.toFixed(1)} MiB after ${SLOW_MS / 1000} s, ` +
			`${(await desktop.agentMiB()).toFixed(1)} MiB later; picture after ${tookMs} ms and ` +
			`${(caughtUp / 1024).toFixed(0)} KiB`,
	);
	assert.ok(slow < before + 40, `the agent grew from ${before} to ${slow} MiB`);
	assert.ok(tookMs < 5000, `${tookMs} ms`);
	assert.ok(caughtUp < MOST_BEHIND_BYTES, `${caughtUp} bytes`);
	await desktop.stopPrinting();
	viewer.socket.terminate();

	/* What it shows is right: a page has it from the same agent. */
	await client.ok("suspend", { id: session.id });
	const browser = await launch();
	try {
		const { page } = await open(browser, stack);
		await logIn(page, { user: "u03", password: "wonderland", desktop: "ICEWM" });
		await state(page, "sessions");
		await page.locator('#session-list [data-action="resume"]').first().click();
		await state(page, "running");
		await eventually(
			async () => (await pictureDifference(stack, page, desktop.display, "u03")).mean < 3,
			"the server's picture in the page",
		);
	} finally {
		await browser.close();
	}
	await client.ok("terminate", { id: session.id });
});
