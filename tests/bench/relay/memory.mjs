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
import { KDRIVE_COOKIE, leaveClient } from "./site.mjs";

/** @typedef {import("./site.mjs").Site} Site */
/** @typedef {import("./site.mjs").Way} Way */
/** @typedef {{privateMiB: number, pssMiB: number, processes: number, cpuMs: number}} Memory of one
 *   session, and the processor time that its processes have had */
/** What is held open. @typedef {{pids: () => Promise<number[]>, close: () => Promise<unknown>}} Held */

const AT_ONCE = 8;
const FILL_MOST_MS = 150_000;
const PICTURE_MS = 60_000;
const SETTLE_MS = 3000;
const BURST_SETTLE_MS = 8000;
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

/** Of processes of one thread; what stat says is rounded down to 10 ms each. @param {number} pid */
const cpuMsOf = (pid) => Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;

/** @param {string} text @param {RegExp} pattern */
const sum = (text, pattern) =>
	[...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);

/**
 * What nobody else has of it: pages of files that one process alone has mapped, and anonymous ones, which
 * a session's processes share with each other at the most, having forked.
 * @param {number[]} pids @param {number} sessions @returns {Memory}
 */
function memoryOf(pids, sessions) {
	const texts = pids.map((pid) => readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")).join("\n");
	return {
		privateMiB: sum(texts, /^(?:Pss_Anon|Private_Clean): +(\d+) kB/gm) / 1024 / sessions,
		pssMiB: sum(texts, /^Pss: +(\d+) kB/gm) / 1024 / sessions,
		processes: pids.length / sessions,
		cpuMs: pids.reduce((total, pid) => total + cpuMsOf(pid), 0) / sessions,
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
	try {
		await stream.until(({ bytes }) => bytes > 0, "a picture", PICTURE_MS);
	} catch (error) {
		await client.ok("logout");
		throw error;
	}
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
		pids: async () => way.pids,
		close: async () => {
			socket.on("error", () => {});
			socket.terminate();
			await way.close();
		},
	};
}

/**
 * More of them until there are so many. False: it took too long.
 * @param {Held[]} held @param {number} count @param {() => Promise<Held>} open
 */
async function fill(held, count, open) {
	const end = performance.now() + FILL_MOST_MS;
	const worker = async () => {
		while (started < count && performance.now() < end) {
			started += 1;
			held.push(await open());
		}
	};
	let started = held.length;
	/* None may be on its way when one has failed: they are released, all. */
	for (const one of await Promise.allSettled(Array.from({ length: AT_ONCE }, worker)))
		if (one.status === "rejected") throw one.reason;
	return held.length === count;
}

/** @param {Site} site @param {Held[]} held @param {boolean} ours */
async function pidsOf(site, held, ours) {
	if (!ours) return withChildren((await Promise.all(held.map((one) => one.pids()))).flat());
	const pids = (await brokerLogins(site)).map(({ pid }) => pid);
	if (pids.length !== held.length)
		throw new Error(`${pids.length} sessions there, ${held.length} held`);
	return pids;
}

/** Of the whole gateway, from the web server to the sessions. @param {Site} site */
const gatewayPids = (site) =>
	withChildren([site.nginx, site.fcgi, site.broker].map((process) => process?.pid ?? -1));

/** @param {Held[]} held */
async function release(held) {
	while (held.length > 0) await Promise.all(held.splice(0, AT_ONCE).map((one) => one.close()));
}

/**
 * What is left of a burst of pictures a while after it, whoever has shown them being there still.
 * @param {Site} site @param {number} count
 */
async function afterBursts(site, count) {
	/** @type {{ours: Way, reference: Way}[]} */ const pairs = [];
	const browsers = [];
	for (let i = 0; i < count; i++) {
		const pair = { ours: await site.ours(), reference: await site.chain() };
		for (const way of [pair.ours, pair.reference])
			browsers.push(await leaveClient({ ...way.to, mode: "flood", seconds: 1 }));
		pairs.push(pair);
	}
	await pause(BURST_SETTLE_MS);
	const memory = (/** @type {Way} */ way) => memoryOf(withChildren(way.pids), 1).privateMiB;
	const found = pairs.map(({ ours, reference }) => ({
		ours: memory(ours),
		reference: memory(reference),
	}));
	for (const browser of browsers) browser.kill();
	for (const { ours, reference } of pairs) await Promise.all([ours.close(), reference.close()]);
	return found;
}

/**
 * @param {Site} site
 * @param {{levels: number[], chainLevels: number[], wakeSeconds: number, bursts: number,
 *   attempt: import("../results.mjs").Context["attempt"],
 *   progress: (line: string) => void}} how levels in rising order; the first ones are chainLevels
 */
export async function memory(site, how) {
	const { levels, chainLevels, wakeSeconds, bursts, attempt, progress } = how;
	const burst = await afterBursts(site, bursts);
	progress(`memory: after a burst ${median(burst.map(({ ours }) => ours)).toFixed(2)} MiB`);

	/** @typedef {"ours" | "gateway" | "chain"} Which */
	/** @type {Record<Which, Map<number, Memory>>} */
	const found = { ours: new Map(), gateway: new Map(), chain: new Map() };
	/** @type {Record<"ours" | "chain", Held[]>} */
	const held = { ours: [], chain: [] };
	const wakes = { ours: 0, chain: 0 };
	const most = Math.max(...chainLevels);
	const measure = async (/** @type {"ours" | "chain"} */ which, /** @type {number} */ level) => {
		const begin = performance.now();
		const open = () => (which === "ours" ? holdOurs(site) : holdChain(site));
		if (!(await fill(held[which], level, open)))
			throw new Error(`only ${held[which].length} sessions in time`);
		const took = (performance.now() - begin) / 1000;
		await pause(SETTLE_MS);
		const memory = memoryOf(await pidsOf(site, held[which], which === "ours"), level);
		found[which].set(level, memory);
		if (which === "ours") found.gateway.set(level, memoryOf(gatewayPids(site), level));
		progress(
			`memory: ${which}, ${level} sessions (after ${took.toFixed(0)} s): private ` +
				`${memory.privateMiB.toFixed(2)} MiB, PSS ${memory.pssMiB.toFixed(2)} MiB, ` +
				`${memory.processes.toFixed(1)} processes each`,
		);
	};
	const countWakes = async () => {
		const pids = {
			ours: await pidsOf(site, held.ours, true),
			chain: await pidsOf(site, held.chain, false),
		};
		const before = { ours: switchesOf(pids.ours), chain: switchesOf(pids.chain) };
		await pause(wakeSeconds * 1000);
		for (const which of /** @type {const} */ (["ours", "chain"]))
			wakes[which] =
				((switchesOf(pids[which]) - before[which]) / held[which].length / wakeSeconds) * 60;
	};
	/** @type {number[]} */
	const reached = [];
	try {
		for (const level of levels) {
			await attempt(`relay.memory, ${level} sessions`, async () => {
				await measure("ours", level);
				if (chainLevels.includes(level)) await measure("chain", level);
				reached.push(level);
				return [];
			});
			if (level === most || (level < most && !reached.includes(level))) {
				await countWakes();
				await release(held.chain);
			}
			if (!reached.includes(level)) break;
		}
	} finally {
		await release(held.chain);
		await release(held.ours);
	}

	const at = (/** @type {Which} */ which, /** @type {number} */ level) => {
		const there = found[which].get(level);
		if (!there) throw new Error(`${which} was not measured with ${level} sessions`);
		return there;
	};
	const own = (/** @type {Which} */ which, /** @type {number} */ level) =>
		at(which, level).privateMiB;
	/* Broker and web server are there before the first one. */
	const added = (/** @type {keyof Memory} */ what) => {
		const all = (/** @type {Which} */ which, /** @type {number} */ level) =>
			at(which, level)[what] * level;
		return (/** @type {Which} */ which, /** @type {number} */ level) =>
			(all(which, level) - all(which, levels[0])) / (level - levels[0]);
	};
	const CHAIN = "ssh -L + websockify, each session's own";
	const rows = reached.flatMap((level) => {
		const reference = Math.max(...reached.filter((of) => of <= Math.min(level, most)));
		const label = reference === level ? CHAIN : `${CHAIN}; ${reference} of them`;
		const row = (
			/** @type {string} */ id,
			/** @type {string} */ unit,
			/** @type {typeof own} */ of,
			/** @type {Which} */ ours = "ours",
		) =>
			result(`relay.${id}${level === most ? "" : `_${level}`}`, unit, label, [
				{ ours: of(ours, level), reference: of("chain", reference) },
			]);
		return [
			row("private_memory_idle", "MiB", own),
			row("pss_idle", "MiB", (which, count) => at(which, count).pssMiB),
			row("processes", "", (which, count) => at(which, count).processes),
			...(level > levels[0]
				? [
						row("gateway_memory_idle", "MiB", added("privateMiB"), "gateway"),
						row("start_cpu", "ms", added("cpuMs"), "gateway"),
					]
				: []),
		];
	});
	return [
		...rows,
		result("relay.private_memory_after_burst", "MiB", `${CHAIN}; 8 s after pictures`, burst),
		result("relay.wakeups_idle", "per min", `${CHAIN}; they keep nothing alive`, [
			{ ours: wakes.ours, reference: Math.max(wakes.chain, 0.01) },
		]),
	];
}
