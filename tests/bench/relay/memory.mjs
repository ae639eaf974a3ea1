// SPDX-License-Identifier: ISC
/**
 * What sessions cost that show a desktop on which nothing happens: memory by the kernel's account,
 * processes, and how often they wake up. Each has its browser's WebSocket.
 */
import { readdirSync, readFileSync } from "node:fs";
import WebSocket from "ws";
import { Stream } from "../../e2e/lib/rpc.mjs";
import { brokerLogins } from "../../e2e/lib/status.mjs";
import { median, result } from "../results.mjs";
import { KDRIVE_COOKIE, runClient } from "./site.mjs";

/** @typedef {import("./site.mjs").Site} Site */
/** @typedef {{privateMiB: number, pssMiB: number, processes: number}} Memory of one session */
/** What is held open. @typedef {{pids: () => Promise<number[]>, close: () => Promise<unknown>}} Held */

const AT_ONCE = 8;
const SETTLE_MS = 3000;
/** KEYPRESS and so on are 41 bytes; an agent is told version and size behind its cookie. */
const OPENING = Buffer.alloc(32 + 2 * 41);
OPENING.write(KDRIVE_COOKIE);
OPENING.writeUInt32LE(10, 32);
OPENING.writeUInt16LE(8, 36);
OPENING.writeUInt16LE(3, 38);
OPENING.writeUInt32LE(7, 73);
OPENING.writeUInt16LE(1024, 77);
OPENING.writeUInt16LE(768, 79);
OPENING.writeUInt16LE(1024, 82);
OPENING.writeUInt16LE(768, 84);

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** With all that they have started. @param {number[]} pids */
function withChildren(pids) {
	const parents = readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map((name) => {
			try {
				const stat = readFileSync(`/proc/${name}/stat`, "utf8");
				return [Number(name), Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2])];
			} catch {
				return [0, 0];
			}
		});
	const all = new Set(pids);
	for (let before = 0; before !== all.size;) {
		before = all.size;
		for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
	}
	return [...all];
}

/** @param {string} text @param {RegExp} pattern */
const sum = (text, pattern) =>
	[...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);

