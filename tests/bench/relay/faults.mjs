// SPDX-License-Identifier: ISC
/**
 * When the network is bad: how soon a stream goes on whose connection was cut, and how old the
 * picture is on a slow line, with the real agent of a busy desktop.
 */
import { freePort } from "../../e2e/lib/stack.mjs";
import { Client, Stream } from "../../e2e/lib/rpc.mjs";
import { Hand } from "../hand.mjs";
import { result } from "../results.mjs";
import { openFar } from "./far.mjs";
import { runClient, startWebsockify } from "./site.mjs";

/** @typedef {import("./site.mjs").Site} Site */
/** @typedef {import("../../e2e/lib/stack.mjs").Stack} Stack */

const SCREEN = { width: 1024, height: 768 };
const ROUND_TRIP_MS = 80;
const SLOW_BITS_PER_S = 2_000_000;
const FAST_BITS_PER_S = 1_000_000_000;
const AGENT_EVERY_MS = 2000;

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* --- cut ----------------------------------------------------------------------------------- */

/**
 * @param {Site} site
 * @param {{resumes: number, cuts: number, cutsFar: number, progress: (line: string) => void}} how
 */
export async function resume(site, { resumes, cuts, cutsFar, progress }) {
	/** @type {{ours: number, reference: number}[]} */ const near = [];
	/** @type {{ours: number, reference: number}[]} */ const distant = [];
	const measure = async (
		/** @type {import("./site.mjs").Way} */ way,
		/** @type {number} */ count,
		/** @type {{to: object, within: string[]}} */ { to, within } = { to: {}, within: [] },
	) => {
		const { p50 } = await runClient({ ...way.to, ...to, mode: "resume", count }, within);
		await way.close();
		return p50 / 1000;
	};
	const ours = () => site.ours({ web: true });
	const chain = () => site.chain({ documented: true });
	const far = await openFar(site, FAST_BITS_PER_S, ROUND_TRIP_MS);
	try {
		for (let i = 1; i <= resumes; i++) {
			near.push({
				ours: await measure(await ours(), cuts),
				reference: await measure(await chain(), cuts),
			});
			distant.push({
				ours: await measure(await ours(), cutsFar, far),
				reference: await measure(await chain(), cutsFar, far),
			});
			const said = (/** @type {{ours: number, reference: number} | undefined} */ pair) =>
				`ours ${pair?.ours.toFixed(1)} ms, chain ${pair?.reference.toFixed(1)} ms`;
			progress(
				`resume ${i} of ${resumes}: ${said(near.at(-1))}; ` +
					`${ROUND_TRIP_MS} ms away: ${said(distant.at(-1))}`,
			);
		}
	} finally {
		await far.close();
	}
	const label = "a new connection by the documented form to an agent that would take it at once";
	return [
		result("relay.resume_time", "ms", label, near),
		result(
			"relay.resume_time_far",
			"ms",
			`${label}; ${ROUND_TRIP_MS} ms away by ${far.by}`,
			distant,
		),
	];
}

/* --- slow ---------------------------------------------------------------------------------- */

/** A screen full of what does not compress well, changed many times a second. */
const BUSY = `exec xterm -fullscreen -fn 5x7 -e perl -e '
	$| = 1;
	for (my $t = 0;; $t++) {
		my $picture = "\\e[H";
		for my $y (0 .. 70) {
			for my $x (0 .. 120) {
				my $v = ($x * 7 + $y * 13 + $t * 31 + ($x * $y * $t) % 97) % 256;
				$picture .= sprintf("\\e[48;2;%d;%d;%dm ", $v, 255 - $v, ($v * 3 + $t) % 256);
			}
			$picture .= "\\r\\n" if $y < 70;
		}
		print $picture;
		select(undef, undef, undef, 0.03);
	}'`;

/**
 * @typedef {object} Slow
 * @property {number} p50 age of the newest painted byte, in seconds
 * @property {number} most
 * @property {number} agentMiB most of the agent's memory
 * @property {number} growth of it in the second half, in MiB per minute
 */

/** @param {Stack} stack */
async function agentMiB(stack) {
	const text = await stack.onHost(
		"root",
		"cat $(grep -lsE '^Name:.(x2gokdrive|Xorg|Xephyr)' /proc/[0-9]*/status)",
	);
	return [...text.matchAll(/^VmRSS:\s+(\d+) kB/gm)].reduce(
		(most, [, kib]) => Math.max(most, Number(kib) / 1024),
		0,
	);
}

/**
 * @param {Stack} stack @param {number} display @param {number} seconds
 * @param {import("./site.mjs").ClientArguments} to @param {import("./far.mjs").Far} far
 * @returns {Promise<Slow>}
 */
