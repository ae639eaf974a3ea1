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
	...{ seconds: 2, levels: [1, 10, 100, 500], chainLevels: [1, 10, 100], wakeSeconds: 60 },
	...{ bursts: 3, cuts: 10, slowRuns: 1, slowSeconds: 40 },
};
const QUICK = {
	...{ seconds: 0.7, levels: [1, 10], chainLevels: [1, 10], wakeSeconds: 10 },
	...{ bursts: 1, cuts: 5, slowRuns: 1, slowSeconds: 12 },
};

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, quick, progress }) {
	const size = quick ? QUICK : WHOLE;
	const { seconds } = size;
	const few = Math.min(runs, quick ? 1 : 3);
	const site = new Site();
	try {
		await site.start();
		return [
			...(await throughput(site, { runs, seconds, quick, progress })),
			...(await latency(site, { runs, seconds: seconds / 2, quick, progress })),
			...(await resume(site, { runs: few, count: size.cuts, progress })),
			...(await slowLine(stack, site, {
				...{ runs: size.slowRuns, seconds: size.slowSeconds, progress },
			})),
			...(await memory(site, { ...size, progress })),
		];
	} finally {
		await site.stop();
	}
}
