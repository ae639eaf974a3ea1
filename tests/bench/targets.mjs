// SPDX-License-Identifier: ISC
/**
 * What the relay's figures are to be, by the ids of their rows. Others have no target.
 */

/** @typedef {{least?: number, most?: number}} Bounds */

/** Milliseconds that going on may take beyond one round trip. */
const RESUME_MS = 100;
const FAR_MS = 80;
const MEMORY = { ours: { most: 1.5 }, ratio: { most: 1 / 15 } };

/** @type {Record<string, {ours?: Bounds, ratio?: Bounds}>} */
const TARGETS = {
	"relay.throughput": { ratio: { least: 0.95 } },
	"relay.throughput_documented": { ratio: { least: 1.2 } },
	"relay.cpu_per_gib": { ratio: { most: 1.1 } },
	"relay.cpu_documented": { ratio: { most: 1 } },
	"relay.latency_p50": { ratio: { most: 0.65 } },
	"relay.latency_p99": { ratio: { most: 0.7 } },
	"relay.private_memory_idle": MEMORY,
	"relay.private_memory_idle_500": MEMORY,
	"relay.resume_time": { ours: { most: RESUME_MS } },
	"relay.resume_time_far": { ours: { most: FAR_MS + RESUME_MS } },
	"relay.slow_line_age": { ours: { most: 1 } },
	"relay.slow_line_age_most": { ours: { most: 1 } },
	"relay.slow_line_agent_growth": { ours: { most: 1 } },
};

/** @param {import("./results.mjs").Result} row @returns {string} "" without a target */
export function verdict(row) {
	const target = TARGETS[row.id];
	if (!target) return "";
	const parts = [];
	let met = true;
	for (const what of /** @type {const} */ (["ours", "ratio"])) {
		const { least = -Infinity, most = Infinity } = target[what] ?? {};
		met &&= row[what] >= least && row[what] <= most;
		if (least > -Infinity) parts.push(`${what} ≥ ${Number(least.toPrecision(2))}`);
		if (most < Infinity) parts.push(`${what} ≤ ${Number(most.toPrecision(2))}`);
	}
	return `${parts.join(", ")}: ${met ? "met" : "not met"}`;
}
