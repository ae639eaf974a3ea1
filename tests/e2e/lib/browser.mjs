// SPDX-License-Identifier: ISC
/**
 * A person at the page: Debian's Chromium, driven by playwright-core.
 */
import { chromium } from "playwright-core";

/** @typedef {import("playwright-core").Page} Page */

/** @param {string[]} [args] more of Chromium's */
export function launch(args = []) {
	return chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: [
			...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
			...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
			...args,
		],
	});
}

/**
 * A fresh page at the gateway, with what it complains about collected in `complaints`.
 * @param {import("playwright-core").Browser} browser
 * @param {{url: string}} stack
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function open(browser, stack, options = {}) {
	const context = await browser.newContext({
		ignoreHTTPSErrors: true,
		viewport: { width: 1024, height: 768 },
		...options,
	});
	const page = await context.newPage();
	/** @type {string[]} */
	const complaints = [];
	page.on("pageerror", (error) => complaints.push(`${error}`));
	page.on("console", (message) => {
		if (message.type() === "error") complaints.push(message.text());
	});
	await page.goto(stack.url);
	await state(page, "form");
	return { context, page, complaints };
}

/**
 * Waits for the page's state.
 * @param {Page} page
 * @param {string | string[]} wanted
 */
export async function state(page, wanted, timeout = 30000) {
	const names = [wanted].flat();
	try {
		await page.waitForFunction(
			(list) => list.includes(document.documentElement.dataset.state ?? ""),
			names,
			{ timeout, polling: 20 },
		);
	} catch {
		const now = await page.evaluate(() => document.documentElement.dataset.state);
		const text = await page.locator("#status").textContent();
		throw new Error(`the page is ${now} ("${text}"), not ${names}`);
	}
}

/**
 * @param {Page} page
 * @param {{user?: string, password?: string, desktop?: string, server?: string}} [entry]
 */
export async function logIn(
	page,
	{ user = "alice", password = "wonderland", desktop, server } = {},
) {
	if (server) await page.selectOption("#server", server);
	await page.fill("#username", user);
	await page.fill("#password", password);
	if (desktop) await page.selectOption("#desktop", desktop);
	await page.click("#connect");
}

/** Where on the page a pixel of the remote screen is. @param {Page} page */
export async function place(page, /** @type {number} */ x, /** @type {number} */ y) {
	return page.evaluate(
		([left, top]) => {
			const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
			const box = canvas.getBoundingClientRect();
			const width = Number(canvas.dataset.width ?? canvas.width);
			const height = Number(canvas.dataset.height ?? canvas.height);
			return {
				x: box.left + ((left + 0.5) * box.width) / width,
				y: box.top + ((top + 0.5) * box.height) / height,
			};
		},
		[x, y],
	);
}
