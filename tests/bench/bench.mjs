// SPDX-License-Identifier: ISC
/**
 * make bench: runs every measurement, prints one table, writes build/bench/result.json. BENCH names
 * those that are wanted (make bench BENCH="start client"), BENCH_RUNS how often each is repeated,
 * BENCH_QUICK=1 shortens what can be shortened.
 *
 * A measurement is a module with `measure(context)`, which gives results: medians of paired runs,
 * ours and what a user would pick instead taking turns, so that both see the same machine.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, Stack } from "../e2e/lib/stack.mjs";
import * as client from "./client.mjs";
import * as keys from "./keys.mjs";
import * as login from "./login.mjs";
import { table } from "./results.mjs";
import * as relay from "./relay.mjs";
import * as resize from "./resize.mjs";
import * as start from "./start.mjs";

/** @typedef {import("./results.mjs").Context} Context */
/** @typedef {import("./results.mjs").Result} Result */

/** `real`: needs the whole gateway and an X2Go server; `runs` where 7 would take too long.
 * @type {Record<string, {measure: (context: Context) => Promise<Result[]>, real?: boolean, runs?: number}>} */
const MEASUREMENTS = {
	start: { ...start, real: true },
	login: { ...login, real: true, runs: 100 },
	client: { ...client, runs: 5 },
	keys: { ...keys, real: true, runs: 3 },
	relay: { ...relay, real: true, runs: 5 },
	resize: { ...resize, real: true, runs: 1 },
};

const names = (process.env.BENCH || Object.keys(MEASUREMENTS).join(" ")).split(/[ ,]+/);
const unknown = names.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0)
	throw new Error(`no such measurement: ${unknown}; there are: ${Object.keys(MEASUREMENTS)}`);

const stack = new Stack({ config: { broker: { log_level: "info" } } });
const quick = Boolean(process.env.BENCH_QUICK);
const progress = (/** @type {string} */ line) => console.log(`bench: ${line}`);
try {
	const wanted = names.map((name) => MEASUREMENTS[name]);
	if (wanted.some(({ real }) => real)) await stack.start();
	/** @type {Result[]} */
	const results = [];
	for (const { measure, runs = 7 } of wanted)
		results.push(
			...(await measure({
				stack,
				runs: Number(process.env.BENCH_RUNS || (quick ? 3 : runs)),
				quick,
				progress,
			})),
		);
	await mkdir(path.join(build, "bench"), { recursive: true });
	const file = path.join(build, "bench/result.json");
	await writeFile(file, `${JSON.stringify(results, null, "\t")}\n`);
	console.log(`${table(results)}\nwritten to ${file}`);
} finally {
	await stack.stop();
}
