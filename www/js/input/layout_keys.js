/* SPDX-License-Identifier: ISC */
/* The keys that write, in the order in which layout_tables.js lists their characters. */

/** @type {readonly number[]} X keycodes: the rows from the top, then IntlRo and IntlYen */
export const WRITING_KEYCODES = [
	...[49, ...run(10, 21)],
	...run(24, 35),
	...run(38, 48),
	...[51, 94, ...run(52, 61)],
	...[97, 132],
];

/** @param {number} first @param {number} last */
function run(first, last) {
	return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