async function watch(stack, display, seconds, to, far) {
	const inside = `export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority LC_ALL=C.UTF-8`;
	const scene = stack.hostProcess("alice", "sh", "-c", `${inside}\n${BUSY}`);
	/** @type {{at: number, mib: number}[]} */
	const memory = [];
	let over = false;
	const sample = async () => {
		await pause(500 * seconds); /* by then it has all that it keeps for itself */
		while (!over) {
			memory.push({ at: performance.now(), mib: await agentMiB(stack) });
			await pause(AGENT_EVERY_MS);
		}
	};
	try {
		const [{ p50, max }] = await Promise.all([
			runClient({ ...to, ...far.to, mode: "age", seconds }, far.within).finally(
				() => (over = true),
			),
			sample(),
		]);
		const [first, last] = [memory[0], memory[memory.length - 1]];
		return {
			...{ p50: p50 / 1e6, most: max / 1e6 },
			agentMiB: Math.max(...memory.map(({ mib }) => mib)),
			growth: (last.mib - first.mib) / ((last.at - first.at) / 60_000),
		};
	} finally {
		await stack.onHost("root", "pkill -KILL -u alice perl; :");
		scene.kill();
	}
}

/** @param {Stack} stack @param {number} seconds */
async function oursSlow(stack, seconds) {
	const client = new Client(stack);
	await client.logIn();
	const { session, ws } = await client.ok("start", { desktop: "ICEWM", ...SCREEN });
	const far = await openFar(stack, SLOW_BITS_PER_S, ROUND_TRIP_MS);
	try {
		const stream = new Stream(stack, ws, { cookie: client.cookie });
		await stream.picture();
		stream.socket.terminate();
		return await watch(
			stack,
			session.display,
			seconds,
			{
				...{ tls: 1, header_host: `localhost:${stack.port}`, path: ws },
				...{ origin: stack.origin, cookie: client.cookie },
			},
			far,
		);
	} finally {
		await far.close();
		await client.ok("terminate", { id: session.id });
		await client.ok("logout");
	}
}

/** @param {Stack} stack @param {Site} site @param {number} seconds */
async function chainSlow(stack, site, seconds) {
	const hand = new Hand(stack, { user: "alice", password: "wonderland" });
	await hand.prepare();
	await hand.logIn();
	const lines = await hand.command(
		"exec x2gostartagent 1024x768 lan 16m-jpeg-9 unix-kde-depth_24 us pc105/us 0 K ICEWM both",
	);
	const [display, cookie, pid, id, port, sound] = lines.split("\n");
	const forwarded = await freePort();
	await hand.forward(forwarded, Number(port));
	const websockify = await startWebsockify(forwarded, site, true);
	await hand.command(
		`setsid x2goruncommand ${display} ${pid} ${id} ${sound} ICEWM nosnd D ` +
			"</dev/null >/dev/null 2>&1 &",
	);
	const far = await openFar(site, SLOW_BITS_PER_S, ROUND_TRIP_MS);
	try {
		return await watch(
			stack,
			Number(display),
			seconds,
			{
				...{ tls: 1, header_host: `localhost:${site.port}`, origin: site.origin },
				...{ path: `/upstream/${websockify.port}`, protocol: "binary", kdrive: cookie },
			},
			far,
		);
	} finally {
		await far.close();
		websockify.child.kill();
		await hand.command(`exec x2goterminate-session ${id}`);
		await hand.logOut();
	}
}

/**
 * @param {Stack} stack with the real X2Go server @param {Site} site
 * @param {{slowRuns: number, slowSeconds: number, progress: (line: string) => void}} how
 */
export async function slowLine(stack, site, { slowRuns, slowSeconds, progress }) {
	/** @type {{ours: Slow, reference: Slow}[]} */
	const pairs = [];
	for (let i = 1; i <= slowRuns; i++) {
		const pair = {
			ours: await oursSlow(stack, slowSeconds),
			reference: await chainSlow(stack, site, slowSeconds),
		};
		for (const [name, { p50, most, agentMiB, growth }] of Object.entries(pair))
			progress(
				`slow line ${i} of ${slowRuns}: ${name}: age p50 ${p50.toFixed(2)} s, most ` +
					`${most.toFixed(2)} s; agent ${agentMiB.toFixed(0)} MiB, ` +
					`${growth.toFixed(1)} more a minute`,
			);
		pairs.push(pair);
	}
	const label =
		`the documented form, ${slowSeconds} s of ${SLOW_BITS_PER_S / 1e6} Mbit/s ` +
		`and ${ROUND_TRIP_MS} ms`;
	const row = (
		/** @type {string} */ id,
		/** @type {string} */ unit,
		/** @type {(slow: Slow) => number} */ of,
	) =>
		result(
			`relay.slow_line_${id}`,
			unit,
			label,
			pairs.map(({ ours, reference }) => ({ ours: of(ours), reference: of(reference) })),
		);
	return [
		row("age", "s", ({ p50 }) => p50),
		row("age_most", "s", ({ most }) => most),
		row("agent_memory", "MiB", ({ agentMiB }) => agentMiB),
		/* Less than this is none. */
		row("agent_growth", "MiB/min", ({ growth }) => Math.max(growth, 0.1)),
	];
}
