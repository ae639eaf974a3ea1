// SPDX-License-Identifier: ISC
/**
 * The client at full speed: a recorded desktop played to our built page and to a painter in
 * upstream's manner (reference/), each in a browser of its own, taking turns. Both must end with
 * the same picture.
 *
 * client.frames_per_second    frames of the stream by the time from the first byte sent until the
 *                             last can be seen on the page's canvas
 * client.main_thread_blocked  share of that time in which the page's main thread could not answer
 *                             for more than 50 ms on end, by the Long Tasks API or by a timer of
 *                             10 ms that came late, each moment counted once
 * client.main_thread_busy     share of that time that the page's main thread spent in tasks
 * client.peak_heap            scripts' heaps of page and workers with their array buffers
 * client.peak_memory          renderer and GPU processes, proportional share (PSS)
 * client.input_to_wire_*      from a key event's time stamp in the page until its 41 bytes are with
 *                             the server, on one clock: the offset between page and server is
 *                             measured before (key events of one mask; others are spaced on purpose)
 */
import { build as bundle } from "esbuild";
import { cp } from "node:fs/promises";
import path from "node:path";
import { launchBrowser } from "../e2e/standin/browser.mjs";
import { StandinGateway } from "../e2e/standin/gateway.mjs";
import { shownPicture } from "../e2e/lib/screen.mjs";
import { build, root } from "../e2e/lib/stack.mjs";
import { MemoryPeak } from "./memory.mjs";
import { installProbe, ProbeServer, wallClock } from "./page_probe.mjs";
import { load } from "./recording.mjs";
import { FENCE_FIRST, FENCE_LAST, MARK, partsOf, Replay } from "./replay.mjs";
import { percentile, result } from "./results.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../e2e/standin/gateway.mjs").StandinAgent} StandinAgent */
/** @typedef {{framesPerSecond: number, blocked: number, busy: number, heap: number,
 *   memory: number, wireP50: number, wireP95: number, pageP50: number, keys: number, rounds: number,
 *   picture: string}} Figures */

const REFERENCE = "painter in upstream's manner, in the page: Image per region, getImageData";
const LEAST_MS = 6000;
const LIMIT_MS = 120_000;
const LONG_MS = 50;
/** What two pictures of one stream may differ by, of 255. */
const MEAN_MAX = 0.5;
const FAR = 48;
const FAR_SHARE_MAX = 0.002;
const KEY_EVERY_MS = 40;
const KEYS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
/** The stage of the page is lower than the window by the toolbar. */
const VIEWPORT = { width: 1280, height: 900 };

/** How each page is brought to ask for the stream, and how to see that it takes keys. */
const PAGES = {
	ours: {
		www: () => path.join(build, "www"),
		open: async (/** @type {Page} */ page) => {
			await page.waitForSelector("#connect:enabled");
			await page.fill("#username", "alice");
			await page.fill("#password", "wonderland");
			await page.click("#connect");
		},
		ready: 'html[data-state="running"]',
	},
	reference: {
		www: () => path.join(build, "bench/reference"),
		open: (/** @type {Page} */ page) =>
			page.evaluate(() => /** @type {any} */ (window).connect("/x2gows/20003")),
		ready: "#screen",
	},
};

async function buildReference() {
	const from = path.join(root, "tests/bench/reference");
	const to = PAGES.reference.www();
	await bundle({
		...{ entryPoints: [path.join(from, "reference.js")], outdir: path.join(to, "js") },
		...{ bundle: true, minify: true, format: "esm", logLevel: "warning" },
	});
	await cp(path.join(from, "index.html"), path.join(to, "index.html"));
}

/** Decoders round a JPEG's colours differently, and scale up its coarser colour plane differently;
 * a part that was left out or painted in a wrong place is far beyond this.
 * @param {string} one @param {string} other as of shownPicture */
function compare(one, other) {
	const [a, b] = [one, other].map((text) => Buffer.from(text, "base64"));
	if (a.length !== b.length) throw new Error(`pictures of ${a.length} and ${b.length} bytes`);
	let sum = 0;
	let far = 0;
	a.forEach((value, i) => {
		const difference = Math.abs(value - b[i]);
		sum += difference;
		if (difference > FAR) far += 1;
	});
	const mean = sum / a.length;
	if (mean > MEAN_MAX || far / a.length > FAR_SHARE_MAX)
		throw new Error(`the pictures differ: by ${mean} in the mean, far in ${far} values`);
	return `the same picture (mean difference ${mean.toFixed(3)} of 255, ${far} values far off)`;
}

