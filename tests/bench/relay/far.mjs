// SPDX-License-Identifier: ISC
/**
 * A line of some rate and delay between a client and the web server: netem in a network namespace of
 * its own where the kernel has that, else bench_line, a proxy.
 */
import { readFile, writeFile } from "node:fs/promises";
import { run } from "../../e2e/lib/stack.mjs";
import { startProgram } from "./site.mjs";

/** @typedef {import("../../e2e/lib/stack.mjs").Stack} Stack */

/**
 * @typedef {object} Far
 * @property {string} by what makes it
 * @property {{host?: string, port: number}} to where the client finds the web server
 * @property {string[]} within what the client is started by
 * @property {() => Promise<unknown>} close
 */

const SPACE = `x2gobench-${process.pid}`;
/** For benchmarks, by RFC 2544. */
const HERE = "198.18.0.1";
const THERE = "198.18.0.2";
/** As many as bench_line has room for. */
const PACKETS = 44;
const PACKET_BITS = 1500 * 8;

/** @param {string} line */
async function must(line) {
	const [program, ...args] = line.split(" ");
	const { status, stderr } = await run(program, args);
	if (status !== 0) throw new Error(`${line}: ${status}: ${stderr}`);
}

/** @type {Promise<boolean> | undefined} */
let netem;

async function tryNetem() {
	try {
		await must("unshare --net tc qdisc add dev lo root netem delay 1ms");
		return true;
	} catch {
		return false;
	}
}

/** The web server takes connections at our end of the line, too. @param {Stack} stack */
async function listenHere(stack) {
	const file = stack.file("nginx.conf");
	const text = await readFile(file, "utf8");
	const own = `listen 127.0.0.1:${stack.port} ssl http2;`;
	const more = `listen ${HERE}:${stack.port} ssl http2;`;
	if (text.includes(more) || !stack.nginx) return;
	await writeFile(file, text.replace(own, `${own}\n\t\t${more}`));
	const from = stack.nginx.log.length;
	process.kill(stack.nginx.pid, "SIGHUP");
	await stack.nginx.waitFor(/start worker process /, { from });
}

/** @param {Stack} stack @param {number} bitsPerSecond @param {number} roundTripMs @returns {Promise<Far>} */
async function byNetem(stack, bitsPerSecond, roundTripMs) {
	const close = () => run("ip", ["netns", "delete", SPACE]);
	const inSpace = `ip netns exec ${SPACE}`;
	const onItsWay = Math.ceil((bitsPerSecond * roundTripMs) / 2e3 / PACKET_BITS);
	const shape = `netem rate ${bitsPerSecond}bit delay ${roundTripMs / 2}ms limit ${PACKETS + onItsWay}`;
	try {
		await must(`ip netns add ${SPACE}`);
		await must(`ip link add x2gobench0 type veth peer name x2gobench1 netns ${SPACE}`);
		await must(`ip address add ${HERE}/30 dev x2gobench0`);
		await must(`${inSpace} ip address add ${THERE}/30 dev x2gobench1`);
		/* A packet of 64 KiB would be one delay of its own. */
		await must("ip link set dev x2gobench0 gso_max_segs 1 up");
		await must(`${inSpace} ip link set dev x2gobench1 gso_max_segs 1 up`);
		await must(`tc qdisc add dev x2gobench0 root ${shape}`);
		await must(`${inSpace} tc qdisc add dev x2gobench1 root ${shape}`);
		await listenHere(stack);
	} catch (error) {
		await close();
		throw error;
	}
	return {
		by: "netem",
		to: { host: HERE, port: stack.port },
		within: inSpace.split(" "),
		close,
	};
}

/**
 * One at a time.
 * @param {Stack} stack whose web server it leads to
 * @param {number} bitsPerSecond @param {number} roundTripMs
 * @returns {Promise<Far>}
 */
export async function openFar(stack, bitsPerSecond, roundTripMs) {
	netem ??= tryNetem();
	if (await netem) return byNetem(stack, bitsPerSecond, roundTripMs);
	const { child, port } = await startProgram(
		"bench_line",
		stack.port,
		bitsPerSecond,
		roundTripMs,
	);
	return {
		by: "bench_line",
		to: { port },
		within: [],
		close: async () => child.kill(),
	};
}
