// SPDX-License-Identifier: ISC
/**
 * The relay, against what upstream uses in its place (ssh -L and websockify, both Debian's), and
 * against the limits: libssh2 alone, ssh -L alone, no relay at all. docs/bench.md explains the rows.
 */
import { latency, throughput } from "./relay/speed.mjs";
import { memory } from "./relay/memory.mjs";
import { resume, slowLine } from "./relay/faults.mjs";
import { Site } from "./relay/site.mjs";

const WHOLE = {
	...{ floodSeconds: 1.5, echoSeconds: 1.5, busySeconds: 2 },
	...{ resumes: 3, cuts: 10, cutsFar: 5, slowRuns: 1, slowSeconds: 30 },
	...{ levels: [1, 10, 100, 500], chainLevels: [1, 10, 100], wakeSeconds: 30, bursts: 3 },
};
const QUICK = {
	...{ floodSeconds: 0.7, echoSeconds: 0.5, busySeconds: 1 },
	...{ resumes: 1, cuts: 5, cutsFar: 3, slowRuns: 1, slowSeconds: 10 },
	...{ levels: [1, 10], chainLevels: [1, 10], wakeSeconds: 10, bursts: 1 },
};

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, quick, parts, attempt, progress }) {
	const size = quick ? QUICK : WHOLE;
	const site = new Site();
	/** @type {Record<string, () => Promise<import("./results.mjs").Result[]>>} */
	const all = {
		throughput: () => throughput(site, { ...size, runs, quick, progress }),
		latency: () => latency(site, { ...size, runs, quick, progress }),
		resume: () => resume(site, { ...size, progress }),
		slow: () => slowLine(stack, site, { ...size, progress }),
		memory: () => memory(site, { ...size, attempt, progress }),
	};
	for (const part of parts)
		if (!(part in all))
			throw new Error(`no such part: ${part}; there are: ${Object.keys(all)}`);
	const results = [];
	try {
		await site.start();
		for (const [name, action] of Object.entries(all))
			if (parts.size === 0 || parts.has(name))
				results.push(...(await attempt(`relay.${name}`, action)));
	} finally {
		await site.stop();
	}
	return results;
}
