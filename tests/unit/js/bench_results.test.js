/* SPDX-License-Identifier: ISC */

import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, result, table } from "../../bench/results.mjs";

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
		...{ reference_name: "by hand", ratio: 1, runs: 3 },
	});
	assert.equal(result("x", "s", "y", PAIRS.slice(0, 2)).ratio, 1.75);
});

test("the table has one line per result, in columns", () => {
	const lines = table([result("some.id", "ms", "by hand", PAIRS)]).split("\n");
	assert.equal(lines.length, 2);
	assert.match(lines[1], /^some\.id +12 +12 +1\.00 +ms +3 +by hand$/);
});
