/* SPDX-License-Identifier: ISC */
/*
 * Half an hour of a desktop (at 20 pictures a second), replayed as fast as the client takes it:
 * what the client holds at the end is what it held after the first third.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "../../bench/recording.mjs";
import { FENCE_FIRST, FENCE_LAST, partsOf, Replay } from "../../bench/replay.mjs";
import * as agentSays from "../../e2e/standin/messages.mjs";
import { BrowserPage } from "./browser_page.js";
import { connectToWorkers } from "../../e2e/standin/worker_cdp.mjs";

const RECORDING = fileURLToPath(new URL("../../bench/recordings/desktop", import.meta.url));
const FRAMES = 30 * 60 * 20;
const THIRDS = 3;
const MIB = 1024 * 1024;
/** Of scripts' heaps; what a third may differ from another by. */
const HEAP_MARGIN_MIB = 2;
/** Of processes, whose allocators keep what they had at some peak. */
const PRIVATE_MARGIN_MIB = 40;
/** An agent refers to 50 frames, and some are under way. */
const PICTURES_MAX = 120;
const SETTLE_TRIES = 8;

/** @type {BrowserPage} */
let browser;
before(async () => {
	browser = await BrowserPage.open({
		viewport: { width: 1024, height: 814 },
		script: hearCursors,
	});
});
after(() => browser.close());

/** Runs in the page: tells which pointer shape is to be shown now. */
function hearCursors() {
	window.Worker = class extends Worker {
		/** @param {string | URL} url @param {WorkerOptions} [options] */
		constructor(url, options) {
			super(url, options);
			this.addEventListener("message", ({ data }) => {
				if (data.type === "cursor" && data.serial !== null)
					/** @type {any} */ (window).cursorShown?.(data.serial);
			});
		}
	};
}

/** Runs in the paint worker: counts the pictures that are open. */
function countPictures() {
	const world = /** @type {any} */ (globalThis);
	world.pictures = 0;
	const { transferToImageBitmap } = OffscreenCanvas.prototype;
	OffscreenCanvas.prototype.transferToImageBitmap = function () {
		world.pictures += 1;
		return transferToImageBitmap.call(this);
	};
	const { decode } = ImageDecoder.prototype;
	ImageDecoder.prototype.decode = async function (options) {
		const result = await decode.call(this, options);
		world.pictures += 1;
		return result;
	};
	for (const kind of [ImageBitmap, VideoFrame]) {
		const { close } = kind.prototype;
		kind.prototype.close = function () {
			world.pictures -= 1;
			close.call(/** @type {any} */ (this));
		};
	}
}

/** Memory that the page's process has for itself. @param {number[]} pids */
async function privateMiB(pids) {
	let kib = 0;
	for (const pid of pids) {
		const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
		for (const [, size] of text.matchAll(/^Private_\w+: +(\d+) kB/gm)) kib += Number(size);
	}
	return kib / 1024;
}

test("half an hour of a desktop leaves nothing behind", { timeout: 240_000 }, async (context) => {
	const { bytes } = await load(RECORDING);
	const parts = partsOf(bytes);
	/** @type {Replay | undefined} */
	let replay;
	await browser.page.exposeFunction("cursorShown", (/** @type {number} */ serial) => {
		if (serial >= FENCE_FIRST && serial <= FENCE_LAST) replay?.fence(serial);
	});
	const agent = await browser.run();
	const cdp = await connectToWorkers(browser.page);
	await cdp.paint("Runtime.evaluate", { expression: `(${countPictures})()` });
	const all = await /** @type {any} */ (await browser.browserCdp()).send(
		"SystemInfo.getProcessInfo",
	);
	const pids = all.processInfo
		.filter((/** @type {any} */ { type }) => type === "renderer")
		.map((/** @type {any} */ { id }) => id);

	/** All that can be let go, gone. */
	const measure = async () => {
		let heapMiB = Infinity;
		let processMiB = Infinity;
		for (let i = 0; i < SETTLE_TRIES; i++) {
			let heap = 0;
			for (const send of [cdp.page, cdp.stream, cdp.paint]) {
				await send("HeapProfiler.collectGarbage");
				const usage = await send("Runtime.getHeapUsage");
				heap += usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
			}
			heapMiB = Math.min(heapMiB, heap / MIB);
			processMiB = Math.min(processMiB, await privateMiB(pids));
		}
		const { result } = await cdp.paint("Runtime.evaluate", { expression: "pictures" });
		return { heapMiB, processMiB, pictures: result.value };
	};

	const frames = parts.reduce((sum, part) => sum + part.frames, 0);
	const rounds = Math.ceil(FRAMES / THIRDS / frames);
	const figures = [];
	const begin = performance.now();
	for (let third = 0; third < THIRDS; third++) {
		for (let round = 0; round < rounds; round++) {
			if (third + round > 0) agent.send(agentSays.reinit());
			replay = new Replay({ agent, parts, leastMs: 0 });
			await replay.run();
		}
		agent.forget();
		figures.push(await measure());
	}
	const seconds = (performance.now() - begin) / 1000;
	const played = THIRDS * rounds * frames;
	context.diagnostic(`${played} frames in ${seconds.toFixed(1)} s; MiB and open pictures:`);
	for (const { heapMiB, processMiB, pictures } of figures)
		context.diagnostic(
			`heap ${heapMiB.toFixed(2)}, process ${processMiB.toFixed(0)}, ${pictures} pictures`,
		);
	const [first, , last] = figures;
	assert.ok(last.heapMiB < first.heapMiB + HEAP_MARGIN_MIB, "the scripts' heaps grow");
	assert.ok(last.processMiB < first.processMiB + PRIVATE_MARGIN_MIB, "the page's process grows");
	for (const { pictures } of figures)
		assert.ok(pictures > 0 && pictures < PICTURES_MAX, `${pictures} pictures are open`);
	assert.deepEqual(browser.complaints, []);
	assert.deepEqual(agent.faults, []);
});
