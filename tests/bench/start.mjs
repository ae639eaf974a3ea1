// SPDX-License-Identifier: ISC
/**
 * How long a person waits from the click on Connect to the first picture, against the floor: the
 * same user's password login, x2golistsessions and x2gostartagent by hand, with OpenSSH, over one
 * connection. What remains is our own share.
 */
import { launch, logIn, open, state } from "../e2e/lib/browser.mjs";
import { Hand } from "./hand.mjs";
import { result } from "./results.mjs";

/** @typedef {import("../e2e/lib/stack.mjs").Stack} Stack */

const USER = "alice";
const PASSWORD = "wonderland";
const BY_HAND = "OpenSSH by hand: login, x2golistsessions, x2gostartagent";

/** @template T @param {() => Promise<T>} action @returns {Promise<[number, T]>} */
async function timed(action) {
	const begin = performance.now();
	const value = await action();
	return [performance.now() - begin, value];
}

/** @param {Hand} hand */
async function floor(hand) {
	const [login] = await timed(() => hand.logIn());
	const [list] = await timed(() => hand.command("exec x2golistsessions"));
	const [start, lines] = await timed(() =>
		hand.command(
			"exec x2gostartagent 1024x768 lan 16m-jpeg-9 unix-kde-depth_24 us pc105/us 0 K ICEWM both",
		),
	);
	await hand.command(`exec x2goterminate-session ${lines.split("\n")[3]}`);
	await hand.logOut();
	return { login, list, start };
}

/**
 * @param {Stack} stack
 * @param {import("playwright-core").Browser} browser
 */
async function ours(stack, browser) {
	const { context, page } = await open(browser, stack);
	await page.evaluate(() => {
		const times = /** @type {any} */ (window);
		document
			.getElementById("connect")
			?.addEventListener("click", () => (times.clicked = performance.now()), {
				capture: true,
			});
		new MutationObserver(() => {
			if (document.documentElement.dataset.state === "running")
				times.painted ??= performance.now();
		}).observe(document.documentElement, { attributes: true, attributeFilter: ["data-state"] });
	});
	await logIn(page, { user: USER, password: PASSWORD, desktop: "ICEWM" });
	await state(page, "running", 60000);
	const took = await page.evaluate(() => {
		const times = /** @type {any} */ (window);
		return times.painted - times.clicked;
	});
	await page.click("#terminate");
	await page.click("#confirm-yes");
	await state(page, "sessions");
	await page.click("#logout");
	await context.close();
	return took;
}

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, progress }) {
	const browser = await launch();
	const hand = new Hand(stack, { user: USER, password: PASSWORD });
	await hand.prepare();
	/** @type {{ours: number, reference: number}[]} */ const pictures = [];
	/** @type {{ours: number, reference: number}[]} */ const shares = [];
	try {
		await ours(stack, browser); // fills the caches of both sides
		await floor(hand);
		for (let i = 1; i <= runs; i++) {
			const took = await ours(stack, browser);
			const byHand = await floor(hand);
			const reference = byHand.login + byHand.list + byHand.start;
			progress(
				`start ${i} of ${runs}: first picture after ${took.toFixed(0)} ms, ` +
					`by hand ${reference.toFixed(0)} ms (login ${byHand.login.toFixed(0)}, ` +
					`list ${byHand.list.toFixed(0)}, start ${byHand.start.toFixed(0)})`,
			);
			pictures.push({ ours: took, reference });
			shares.push({ ours: took - reference, reference });
		}
	} finally {
		await browser.close();
	}
	return [
		result("start.own_share_ms", "ms", BY_HAND, shares),
		result("start.first_picture", "ms", BY_HAND, pictures),
	];
}
