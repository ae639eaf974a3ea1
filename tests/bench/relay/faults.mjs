// SPDX-License-Identifier: ISC
/**
 * When the network is bad: how soon a stream goes on whose connection was cut, and how old the
 * picture is on a slow line, with the real agent of a busy desktop.
 */
import { freePort } from "../../e2e/lib/stack.mjs";
import { Client, Stream } from "../../e2e/lib/rpc.mjs";
import { Hand } from "../hand.mjs";
import { result } from "../results.mjs";
import { runClient, startLine, startWebsockify } from "./site.mjs";

/** @typedef {import("./site.mjs").Site} Site */
/** @typedef {import("../../e2e/lib/stack.mjs").Stack} Stack */

const SCREEN = { width: 1024, height: 768 };
const LINE = { bitsPerSecond: 2_000_000, roundTripMs: 80 };

/* --- cut ----------------------------------------------------------------------------------- */

/**
 * @param {Site} site
 * @param {{runs: number, count: number, progress: (line: string) => void}} how
 */
export async function resume(site, { runs, count, progress }) {
	/** @type {{ours: number, reference: number}[]} */ const near = [];
	/** @type {{ours: number, reference: number}[]} */ const far = [];
	const measure = async (
		/** @type {import("./site.mjs").Way} */ way,
		/** @type {object} */ to,
	) => {
		const { p50 } = await runClient({ ...way.to, ...to, mode: "resume", count });
		await way.close();
		return p50 / 1000;
	};
	const line = await startLine(site.port, 1e9, LINE.roundTripMs);
	for (let i = 1; i <= runs; i++) {
		const ours = await measure(await site.ours({ web: true }), {});
		const reference = await measure(await site.chain({ documented: true }), {});
		const to = { port: line.port, count: 3 };
		const oursFar = await measure(await site.ours({ web: true }), to);
		const referenceFar = await measure(await site.chain({ documented: true }), to);
		near.push({ ours, reference });
		far.push({ ours: oursFar, reference: referenceFar });
		progress(
			`resume ${i} of ${runs}: ours ${ours.toFixed(1)} ms, chain ${reference.toFixed(1)} ms; ` +
				`${LINE.roundTripMs} ms away ${oursFar.toFixed(0)} and ${referenceFar.toFixed(0)} ms`,
		);
	}
	line.child.kill();
	const label = "a new connection by the documented form to an agent that would take it at once";
	return [
		result("relay.resume_time", "ms", label, near),
		result(`relay.resume_time_far`, "ms", `${label}; ${LINE.roundTripMs} ms away`, far),
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

/** @typedef {{p50: number, max: number, beginMiB: number, endMiB: number}} Slow seconds */

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
 * @param {import("./site.mjs").ClientArguments} to @param {number} linePort
 * @returns {Promise<Slow>}
 */
async function watch(stack, display, seconds, to, linePort) {
	const inside = `export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority LC_ALL=C.UTF-8`;
	const scene = stack.hostProcess("alice", "sh", "-c", `${inside}\n${BUSY}`);
	try {
		const beginMiB = await agentMiB(stack);
		const { p50, max } = await runClient({ ...to, port: linePort, mode: "age", seconds });
		return { p50: p50 / 1e6, max: max / 1e6, beginMiB, endMiB: await agentMiB(stack) };
	} finally {
		await stack.onHost("root", "pkill -KILL -u alice perl; :");
		scene.kill();
	}
}

/** @param {Stack} stack @param {number} seconds @param {number} linePort */
async function oursSlow(stack, seconds, linePort) {
	const client = new Client(stack);
	await client.logIn();
	const { session, ws } = await client.ok("start", { desktop: "ICEWM", ...SCREEN });
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
			linePort,
		);
	} finally {
		await client.ok("terminate", { id: session.id });
		await client.ok("logout");
	}
}

/** @param {Stack} stack @param {Site} site @param {number} seconds @param {number} linePort */
async function chainSlow(stack, site, seconds, linePort) {
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
	try {
		return await watch(
			stack,
			Number(display),
			seconds,
			{
				...{ tls: 1, header_host: `localhost:${site.port}`, origin: site.origin },
				...{ path: `/upstream/${websockify.port}`, protocol: "binary", kdrive: cookie },
			},
			linePort,
		);
	} finally {
		websockify.child.kill();
		await hand.command(`exec x2goterminate-session ${id}`);
		await hand.logOut();
	}
}

/**
 * @param {Stack} stack with the real X2Go server @param {Site} site
 * @param {{runs: number, seconds: number, progress: (line: string) => void}} how
 */
export async function slowLine(stack, site, { runs, seconds, progress }) {
	const { bitsPerSecond, roundTripMs } = LINE;
	/** @type {{ours: Slow, reference: Slow}[]} */
	const pairs = [];
	for (let i = 1; i <= runs; i++) {
		const toOurs = await startLine(stack.port, bitsPerSecond, roundTripMs);
		const toChain = await startLine(site.port, bitsPerSecond, roundTripMs);
		const ours = await oursSlow(stack, seconds, toOurs.port);
		const reference = await chainSlow(stack, site, seconds, toChain.port);
		toOurs.child.kill();
		toChain.child.kill();
		for (const [name, { p50, max, beginMiB, endMiB }] of Object.entries({ ours, reference }))
			progress(
				`slow line ${i} of ${runs}: ${name}: age p50 ${p50.toFixed(2)} s, most ` +
					`${max.toFixed(2)} s; agent ${beginMiB.toFixed(0)} -> ${endMiB.toFixed(0)} MiB`,
			);
		pairs.push({ ours, reference });
	}
	const row = (
		/** @type {string} */ id,
		/** @type {string} */ unit,
		/** @type {(slow: Slow) => number} */ of,
	) =>
		result(
			`relay.slow_line_${id}`,
			unit,
			`the documented form, ${seconds} s of ${bitsPerSecond / 1e6} Mbit/s and ${roundTripMs} ms`,
			pairs.map(({ ours, reference }) => ({ ours: of(ours), reference: of(reference) })),
		);
	return [
		row("age", "s", ({ p50 }) => p50),
		row("age_most", "s", ({ max }) => max),
		row("agent_growth", "MiB", ({ beginMiB, endMiB }) => Math.max(endMiB - beginMiB, 0)),
	];
}
