/* SPDX-License-Identifier: ISC */
/* The real page in Chromium, before the stand-in gateway, with what it shows read back. */

import { launchBrowser } from "../../e2e/standin/browser.mjs";
import { bundledPage } from "../../e2e/standin/bundle.mjs";
import { StandinGateway } from "../../e2e/standin/gateway.mjs";
import { version, wholeScreen } from "../../e2e/standin/messages.mjs";
import { solidPng } from "../../e2e/standin/png.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../../e2e/standin/gateway.mjs").StandinAgent} StandinAgent */

/** For what has to come; a busy machine takes its time. */
const WAIT_MS = 20_000;

export const GREY = [90, 100, 110];

export class BrowserPage {
	/**
	 * @param {{www?: string, script?: () => void, viewport?: {width: number, height: number},
	 *   ratio?: number, touch?: boolean}} [options]
	 * www: another page than the one that is installed; script: runs in the page before its own;
	 * ratio: device pixels per CSS pixel
	 */
	static async open({
		www,
		script,
		viewport = { width: 640, height: 446 },
		ratio = 1,
		touch = false,
	} = {}) {
		const browser = await launchBrowser();
		const self = new BrowserPage(browser, www ?? (await bundledPage()));
		const context = await browser.newContext({
			viewport,
			deviceScaleFactor: ratio,
			hasTouch: touch,
		});
		self.page = await context.newPage();
		if (script) await self.page.addInitScript(script);
		self.page.on("pageerror", (error) => self.complaints.push(String(error)));
		self.page.on("console", (message) => {
			if (message.type() === "error") self.complaints.push(message.text());
		});
		self.url = await self.gateway.listen();
		await self.load();
		return self;
	}

	/** @param {import("playwright-core").Browser} browser @param {string} www */
	constructor(browser, www) {
		this._browser = browser;
		this.page = /** @type {Page} */ (/** @type {unknown} */ (null));
		this.url = "";
		/** @type {string[]} what the page complained about; policy violations too */
		this.complaints = [];
		/** @type {StandinAgent[]} */
		this.agents = [];
		this.gateway = new StandinGateway({ www, onStream: (agent) => this._greet(agent) });
	}

	get agent() {
		return this.agents[this.agents.length - 1];
	}

	/** The login form, as in a tab that was just opened. @param {string} [search] of the address */
	async load(search = "") {
		await this.page.evaluate(() => sessionStorage.clear()).catch(() => {});
		await this.page.goto(this.url + search);
		await this.page.waitForSelector("#connect:enabled");
	}

	async close() {
		await this._browser.close();
		await this.gateway.close();
	}

	/** The developer tools' protocol to the browser itself. */
	browserCdp() {
		return this._browser.newBrowserCDPSession();
	}

	async logIn() {
		await this.page.fill("#username", "alice");
		await this.page.fill("#password", "wonderland");
		await this.page.click("#connect");
	}

	/** Logs in and starts a session, up to its first picture. */
	async run() {
		await this.load();
		this.gateway.sessions = [];
		await this.logIn();
		await this.inState("running");
		this.agent.forget();
		return this.agent;
	}

	/** @param {string} state */
	async inState(state) {
		await this.page.waitForSelector(`html[data-state="${state}"]`, { timeout: WAIT_MS });
	}

	/** A headless browser's page is always visible; the page is told otherwise.
	 * @param {boolean} hidden */
	async setHidden(hidden) {
		await this.page.evaluate((now) => {
			Object.defineProperty(document, "hidden", { configurable: true, value: now });
			document.dispatchEvent(new Event("visibilitychange"));
		}, hidden);
	}

	/** The size of the last start or resume. */
	get askedSize() {
		const last = this.gateway.calls.findLast(
			({ call }) => call === "start" || call === "resume",
		);
		return { width: last?.body.width, height: last?.body.height };
	}

	/** @param {StandinAgent} agent */
	_greet(agent) {
		this.agents.push(agent);
		const { width, height } = this.askedSize;
		agent.send(version(8));
		agent.send(wholeScreen(width, height, solidPng(width, height, GREY)));
	}

	/** The agent's screen has another size now. @param {number} width @param {number} height */
	sendScreen(width, height) {
		this.agent.send(wholeScreen(width, height, solidPng(width, height, GREY)));
	}

	/** Pixels of the screen's canvas. @param {number[][]} points x, y
	 * @returns {Promise<number[][]>} r, g, b */
	pixels(points) {
		return this.page.evaluate((wanted) => {
			const screen = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
			const copy = document.createElement("canvas");
			copy.width = Number(screen.dataset.width);
			copy.height = Number(screen.dataset.height);
			const context = /** @type {CanvasRenderingContext2D} */ (copy.getContext("2d"));
			context.drawImage(screen, 0, 0);
			return wanted.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
		}, points);
	}

	/**
	 * Waits until pixels have these colours, and returns what they have.
	 * @param {number[][]} points @param {number[][]} colours @param {number} [tolerance]
	 */
	async pixelsBecome(points, colours, tolerance = 0) {
		const deadline = Date.now() + WAIT_MS;
		for (;;) {
			const seen = await this.pixels(points);
			const same = seen.every((pixel, i) =>
				pixel.every((value, c) => Math.abs(value - colours[i][c]) <= tolerance),
			);
			if (same || Date.now() > deadline) return same ? colours : seen;
			await this.page.waitForTimeout(20);
		}
	}

	/** @param {(cursor: string) => boolean} test @returns {Promise<string>} the canvas's CSS cursor */
	async cursorBecomes(test) {
		const deadline = Date.now() + WAIT_MS;
		for (;;) {
			const cursor = await this.page.evaluate(
				() => document.getElementById("screen")?.style.cursor ?? "",
			);
			if (test(cursor) || Date.now() > deadline) return cursor;
			await this.page.waitForTimeout(20);
		}
	}
}
