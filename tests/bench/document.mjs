// SPDX-License-Identifier: ISC
/**
 * make bench-docs: puts the relay's figures of the last bench into a page, as a table between two
 * marks that the page has. Without a page they go to the terminal.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../e2e/lib/stack.mjs";
import { shown, shownRatio } from "./results.mjs";
import { verdict } from "./targets.mjs";

const BEGIN = "<!-- figures: make bench-docs -->\n";
const END = "<!-- end of figures -->\n";

/**
 * @param {import("./results.mjs").Result[]} results
 * @param {import("./machine.mjs").Machine & {quick: boolean}} run
 */
export function markdown(results, { quick, date, processors, system, kernel, versions }) {
	const rows = results.filter(({ id }) => id.startsWith("relay."));
	const parts = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
	const value = (/** @type {number} */ figure, /** @type {string} */ unit) =>
		`${shown(figure)} ${unit}`.trim();
	return [
		`${date}, ${quick ? "`make bench-quick`: less exact" : "`make bench`"}; ${processors}, ` +
			`Linux ${kernel},`,
		`${system}: ${parts.join(", ")}.`,
		"",
		"| row `relay.` | ours | reference | ratio | pairs | target |",
		"| --- | --- | --- | --- | --- | --- |",
		...rows.map(
			(row) =>
				`| \`${row.id.slice("relay.".length)}\` | ${value(row.ours, row.unit)} | ` +
				`${value(row.reference, row.unit)} | ${shownRatio(row)} | ${row.runs} | ` +
				`${verdict(row)} |`,
		),
		"",
	].join("\n");
}

/** @param {string} page its text @param {string} figures */
export function replaceFigures(page, figures) {
	const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
	if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN.trim()} ... ${END}`);
	return `${page.slice(0, begin + BEGIN.length)}\n${figures}\n${page.slice(end)}`;
}

/** @param {string} name */
const json = async (name) => JSON.parse(await readFile(path.join(build, "bench", name), "utf8"));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const figures = markdown(await json("result.json"), await json("run.json"));
	const page = process.argv[2];
	if (page) await writeFile(page, replaceFigures(await readFile(page, "utf8"), figures));
	else console.log(figures);
}
