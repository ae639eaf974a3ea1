// SPDX-License-Identifier: ISC
/**
 * make bench: runs every measurement, prints one table, writes build/bench/result.json. BENCH names
 * those that are wanted, whole or in part (make bench BENCH="start relay.memory"), BENCH_RUNS how
 * often each is repeated, BENCH_QUICK=1 shortens what can be shortened, BENCH_KEEP=1 keeps the rows
 * of result.json that are not measured again.
 *
 * A measurement is a module with `measure(context)`, which gives results: medians of paired runs,
 * ours and what a user would pick instead taking turns, so that both see the same machine.
 * run.json, beside result.json, says where and when that was.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, Stack } from "../e2e/lib/stack.mjs";
import * as client from "./client.mjs";
import * as keys from "./keys.mjs";
import * as login from "./login.mjs";
import { describe } from "./machine.mjs";
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
	login: { ...login, real: true, runs: 60 },
	client: { ...client, runs: 5 },
	keys: { ...keys, real: true, runs: 3 },
	relay: { ...relay, real: true, runs: 5 },
	resize: { ...resize, real: true, runs: 1 },
};

/** The parts of each that are wanted; all, if there is none.
 * @type {Map<string, Set<string>>} */
const wanted = new Map();
for (const word of (process.env.BENCH || Object.keys(MEASUREMENTS).join(" ")).split(/[ ,]+/)) {
	const [name, part] = word.split(".");
	if (!(name in MEASUREMENTS))
		throw new Error(`no such measurement: ${name}; there are: ${Object.keys(MEASUREMENTS)}`);
	wanted.set(name, wanted.get(name) ?? new Set());
	if (part) wanted.get(name)?.add(part);
}

const stack = new Stack({ config: { broker: { log_level: "info" } } });
const quick = Boolean(process.env.BENCH_QUICK);
const progress = (/** @type {string} */ line) => console.log(`bench: ${line}`);
const begin = performance.now();
const tookS = (/** @type {number} */ since) => ((performance.now() - since) / 1000).toFixed(0);
/** @type {string[]} */
const failures = [];

/** @type {Context["attempt"]} */
async function attempt(name, action) {
	const since = performance.now();
	try {
		return await action();
	} catch (error) {
		failures.push(`${name}: ${error instanceof Error ? error.stack : error}`);
		progress(`${name} FAILED: ${error}`);
		return [];
	} finally {
		progress(`${name} took ${tookS(since)} s`);
	}
}

/** Rows of earlier runs that stay. @param {string} file @param {Result[]} results */
async function kept(file, results) {
	if (!process.env.BENCH_KEEP) return [];
	/** @type {Result[]} */
	const before = JSON.parse(await readFile(file, "utf8").catch(() => "[]"));
	return before.filter(({ id }) => !results.some((row) => row.id === id));
}

try {
	if ([...wanted.keys()].some((name) => MEASUREMENTS[name].real)) await stack.start();
	/** @type {Result[]} */
	const results = [];
	for (const [name, parts] of wanted) {
		const { measure, runs = 7 } = MEASUREMENTS[name];
		const context = {
			...{ stack, quick, parts, attempt, progress },
			runs: Number(process.env.BENCH_RUNS || (quick ? 3 : runs)),
		};
		results.push(...(await attempt(name, () => measure(context))));
	}
	await mkdir(path.join(build, "bench"), { recursive: true });
	const file = path.join(build, "bench/result.json");
	results.push(...(await kept(file, results)));
	await writeFile(file, `${JSON.stringify(results, null, "\t")}\n`);
	await writeFile(
		path.join(build, "bench/run.json"),
		`${JSON.stringify({ quick, ...(await describe()) }, null, "\t")}\n`,
	);
	console.log(`${table(results)}\nwritten to ${file} after ${tookS(begin)} s`);
} finally {
	await stack.stop();
}
for (const failure of failures) console.error(`bench: FAILED: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
