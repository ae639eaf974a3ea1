/* SPDX-License-Identifier: ISC */
/* Whatever colour an administrator chooses: what is written in it, and on it, can be read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accentColours, contrastOf } from "../../../www/js/ui/theme.js";

const STEPS = [0, 51, 102, 153, 204, 255];
const every = STEPS.flatMap((r) => STEPS.flatMap((g) => STEPS.map((b) => [r, g, b]))).map(
	(parts) => `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`,
);
const SURFACES = /** @type {const} */ ({
	light: ["#ffffff", "#eef2f1", "#f4f7f6"],
	dark: ["#101615", "#1a2221", "#222c2b"],
});

test("contrast is WCAG's", () => {
	assert.equal(contrastOf("#000000", "#ffffff").toFixed(2), "21.00");
	assert.equal(contrastOf("#777777", "#ffffff").toFixed(2), "4.48");
});

for (const scheme of /** @type {const} */ (["light", "dark"]))
	test(`every accent can be read, ${scheme}`, () => {
		for (const chosen of every) {
			const { accent, strong, ink, wash } = accentColours(chosen, scheme);
			for (const ground of [...SURFACES[scheme], wash])
				assert.ok(contrastOf(accent, ground) >= 4.5, `${chosen}: ${accent} on ${ground}`);
			for (const ground of [accent, strong])
				assert.ok(contrastOf(ink, ground) >= 4.5, `${chosen}: ${ink} on ${ground}`);
			assert.ok(contrastOf(strong, wash) >= 4.5, `${chosen}: ${strong} on ${wash}`);
		}
	});

test("an accent that can be read is left as it is", () => {
	assert.equal(accentColours("#0f6e78", "light").accent, "#0f6e78");
	assert.notEqual(accentColours("#0f6e78", "dark").accent, "#0f6e78");
});