/** Presses one key after the other until told to end. @param {Page} page */
async function pressKeys(page) {
	const cdp = await page.context().newCDPSession(page);
	let over = false;
	const done = (async () => {
		for (let i = 0; !over; i++) {
			const letter = KEYS[i % KEYS.length];
			const key = { key: letter.toLowerCase(), code: `Key${letter}` };
			await cdp.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...key });
			await cdp.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
			await new Promise((resolve) => setTimeout(resolve, KEY_EVERY_MS));
		}
	})();
	done.catch(() => {}); /* told when it is awaited */
	return async () => {
		over = true;
		await done;
	};
}

/**
 * Times from key to wire: the n-th key press of the page is the n-th that came.
 * @param {import("./page_probe.mjs").Key[]} pressed @param {StandinAgent} agent
 * @param {number} skewMs
 */
async function wireTimes(pressed, agent, skewMs) {
	const count = (/** @type {StandinAgent} */ { events }) =>
		events.filter(({ type }) => type === "key-press").length;
	await agent.until((seen) => count(seen) >= pressed.length, "all keys");
	const came = agent.messages.flatMap(({ at, events }) =>
		events.filter(({ type }) => type === "key-press").map(() => wallClock(at)),
	);
	if (came.length !== pressed.length)
		throw new Error(`${pressed.length} keys were pressed, ${came.length} came`);
	return {
		wire: pressed.map(({ at }, i) => came[i] - skewMs - at),
		page: pressed.map(({ at, handledAt }) => handledAt - at),
	};
}

/** @param {import("playwright-core").CDPSession} cdp @returns {Promise<number>} */
async function taskMs(cdp) {
	const { metrics } = await cdp.send("Performance.getMetrics");
	return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0);
}

/**
 * One replay in a fresh browser.
 * @param {keyof typeof PAGES} which
 * @param {import("./replay.mjs").Part[]} parts
 * @returns {Promise<Figures>}
 */
async function play(which, parts) {
	/** @type {(agent: StandinAgent) => void} */
	let streamOpen = () => {};
	/** @type {Promise<StandinAgent>} */
	const stream = new Promise((resolve) => (streamOpen = resolve));
	const gateway = new StandinGateway({ www: PAGES[which].www(), onStream: streamOpen });
	/** @type {Replay | undefined} */
	let replay;
	const probe = await ProbeServer.open((serial) => replay?.fence(serial));
	const browser = await launchBrowser();
	try {
		const url = await gateway.listen();
		/* The probe's line is no part of the page, and its policy not meant for it. */
		const context = await browser.newContext({ viewport: VIEWPORT, bypassCSP: true });
		const page = await context.newPage();
		/** @type {Promise<never>} */
		const broken = new Promise((_, reject) =>
			page.on("pageerror", (error) => reject(new Error(`${which}: ${error}`))),
		);
		broken.catch(() => {});
		await page.addInitScript(installProbe, {
			...{ line: probe.url, longMs: LONG_MS },
			...{ fenceFirst: FENCE_FIRST, fenceLast: FENCE_LAST, mark: MARK },
		});
		await page.goto(url);
		const { skew } = await page.evaluate(() => /** @type {any} */ (window).bench.skewMs());
		const cdp = await page.context().newCDPSession(page);
		await cdp.send("Performance.enable");
		await PAGES[which].open(page);
		const agent = await Promise.race([stream, broken]);
		const memory = await MemoryPeak.watch(page);
		const busyBefore = await taskMs(cdp);
		const begin = wallClock() - skew;
		replay = new Replay({ agent, parts, leastMs: LEAST_MS });
		const keys = page.waitForSelector(PAGES[which].ready).then(() => pressKeys(page));
		keys.catch(() => {});
		const played = await Promise.race([replay.run(), broken, stuck(which, agent)]);
		const end = wallClock() - skew;
		const busy = (await taskMs(cdp)) - busyBefore;
		await (
			await keys
		)();
		await memory.stop();
		/** @type {import("./page_probe.mjs").PageReport} */
		const report = await page.evaluate(
			([from, to]) => /** @type {any} */ (window).bench.report(from, to),
			[begin, end],
		);
		const { wire, page: inPage } = await wireTimes(report.keys, agent, skew);
		return {
			framesPerSecond: (1000 * played.frames) / played.ms,
			blocked: (100 * report.blockedMs) / (end - begin),
			busy: (100 * busy) / (end - begin),
			heap: memory.heapMiB,
			memory: memory.processesMiB,
			wireP50: percentile(wire, 50),
			wireP95: percentile(wire, 95),
			pageP50: percentile(inPage, 50),
			keys: wire.length,
			rounds: played.rounds,
			picture: (await page.evaluate(shownPicture)).base64,
		};
	} finally {
		await browser.close();
		await gateway.close();
		probe.close();
	}
}