/** @param {number[]} pids @param {number} sessions @returns {Memory} */
function memoryOf(pids, sessions) {
	const texts = pids.map((pid) => readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")).join("\n");
	return {
		privateMiB: sum(texts, /^Private_(?:Clean|Dirty): +(\d+) kB/gm) / 1024 / sessions,
		pssMiB: sum(texts, /^Pss: +(\d+) kB/gm) / 1024 / sessions,
		processes: pids.length / sessions,
	};
}

/** @param {number[]} pids */
function switchesOf(pids) {
	const texts = pids.map((pid) => readFileSync(`/proc/${pid}/status`, "utf8")).join("\n");
	return sum(texts, /^(?:non)?voluntary_ctxt_switches:\s+(\d+)/gm);
}

/** @param {Site} site @returns {Promise<Held>} */
async function holdOurs(site) {
	const { client, ws, port } = await site.logInAndStart();
	const stream = new Stream(site, ws, { cookie: client.cookie });
	await stream.picture();
	return {
		pids: async () =>
			(await brokerLogins(site)).filter((login) => login.port === port).map(({ pid }) => pid),
		close: () => client.ok("logout"),
	};
}

/** @param {Site} site @returns {Promise<Held>} */
async function holdChain(site) {
	const way = await site.chain();
	const socket = new WebSocket(`ws://127.0.0.1:${way.to.port}/`, ["binary"]);
	await new Promise((resolve, reject) => {
		socket.on("error", reject);
		socket.on("open", () => socket.send(OPENING));
		socket.on("message", resolve);
	});
	return {
		pids: async () => withChildren(way.pids),
		close: async () => {
			socket.on("error", () => {});
			socket.terminate();
			await way.close();
		},
	};
}

/**
 * More of them until there are so many.
 * @param {Held[]} held @param {number} count @param {() => Promise<Held>} open
 */
async function fill(held, count, open) {
	const worker = async () => {
		while (started < count) {
			started += 1;
			held.push(await open());
		}
	};
	let started = held.length;
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** @param {Site} site @param {Held[]} held @param {boolean} ours */
async function pidsOf(site, held, ours) {
	if (ours) return (await brokerLogins(site)).map(({ pid }) => pid);
	return (await Promise.all(held.map((one) => one.pids()))).flat();
}

/** @param {Held[]} held */
async function release(held) {
	while (held.length > 0) await Promise.all(held.splice(0, AT_ONCE).map((one) => one.close()));
}

/**
 * What is left of a burst of pictures a while after it.
 * @param {Site} site @param {import("./site.mjs").Way} way
 */
async function afterBurst(site, way) {
	await runClient({ ...way.to, mode: "flood", seconds: 1 });
	await pause(8000);
	const memory = memoryOf(withChildren(way.pids.filter((pid) => pid !== site.nginxPid)), 1);
	await way.close();
	return memory.privateMiB;
}

/**
 * @param {Site} site
 * @param {{levels: number[], chainLevels: number[], wakeSeconds: number, bursts: number,
 *   progress: (line: string) => void}} how levels in rising order
 */
export async function memory(site, { levels, chainLevels, wakeSeconds, bursts, progress }) {
	const results = [];
	const burst = [];
	for (let i = 0; i < bursts; i++)
		burst.push({
			ours: await afterBurst(site, await site.ours()),
			reference: await afterBurst(site, await site.chain()),
		});
	const CHAIN = "ssh -L + websockify, each session's own";

	/** @type {Record<"ours" | "chain", Map<number, Memory>>} */
	const found = { ours: new Map(), chain: new Map() };
	/** @type {Record<"ours" | "chain", Held[]>} */
	const held = { ours: [], chain: [] };
	const wakes = { ours: 0, chain: 0 };
	const most = Math.max(...chainLevels);
	for (const level of levels) {
		for (const which of /** @type {const} */ (["ours", "chain"])) {
			if (which === "chain" && !chainLevels.includes(level)) continue;
			const begin = performance.now();
			await fill(held[which], level, () =>
				which === "ours" ? holdOurs(site) : holdChain(site),
			);
			const took = (performance.now() - begin) / 1000;
			await pause(SETTLE_MS);
			const pids = await pidsOf(site, held[which], which === "ours");
			const memory = memoryOf(pids, level);
			found[which].set(level, memory);
			progress(
				`memory: ${which}, ${level} sessions (after ${took.toFixed(0)} s): private ` +
					`${memory.privateMiB.toFixed(2)} MiB, PSS ${memory.pssMiB.toFixed(2)} MiB, ` +
					`${memory.processes.toFixed(1)} processes each`,
			);
		}
		if (level !== most) continue;
		const pids = {
			ours: await pidsOf(site, held.ours, true),
			chain: await pidsOf(site, held.chain, false),
		};
		const before = { ours: switchesOf(pids.ours), chain: switchesOf(pids.chain) };
		await pause(wakeSeconds * 1000);
		for (const which of /** @type {const} */ (["ours", "chain"]))
			wakes[which] = ((switchesOf(pids[which]) - before[which]) / level / wakeSeconds) * 60;
		await release(held.chain);
	}
	await release(held.ours);

	/* What a session takes alone: that of the first one, or what each further one has added, since its
	 * processes share with each other what they share with nobody else. */
	const own = (/** @type {"ours" | "chain"} */ which, /** @type {number} */ level) => {
		const [one, all] = [found[which].get(levels[0]), found[which].get(level)];
		if (!one || !all) return NaN;
		if (level === levels[0]) return one.privateMiB;
		return (all.pssMiB * level - one.pssMiB * levels[0]) / (level - levels[0]);
	};
	const share = (/** @type {"ours" | "chain"} */ which, /** @type {number} */ level) =>
		found[which].get(level)?.pssMiB ?? NaN;
	for (const level of levels) {
		const reference = Math.min(level, most);
		const suffix = level === most ? "" : `_${level}`;
		const label =
			reference === level ? `${CHAIN}; ${level} sessions` : `${CHAIN}; ${reference} of them`;
		for (const [id, of] of /** @type {[string, typeof own][]} */ ([
			["private_memory_idle", own],
			["pss_idle", share],
		]))
			results.push(
				result(`relay.${id}${suffix}`, "MiB", label, [
					{ ours: of("ours", level), reference: of("chain", reference) },
				]),
			);
	}
	results.push(
		result("relay.private_memory_after_burst", "MiB", `${CHAIN}; 8 s after pictures`, burst),
		result("relay.processes", "", CHAIN, [
			{
				ours: found.ours.get(most)?.processes ?? NaN,
				reference: found.chain.get(most)?.processes ?? NaN,
			},
		]),
		result("relay.wakeups_idle", "1/min", `${CHAIN}; they keep nothing alive`, [
			{ ours: wakes.ours, reference: Math.max(wakes.chain, 0.001) },
		]),
	);
	progress(`memory: after a burst ${median(burst.map(({ ours }) => ours)).toFixed(2)} MiB`);
	return results;
}
