// SPDX-License-Identifier: ISC
/**
 * What the relay carries, what processor time that costs, and how long a 41-byte event takes to an
 * echo and back. All ways take turns.
 */
import { result } from "../results.mjs";
import { runClient } from "./site.mjs";

/** @typedef {import("./site.mjs").Site} Site */
/** @typedef {import("./site.mjs").Way} Way */
/** @typedef {{speed: number, cpu: number, client: number}} Flood MB/s, seconds per GiB, and how much
 *   of a processor bench_client itself took */
/** @typedef {{p50: number, p99: number, p999: number}} Echo µs */

/** @typedef {{runs: number, quick: boolean, progress: (line: string) => void}} How
 *   quick: without what only puts the others into perspective */

const GIB = 2 ** 30;
const UNITS = { speed: "MB/s", cpu: "s/GiB", client: "processors" };

/** @param {{bytes: number, seconds: number, cpu: number, own_cpu?: number}} found
 * @returns {Flood} */
const flood = ({ bytes, seconds, cpu, own_cpu = 0 }) => ({
	speed: bytes / 1e6 / seconds,
	cpu: cpu / (bytes / GIB),
	client: own_cpu / seconds,
});

/** Of what only puts the others into perspective. */
const OTHER_RUNS = 3;

/** One way after the other, and in the opposite order every other time.
 * @template T @param {T[]} ways @param {number} round */
const turns = (ways, round) => (round % 2 ? ways : [...ways].reverse());

/**
 * A row of the table; none if one of the two was not measured.
 * @template {string} What
 * @param {Record<string, Record<What, number>>[]} rounds @param {string} id @param {string} unit
 * @param {[string, string]} names ours, and the reference @param {string} label @param {What} what
 */
function rowOf(rounds, id, unit, [ours, reference], label, what) {
	const pairs = rounds
		.filter((round) => ours in round && reference in round)
		.map((round) => ({ ours: round[ours][what], reference: round[reference][what] }));
	return pairs.length > 0 ? [result(`relay.${id}`, unit, label, pairs)] : [];
}

/** @param {Site} site */
const ways = (site) => ({
	ours: () => site.ours(),
	binary: () => site.ours({ protocol: "binary" }),
	chain: () => site.chain(),
	same: () => site.chain({ sameCipher: true }),
	web: () => site.ours({ web: true }),
	documented: () => site.chain({ documented: true }),
	ssh: () => site.ssh(),
	loopback: () => site.loopback(),
});

/**
 * @template T
 * @param {Site} site @param {string} name
 * @param {(way: Way) => Promise<T>} action
 */
async function by(site, name, action) {
	const way = await ways(site)[/** @type {keyof ReturnType<typeof ways>} */ (name)]();
	try {
		return await action(way);
	} finally {
		await way.close();
	}
}

/**
 * @param {Site} site
 * @param {How & {floodSeconds: number}} how
 */
export async function throughput(site, { runs, floodSeconds: seconds, quick, progress }) {
	const names = ["ours", "minimal", "web", "documented"];
	const others = quick ? [] : ["chain", "same", "ssh", "binary", "loopback"];
	/** @type {Record<string, Flood>[]} */
	const rounds = [];
	for (let i = 1; i <= runs; i++) {
		/** @type {Record<string, Flood>} */
		const round = {};
		for (const name of turns(i > OTHER_RUNS ? names : [...names, ...others], i)) {
			const found =
				name === "minimal"
					? await site.minimal("flood", seconds)
					: await by(site, name, (way) =>
							runClient({ ...way.to, mode: "flood", seconds, pids: way.pids.join() }),
						);
			round[name] = flood(found);
			const { speed, cpu, client } = round[name];
			progress(
				`throughput ${i} of ${runs}: ${name} ${speed.toFixed(0)} MB/s, ` +
					`${cpu.toFixed(2)} s/GiB, client ${client.toFixed(2)}` +
					(found.reinits ? `, ${found.reinits} new beginnings` : ""),
			);
		}
		rounds.push(round);
	}
	const row = (
		/** @type {string} */ id,
		/** @type {keyof Flood} */ what,
		/** @type {string} */ ours,
		/** @type {string} */ reference,
		/** @type {string} */ label,
	) => rowOf(rounds, id, UNITS[what], [ours, reference], label, what);
	const minimal = "a minimal libssh2 read loop, same cipher";
	const same = "ssh -L + websockify, the relay's cipher";
	const documented = "ssh -L + websockify with TLS, behind nginx with TLS as ours";
	return [
		...row("throughput", "speed", "ours", "minimal", minimal),
		...row("throughput_binary", "speed", "binary", "minimal", minimal),
		...row("throughput_chain", "speed", "ours", "chain", "ssh -L + websockify"),
		...row("throughput_chain_same_cipher", "speed", "ours", "same", same),
		...row("throughput_documented", "speed", "web", "documented", documented),
		...row("throughput_ssh", "speed", "ours", "ssh", "ssh -L alone, default cipher"),
		...row(
			"throughput_loopback",
			"speed",
			"ours",
			"loopback",
			"the client on the agent itself",
		),
		...row("cpu_per_gib", "cpu", "ours", "minimal", minimal),
		...row("cpu_chain", "cpu", "ours", "chain", "ssh -L + websockify"),
		...row("cpu_chain_same_cipher", "cpu", "ours", "same", same),
		...row("cpu_ssh", "cpu", "ours", "ssh", "ssh -L alone, default cipher"),
		...row("cpu_documented", "cpu", "web", "documented", documented),
		...row("client_load", "client", "web", "documented", "the client's own, the same two ways"),
	];
}

