// SPDX-License-Identifier: ISC
/**
 * What a measurement gives, and how it is shown.
 */

/**
 * @typedef {object} Result
 * @property {string} id
 * @property {string} unit
 * @property {number} ours median
 * @property {number} reference median
 * @property {string} reference_name
 * @property {number} ratio median of ours/reference, pair by pair
 * @property {number} runs
 */
/**
 * @typedef {object} Context
 * @property {import("../e2e/lib/stack.mjs").Stack} stack started where the measurement asks for it
 * @property {number} runs
 * @property {boolean} quick less exact, in less time
 * @property {(line: string) => void} progress
 */

/** @param {number[]} values */
export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that this share of all is at most. @param {number[]} values @param {number} percent */
export function percentile(values, percent) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)];
}

/**
 * @param {string} id
 * @param {string} unit
 * @param {string} referenceName
 * @param {{ours: number, reference: number}[]} pairs
 * @returns {Result}
 */
export function result(id, unit, referenceName, pairs) {
	return {
		id,
		unit,
		ours: median(pairs.map(({ ours }) => ours)),
		reference: median(pairs.map(({ reference }) => reference)),
		reference_name: referenceName,
		ratio: median(pairs.map(({ ours, reference }) => ours / reference)),
		runs: pairs.length,
	};
}

/** @param {Result[]} results */
export function table(results) {
	const number = (/** @type {number} */ value) => value.toFixed(value < 10 ? 2 : 0);
	const rows = [
		["what", "ours", "reference", "ratio", "unit", "runs", "reference is"],
		...results.map((row) => [
			row.id,
			number(row.ours),
			number(row.reference),
			row.ratio.toFixed(2),
			row.unit,
			String(row.runs),
			row.reference_name,
		]),
	];
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
	return rows
		.map((row) =>
			row
				.map((cell, column) =>
					column >= 1 && column <= 3
						? cell.padStart(widths[column])
						: cell.padEnd(widths[column]),
				)
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}
