// SPDX-License-Identifier: ISC
/**
 * What a measurement gives, and how it is shown.
 */
import { verdict } from "./targets.mjs";

/**
 * @typedef {object} Result
 * @property {string} id
 * @property {string} unit
 * @property {number} ours median
 * @property {number} reference median
 * @property {string} reference_name
 * @property {number} ratio median of ours/reference, pair by pair
 * @property {[number, number]} ratio_range the least and the most of these
 * @property {number} runs
 */
/**
 * @typedef {object} Context
 * @property {import("../e2e/lib/stack.mjs").Stack} stack started where the measurement asks for it
 * @property {number} runs
 * @property {boolean} quick less exact, in less time
 * @property {Set<string>} parts of the measurement that are wanted; empty: all
 * @property {(name: string, action: () => Promise<Result[]>) => Promise<Result[]>} attempt does a
 *   part; when it fails the run goes on without its rows, and says so at its end
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
 * Fails if there is no figure: a row that says NaN would be taken for one.
 * @param {string} id
 * @param {string} unit
 * @param {string} referenceName
 * @param {{ours: number, reference: number}[]} pairs
 * @returns {Result}
 */
export function result(id, unit, referenceName, pairs) {
	const ratios = pairs.map(({ ours, reference }) => (ours === reference ? 1 : ours / reference));
	if (pairs.length === 0 || !ratios.every(Number.isFinite))
		throw new Error(`${id}: no figure: ${JSON.stringify(pairs)}`);
	return {
		id,
		unit,
		ours: median(pairs.map(({ ours }) => ours)),
		reference: median(pairs.map(({ reference }) => reference)),
		reference_name: referenceName,
		ratio: median(ratios),
		ratio_range: [Math.min(...ratios), Math.max(...ratios)],
		runs: pairs.length,
	};
}

/** @param {number} value */
export const shown = (value) => value.toFixed(Math.abs(value) < 10 ? 2 : 0);

/** @param {Result} row */
export const shownRatio = ({ ratio, ratio_range: [least, most] }) =>
	least < most
		? `${ratio.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
		: ratio.toFixed(2);

/** @param {Result[]} results */
export function table(results) {
	const rows = [
		["what", "ours", "reference", "ratio", "unit", "runs", "target", "reference is"],
		...results.map((row) => [
			row.id,
			shown(row.ours),
			shown(row.reference),
			shownRatio(row),
			row.unit,
			String(row.runs),
			verdict(row),
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
