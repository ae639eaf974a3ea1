/* SPDX-License-Identifier: ISC */
/* Every state of the page against axe-core's rules for WCAG 2.2 A and AA. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { createRequire } from "node:module";
import { launchBrowser } from "../../e2e/standin/browser.mjs";
import { bundledPage } from "../../e2e/standin/bundle.mjs";
import { desktopPainter, SCENES, SIZES, visit } from "../../e2e/standin/scenes.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/* What is asked of a page, and of that what another colour scheme can change. */
const ALL = {
	runOnly: {
		type: "tag",
		values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	},
	/* Off in axe by default; WCAG 2.2 asks for it. */
	rules: { "target-size": { enabled: true } },
};
const COLOURS = { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let www;
/** @type {(size: {width: number, height: number}) => Promise<Uint8Array>} */
let drawDesktop;
before(async () => {
	browser = await launchBrowser();
	www = await bundledPage();
	drawDesktop = await desktopPainter(browser);
});
after(() => browser.close());

/** @param {import("playwright-core").Page} page @param {object} rules
 * @returns {Promise<string[]>} */
const violations = (page, rules) =>
	page.evaluate(async (options) => {
		/* Colours are measured where they come to rest. */
		for (const animation of document.getAnimations())
			if (animation.effect?.getComputedTiming().endTime !== Infinity) animation.finish();
		const { axe } = /** @type {any} */ (window);
		const found = await axe.run(document, options);
		return found.violations.flatMap((/** @type {any} */ { id, help, nodes }) =>
			nodes.map(
				(/** @type {any} */ { target, failureSummary }) =>
					`${id} (${help}): ${target.join(" ")}: ${failureSummary}`,
			),
		);
	}, rules);

test("the rules find what is wrong, so that finding nothing means something", async () => {
	const context = { viewport: SIZES.desktop };
	await visit({ browser, www, name: "form", context, drawDesktop }, async ({ page }) => {
		await page.evaluate(() => {
			document.querySelector('label[for="username"]')?.remove();
			document.documentElement.style.setProperty("--ink-soft", "#bbb");
		});
		await page.evaluate(AXE);
		const found = (await violations(page, ALL)).join("\n");
		assert.match(found, /^label /m);
		assert.match(found, /color-contrast/);
		assert.match((await violations(page, COLOURS)).join("\n"), /color-contrast/);
	});
});

for (const [size, viewport] of Object.entries(SIZES))
	for (const name of Object.keys(SCENES))
		test(`${name}, ${size}, light and dark`, async () => {
			const phone = size === "phone";
			const context = { viewport, hasTouch: phone, isMobile: phone };
			await visit(
				{ browser, www, name, context, drawDesktop },
				async ({ page, complaints }) => {
					/* Before axe comes: what it does itself breaks the policy. */
					assert.deepEqual(complaints, []);
					/* The page's own policy forbids foreign scripts; this one comes by the debugger. */
					await page.evaluate(AXE);
					await page.emulateMedia({ colorScheme: "light" });
					assert.deepEqual(await violations(page, ALL), [], "light");
					await page.emulateMedia({ colorScheme: "dark" });
					assert.deepEqual(await violations(page, COLOURS), [], "dark");
				},
			);
		});
