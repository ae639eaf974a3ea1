// SPDX-License-Identifier: ISC
/**
 * How much memory a page takes at its peak: by the browser's own account of the scripts' heaps, and
 * by the kernel's of the processes that draw the page.
 */
import { readFile } from "node:fs/promises";

const EVERY_MS = 250;
const MIB = 1024 * 1024;

/** @param {{usedSize: number, embedderHeapUsedSize: number, backingStorageSize: number}} usage */
function heapBytes({ usedSize, embedderHeapUsedSize, backingStorageSize }) {
	return usedSize + embedderHeapUsedSize + backingStorageSize;
}

/** @param {number} pid @returns {Promise<number>} bytes; shared ones by share */
async function proportional(pid) {
	const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
	return 1024 * Number(text.match(/^Pss: +(\d+) kB/m)?.[1] ?? 0);
}

export class MemoryPeak {
	/** @param {import("playwright-core").Page} page */
	static async watch(page) {
		const browser = page.context().browser();
		if (!browser) throw new Error("the page has no browser");
		const cdp = await page.context().newCDPSession(page);
		const session = await browser.newBrowserCDPSession();
		const { processInfo } = await session.send("SystemInfo.getProcessInfo");
		const pids = processInfo
			.filter(({ type }) => type === "renderer" || type === "GPU")
			.map(({ id }) => id);
		return new MemoryPeak(cdp, pids);
	}

	/** @param {import("playwright-core").CDPSession} cdp @param {number[]} pids */
	constructor(cdp, pids) {
		this._cdp = cdp;
		this._pids = pids;
		this.heapMiB = 0;
		this.processesMiB = 0;
		this._stopped = false;
		/** @type {Map<string, number>} heap of each worker, as last heard */
		this._workers = new Map();
		cdp.on("Target.attachedToTarget", ({ sessionId }) => this._workers.set(sessionId, 0));
		cdp.on("Target.detachedFromTarget", ({ sessionId }) => this._workers.delete(sessionId));
		cdp.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
			const { result } = JSON.parse(message);
			if (result?.usedSize && this._workers.has(sessionId))
				this._workers.set(sessionId, heapBytes(result));
		});
		this._done = this._loop();
		this._done.catch(() => {}); /* told when it is awaited */
	}

	async stop() {
		this._stopped = true;
		await this._done;
	}

	async _loop() {
		await this._cdp.send("Target.setAutoAttach", {
			...{ autoAttach: true, waitForDebuggerOnStart: false, flatten: false },
		});
		const message = JSON.stringify({ id: 1, method: "Runtime.getHeapUsage" });
		while (!this._stopped) {
			for (const sessionId of this._workers.keys())
				await this._cdp
					.send("Target.sendMessageToTarget", { sessionId, message })
					.catch(() => this._workers.delete(sessionId));
			const page = heapBytes(await this._cdp.send("Runtime.getHeapUsage"));
			const heap = [...this._workers.values()].reduce((sum, bytes) => sum + bytes, page);
			const processes = await Promise.all(this._pids.map(proportional));
			this.heapMiB = Math.max(this.heapMiB, heap / MIB);
			const sum = processes.reduce((total, bytes) => total + bytes, 0);
			this.processesMiB = Math.max(this.processesMiB, sum / MIB);
			await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
		}
	}
}