/**
 * Rejects when a replay cannot come to its end any more.
 * @param {string} which @param {StandinAgent} agent @returns {Promise<never>}
 */
function stuck(which, agent) {
	return new Promise((_, reject) => {
		const begin = performance.now();
		const timer = setInterval(() => {
			if (agent.events.some(({ type }) => type === "cache-rebuild"))
				reject(new Error(`${which}: it fell behind and asked for a fresh picture`));
			else if (performance.now() - begin > LIMIT_MS)
				reject(new Error(`${which}: the replay is not through after ${LIMIT_MS} ms`));
			else return;
			clearInterval(timer);
		}, 500);
		timer.unref();
		void agent.closed.then(() => clearInterval(timer));
	});
}

/** @param {Figures} figures */
function describe({
	framesPerSecond,
	blocked,
	busy,
	heap,
	memory,
	wireP50,
	wireP95,
	pageP50,
	keys,
}) {
	return (
		`${framesPerSecond.toFixed(0)} frames/s, blocked ${blocked.toFixed(1)} % ` +
		`(busy ${busy.toFixed(0)} %), heap ${heap.toFixed(0)} MiB, processes ` +
		`${memory.toFixed(0)} MiB, key to wire ${wireP50.toFixed(2)} ms ` +
		`(p95 ${wireP95.toFixed(1)}; until the page looks ${pageP50.toFixed(2)}; ${keys} keys)`
	);
}

/** @param {import("./results.mjs").Context} context */
export async function measure({ runs, progress }) {
	await buildReference();
	const { bytes } = await load(path.join(root, "tests/bench/recordings/desktop"));
	const parts = partsOf(bytes);
	/** @type {{ours: Figures, reference: Figures}[]} */
	const pairs = [];
	for (let i = 1; i <= runs; i++) {
		/** @type {Partial<Record<keyof typeof PAGES, Figures>>} */
		const pair = {};
		for (const which of i % 2
			? /** @type {const} */ (["ours", "reference"])
			: /** @type {const} */ (["reference", "ours"])) {
			const figures = await play(which, parts);
			progress(`client ${i} of ${runs}: ${which}: ${describe(figures)}`);
			pair[which] = figures;
		}
		const { ours, reference } = /** @type {{ours: Figures, reference: Figures}} */ (pair);
		progress(`client ${i} of ${runs}: ${compare(ours.picture, reference.picture)}`);
		pairs.push({ ours, reference });
	}
	const row = (
		/** @type {string} */ id,
		/** @type {string} */ unit,
		/** @type {(figures: Figures) => number} */ of,
	) =>
		result(
			`client.${id}`,
			unit,
			REFERENCE,
			pairs.map(({ ours, reference }) => ({ ours: of(ours), reference: of(reference) })),
		);
	return [
		row("frames_per_second", "frames/s", (figures) => figures.framesPerSecond),
		row("main_thread_blocked", "%", (figures) => figures.blocked),
		row("main_thread_busy", "%", (figures) => figures.busy),
		row("peak_heap", "MiB", (figures) => figures.heap),
		row("peak_memory", "MiB", (figures) => figures.memory),
		row("input_to_wire_p50", "ms", (figures) => figures.wireP50),
		row("input_to_wire_p95", "ms", (figures) => figures.wireP95),
	];
}
