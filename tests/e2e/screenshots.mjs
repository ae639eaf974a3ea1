/* SPDX-License-Identifier: ISC */
/*
 * Takes a picture of the page in each of its states, against the stand-in gateway: in two sizes and
 * two colour schemes, the main ones also in German (…-de-…), with more contrast (…-contrast-…) and
 * in forced colours (…-forced-…).
 *
 * Output: $OUT or build/screenshots/<state>-<desktop|phone>-<light|dark>.png
 * Usage: screenshots.mjs [state]...
 */

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "./standin/browser.mjs";
import { desktopPainter, SCENES, SIZES, visit } from "./standin/scenes.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OUT = process.env.OUT ?? `${ROOT}build/screenshots`;
const ONLY = process.argv.slice(2);
const SCHEMES = /** @type {const} */ (["light", "dark"]);
const MAIN = [
	"form",
	"form-error",
	"prompt-two-questions",
	"prompt-host-key",
	"sessions",
	"starting",
	"running",
	"help",
	"statistics",
	"reconnecting",
	"error",
];

/** @type {Record<string, {states: string[],
 *   context: import("playwright-core").BrowserContextOptions}>} */
const SETS = {
	"": { states: Object.keys(SCENES), context: { locale: "en-GB" } },
	"-de": {
		states: [
			...MAIN,
			...["more", "sessions-terminate", "options"],
			...["message", "drained", "error-draining"],
			...["reconnecting-fault", "reconnecting-suspended", "reconnecting-in-vain"],
			...["reconnected", "reconnected-without", "ended"],
		],
		context: { locale: "de-DE" },
	},
	"-contrast": { states: MAIN, context: { locale: "en-GB", contrast: "more" } },
	"-forced": { states: MAIN, context: { locale: "en-GB", forcedColors: "active" } },
};

const browser = await launchBrowser();
await mkdir(OUT, { recursive: true });
const drawDesktop = await desktopPainter(browser);

for (const [suffix, { states, context }] of Object.entries(SETS))
	for (const name of states) {
		if (ONLY.length > 0 && !ONLY.includes(name + suffix)) continue;
		for (const [size, viewport] of Object.entries(SIZES))
			for (const colorScheme of SCHEMES) {
				const phone = size === "phone";
				const look = {
					...context,
					...{ viewport, colorScheme, hasTouch: phone, isMobile: phone },
					deviceScaleFactor: phone ? 2 : 1,
				};
				const path = `${OUT}/${name}${suffix}-${size}-${colorScheme}.png`;
				await visit(
					{ browser, www: `${ROOT}www`, name, context: look, drawDesktop },
					async ({ page, complaints }) => {
						await page.waitForTimeout(300); /* transitions */
						await page.screenshot({ path });
						for (const line of complaints) console.error(`${name}: ${line}`);
						console.log(path);
					},
				);
			}
	}
await browser.close();
