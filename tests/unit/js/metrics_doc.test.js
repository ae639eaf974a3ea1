// SPDX-License-Identifier: ISC
// docs/metrics.md has every metric of brokerd/metrics.c, with its type, label and meaning.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** @param {string} path */
const read = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("the manual is the table", () => {
	const source = read("brokerd/metrics.c").replace(/\s+/g, " ");
	const families = [
		...source.matchAll(
			/\{"(\w+)", "([^"]+)", (?:NULL|"(\w+)"), \w+, \w+, (\w+), (?:0|METRIC_\w+)\}/g,
		),
	].map(([, name, help, label, gauge]) => [
		name,
		gauge === "NULL" ? "counter" : "gauge",
		label,
		help,
	]);
	const histograms = [...source.matchAll(/\[METRIC_TIME_\w+\] = \{"(\w+)", "([^"]+)"\}/g)].map(
		([, name, help]) => [name, "histogram", undefined, help],
	);
	assert.equal(histograms.length, 3);
	assert.ok(families.length > 20);
	const rows = [
		...read("docs/metrics.md").matchAll(
			/^\| `x2goweb_(\w+)` \| (\w+) \| (?:`(\w+)` )?\| (.*) \|$/gm,
		),
	].map(([, ...cells]) => cells);
	assert.deepEqual(rows, [...families, ...histograms]);
});