/**
 * @param {Site} site
 * @param {How & {echoSeconds: number, busySeconds: number}} how
 */
export async function latency(site, { runs, echoSeconds, busySeconds, quick, progress }) {
	/** @type {[string, "echo" | "echo-flood"][]} */
	const kinds = ["ours", "chain"].flatMap((name) => [
		[name, "echo"],
		[name, "echo-flood"],
	]);
	/** @type {typeof kinds} */
	const others = ["web", "documented", "ssh", "loopback", "minimal"].map((name) => [
		name,
		"echo",
	]);
	others.push(["web", "echo-flood"], ["documented", "echo-flood"]);
	const all = quick ? kinds : [...kinds, ...others];
	/** @type {Record<string, Echo>[]} */
	const rounds = [];
	for (let i = 1; i <= runs; i++) {
		/** @type {Record<string, Echo>} */
		const round = {};
		for (const [name, mode] of turns(i > OTHER_RUNS ? kinds : all, i)) {
			const found =
				name === "minimal"
					? await site.minimal("echo", echoSeconds)
					: await by(site, name, (way) =>
							runClient({
								...{ ...way.to, mode, count: 20000 },
								seconds: mode === "echo" ? echoSeconds : busySeconds,
							}),
						);
			const key = mode === "echo" ? name : `${name}-busy`;
			round[key] = found;
			progress(
				`latency ${i} of ${runs}: ${key} p50 ${found.p50.toFixed(0)}, ` +
					`p99 ${found.p99.toFixed(0)}, p99.9 ${found.p999.toFixed(0)} µs (${found.count})`,
			);
		}
		rounds.push(round);
	}
	const rows = (
		/** @type {string} */ id,
		/** @type {string} */ ours,
		/** @type {string} */ reference,
		/** @type {string} */ label,
		/** @type {(keyof Echo)[]} */ ...shares
	) =>
		shares.flatMap((share) =>
			rowOf(rounds, `latency_${id}${share}`, "µs", [ours, reference], label, share),
		);
	const chain = "ssh -L + websockify";
	const documentedBusy = "the documented form, under a full-rate stream";
	return [
		...rows("", "ours", "chain", chain, "p50", "p99", "p999"),
		...rows(
			"busy_",
			"ours-busy",
			"chain-busy",
			`${chain}, under a full-rate stream`,
			"p50",
			"p99",
			"p999",
		),
		...rows("documented_", "web", "documented", "the documented form", "p50", "p99", "p999"),
		...rows(
			"documented_busy_",
			"web-busy",
			"documented-busy",
			documentedBusy,
			"p50",
			"p99",
			"p999",
		),
		...rows("ssh_", "ours", "ssh", "ssh -L alone", "p50", "p99", "p999"),
		...rows("minimal_", "ours", "minimal", "a minimal libssh2 loop", "p50", "p99", "p999"),
		...rows("loopback_", "ours", "loopback", "the agent itself", "p50", "p99", "p999"),
	];
}
