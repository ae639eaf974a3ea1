/* SPDX-License-Identifier: ISC */

import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, result, table } from "../../bench/results.mjs";
import { markdown, replaceFigures } from "../../bench/document.mjs";
import { verdict } from "../../bench/targets.mjs";

const PAIRS = [
	{ ours: 10, reference: 20 },
	{ ours: 30, reference: 10 },
	{ ours: 12, reference: 12 },
];

test("the median of odd and even counts, in any order", () => {
	assert.equal(median([9, 1, 5]), 5);
	assert.equal(median([10, 1, 9, 2]), 5.5);
});

test("a percentile is a value that was measured", () => {
	const values = Array.from({ length: 100 }, (_, i) => 100 - i);
	assert.equal(percentile(values, 50), 50);
	assert.equal(percentile(values, 95), 95);
	assert.equal(percentile(values, 100), 100);
	assert.equal(percentile([7], 50), 7);
	assert.equal(percentile([3, 1], 0), 1);
});

test("a result holds medians, and the ratio of pairs rather than of medians", () => {
	assert.deepEqual(result("some.id", "ms", "by hand", PAIRS), {
		...{ id: "some.id", unit: "ms", ours: 12, reference: 12 },
		...{ reference_name: "by hand", ratio: 1, ratio_range: [0.5, 3], runs: 3 },
	});
	assert.equal(result("x", "s", "y", PAIRS.slice(0, 2)).ratio, 1.75);
});

test("what is no figure gives no row", () => {
	for (const pair of [
		{ ours: 1, reference: 0 },
		{ ours: NaN, reference: 1 },
	])
		assert.throws(() => result("some.id", "ms", "by hand", [pair]), /some.id: no figure/);
	assert.throws(() => result("some.id", "ms", "by hand", []), /no figure/);
	assert.equal(result("some.id", "ms", "by hand", [{ ours: 0, reference: 0 }]).ratio, 1);
});

test("a target is met or not met, and most rows have none", () => {
	const row = (
		/** @type {string} */ id,
		/** @type {number} */ ours,
		/** @type {number} */ than,
	) => result(id, "", "", [{ ours, reference: than }]);
	assert.equal(verdict(row("relay.throughput", 95, 100)), "ratio ≥ 0.95: met");
	assert.equal(verdict(row("relay.throughput", 94, 100)), "ratio ≥ 0.95: not met");
	assert.equal(
		verdict(row("relay.private_memory_idle", 1.4, 15)),
		"ours ≤ 1.5, ratio ≤ 0.067: not met",
	);
	assert.equal(
		verdict(row("relay.private_memory_idle", 1.4, 25)),
		"ours ≤ 1.5, ratio ≤ 0.067: met",
	);
	assert.equal(verdict(row("some.id", 1, 2)), "");
});

test("a page's figures are replaced, and nothing else of it", () => {
	const run = {
		...{
			quick: false,
			date: "2026-01-02",
			processors: "2 of X",
			system: "D 12",
			kernel: "6.1",
		},
		versions: { nginx: "1.22" },
	};
	const rows = [
		result("relay.throughput", "MB/s", "by hand", [{ ours: 100, reference: 80 }]),
		result("other.id", "ms", "by hand", PAIRS),
	];
	const page = "before\n<!-- figures: make bench-docs -->\nold\n<!-- end of figures -->\nafter\n";
	const now = replaceFigures(page, markdown(rows, run));
	assert.match(now, /^before\n<!-- fig.*-->\n\n2026-01-02, `make bench`; 2 of X, Linux 6.1,\n/);
	assert.match(
		now,
		/\n\| `throughput` \| 100 MB\/s \| 80 MB\/s \| 1.25 \| 1 \| ratio ≥ 0.95: met \|\n/,
	);
	assert.match(now, /\n\n<!-- end of figures -->\nafter\n$/);
	assert.doesNotMatch(now, /old|other/);
	assert.equal(replaceFigures(now, markdown(rows, run)), now);
	assert.throws(() => replaceFigures("no marks", ""), /has no <!-- figures/);
});

test("the table has one line per result, in columns", () => {
	const lines = table([result("some.id", "ms", "by hand", PAIRS)]).split("\n");
	assert.equal(lines.length, 2);
	assert.match(lines[1], /^some\.id +12 +12 +1\.00 \(0\.50 to 3\.00\) +ms +3 +by hand$/);
});
