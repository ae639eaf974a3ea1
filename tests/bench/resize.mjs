// SPDX-License-Identifier: ISC
/**
 * How often an agent dies of a change of its screen's size while three terminals print: changes sent
 * by way of the relay, and the same sent to the agent as they come, as clients without a relay do.
 */
import net from "node:net";
import { KdriveReader } from "../../www/js/stream/kdrive_read.js";
import { geometryEvent, updateEvent } from "../../www/js/stream/kdrive_send.js";
import { Client, eventually } from "../e2e/lib/rpc.mjs";
import { freePort } from "../e2e/lib/stack.mjs";
import { Desktop, EVENT_BYTES, Viewer } from "../e2e/lib/viewer.mjs";
import { Hand } from "./hand.mjs";
import { result } from "./results.mjs";

/** @typedef {import("../e2e/lib/stack.mjs").Stack} Stack */

const SCREEN = { width: 1024, height: 768 };
const PASSWORD = "wonderland";
const RESIZES = 150;
const RESIZES_QUICK = 20;
/** Agents that are at it at the same time, through the relay: it lets one change pass in half a
 * second. */
const AT_ONCE = 2;
const RAW_EVERY_MS = 250;
const PICTURE_MS = 20_000;

const any = (/** @type {number} */ from, /** @type {number} */ to) =>
	from + 8 * Math.floor((Math.random() * (to - from)) / 8);
const anySize = () => ({ width: any(400, 1200), height: any(300, 800) });
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @typedef {{resizes: number, crashes: number, damaged: number}} Count
 * damaged: it lives, but said what makes no sense */

/** @param {Stack} stack @param {string} user @param {number} wanted @returns {Promise<Count>} */
async function relayed(stack, user, wanted) {
	const count = { resizes: 0, crashes: 0, damaged: 0 };
	while (count.resizes < wanted) {
		const client = new Client(stack);
		await client.logIn(user, PASSWORD);
		const { session, ws } = await client.ok("start", { desktop: "ICEWM", ...SCREEN });
		const viewer = new Viewer(stack, ws, client.cookie);
		await viewer.picture();
		const desktop = new Desktop(stack, user, session.display);
		await desktop.windowManager();
		await desktop.print();
		const agent = await desktop.agent();
		for (let alive = true; alive && count.resizes < wanted;) {
			const { width, height } = anySize();
			viewer.screens = [];
			viewer.send(geometryEvent(width, height));
			count.resizes += 1;
			alive = await viewer
				.until(
					() =>
						viewer.end !== undefined ||
						viewer.fault !== "" ||
						viewer.screens.some((now) => now.width === width && now.height === height),
					`${width}x${height}`,
					PICTURE_MS,
				)
				.then(() => viewer.end === undefined && viewer.fault === "")
				.catch(() => false);
		}
		if ((await desktop.agent()) !== agent) count.crashes += 1;
		else if (viewer.fault) count.damaged += 1;
		viewer.socket.terminate();
		await client.call("terminate", { login: client.login, id: session.id });
		await client.ok("logout");
	}
	return count;
}

/** @param {Stack} stack @param {string} user @param {number} wanted @returns {Promise<Count>} */
async function raw(stack, user, wanted) {
	const hand = new Hand(stack, { user, password: PASSWORD });
	await hand.prepare();
	await hand.logIn();
	const count = { resizes: 0, crashes: 0, damaged: 0 };
	while (count.resizes < wanted) {
		const lines = await hand.command(
			`exec x2gostartagent ${SCREEN.width}x${SCREEN.height} lan 16m-jpeg-9 unix-kde-depth_24 ` +
				"us pc105/us 0 K ICEWM both",
		);
		const [display, cookie, pid, id, port, sound] = lines.split("\n");
		const forwarded = await freePort();
		await hand.forward(forwarded, Number(port));
		await hand.command(
			`setsid x2goruncommand ${display} ${pid} ${id} ${sound} ICEWM nosnd D ` +
				"</dev/null >/dev/null 2>&1 &",
		);
		const socket = net.connect(forwarded, "127.0.0.1");
		socket.setNoDelay(true);
		let [ended, nonsense, frames] = [false, false, 0];
		const reader = new KdriveReader((message) => {
			if (message.type === "frame") frames += 1;
			if (message.type === "reinit") socket.write(updateEvent(null));
		});
		socket.on("data", (data) => {
			try {
				reader.push(Uint8Array.from(data));
			} catch {
				nonsense = true; /* what a dying agent says last */
				socket.destroy();
			}
		});
		socket.on("error", () => {});
		socket.on("close", () => (ended = true));
		const version = new Uint8Array(EVENT_BYTES);
		version.set([10, 0, 0, 0, 8, 0, 3, 0]);
		socket.write(
			Buffer.concat([
				Buffer.from(cookie),
				version,
				geometryEvent(SCREEN.width, SCREEN.height),
			]),
		);
		await eventually(() => frames > 0, "a picture");
		const desktop = new Desktop(stack, user, Number(display));
		await desktop.windowManager();
		await desktop.print();
		const agent = await desktop.agent();
		while (!ended && count.resizes < wanted) {
			const { width, height } = anySize();
			socket.write(geometryEvent(width, height));
			count.resizes += 1;
			await pause(RAW_EVERY_MS);
		}
		await pause(500); /* to die of the last one */
		if ((await desktop.agent()) !== agent) count.crashes += 1;
		else if (nonsense) count.damaged += 1;
		socket.destroy();
		await pause(500);
		await hand.command(`x2goterminate-session ${id}; true`);
		await stack.onHost("root", `pkill -KILL -u ${user} x2gokdrive; true`);
	}
	await hand.logOut();
	return count;
}

/** @param {Count[]} counts */
function perThousand(counts) {
	const sum = (/** @type {keyof Count} */ what) =>
		counts.reduce((total, count) => total + count[what], 0);
	return (1000 * sum("crashes")) / sum("resizes");
}

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, quick, progress }) {
	const wanted = quick ? RESIZES_QUICK : RESIZES;
	/** @type {Count[]} */ const ours = [];
	/** @type {Count[]} */ const reference = [];
	for (let i = 1; i <= runs; i++) {
		const users = Array.from(
			{ length: AT_ONCE },
			(_, k) => `u${String(k + 1).padStart(2, "0")}`,
		);
		ours.push(...(await Promise.all(users.map((user) => relayed(stack, user, wanted)))));
		reference.push(await raw(stack, "u10", wanted));
		for (const [name, counts] of Object.entries({ ours, reference }))
			progress(
				`resize ${i} of ${runs}: ${name}: ` +
					counts
						.map(
							({ crashes, damaged, resizes }) =>
								`${crashes} crashes in ${resizes}, damaged ${damaged}`,
						)
						.join("; "),
			);
	}
	const value = { ours: perThousand(ours), reference: perThousand(reference) };
	const label = "changes of size sent to the agent as they come, three terminals printing";
	return [{ ...result("relay.resize_crashes", "per 1000", label, [value]), runs }];
}
