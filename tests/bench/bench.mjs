// SPDX-License-Identifier: ISC
/**
 * make bench: runs every measurement, prints one table, writes build/bench/result.json.
 *
 * A measurement is a module with `measure(context)`, which yields results: medians of paired runs,
 * ours and what a user would pick instead taking turns, so that both see the same machine.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, Stack } from "../e2e/lib/stack.mjs";
import { table } from "./results.mjs";
import * as start from "./start.mjs";

const stack = new Stack({ config: { broker: { log_level: "info" } } });
const runs = Number(process.env.BENCH_RUNS ?? 7);
const progress = (/** @type {string} */ line) => console.log(`bench: ${line}`);
try {
	await stack.start();
	/** @type {import("./results.mjs").Result[]} */
	const results = [];
	for (const { measure } of [start]) results.push(...(await measure({ stack, runs, progress })));
	await mkdir(path.join(build, "bench"), { recursive: true });
	const file = path.join(build, "bench/result.json");
	await writeFile(file, `${JSON.stringify(results, null, "\t")}\n`);
	console.log(`${table(results)}\nwritten to ${file}`);
} finally {
	await stack.stop();
}
