// SPDX-License-Identifier: ISC
/**
 * How often an agent dies, or hangs for good, of a change of its screen's size while three terminals
 * print: changes sent by way of the relay, and the same sent to the agent as they come, as clients
 * without a relay do. Both at the same time. BENCH_RESIZES: how many, of each agent, if the time that
 * such a number may take is enough.
 */
import net from "node:net";
import { KdriveReader } from "../../www/js/stream/kdrive_read.js";
import { geometryEvent, updateEvent } from "../../www/js/stream/kdrive_send.js";
import { Client, eventually } from "../e2e/lib/rpc.mjs";
import { freePort } from "../e2e/lib/stack.mjs";
import { Desktop, EVENT_BYTES, Viewer } from "../e2e/lib/viewer.mjs";
import { Hand } from "./hand.mjs";

/** @typedef {import("../e2e/lib/stack.mjs").Stack} Stack */

const SCREEN = { width: 1024, height: 768 };
const PASSWORD = "wonderland";
const RESIZES = 100;
const RESIZES_QUICK = 20;
/** Agents that are at it at the same time, through the relay: it lets one change pass in half a
 * second. */
const AT_ONCE = 3;
/** On the average, starts of desktops included. */
const EACH_MOST_MS = 700;
const RAW_EVERY_MS = 250;
const PICTURE_MS = 20_000;
const DEATH_MS = 3000;
const TOLD_EVERY = 250;

const any = (/** @type {number} */ from, /** @type {number} */ to) =>
	from + 8 * Math.floor((Math.random() * (to - from)) / 8);
const anySize = () => ({ width: any(400, 1200), height: any(300, 800) });
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @typedef {{resizes: number, crashes: number, stuck: number, late: number, broken: number,
 *   damaged: number}} Count
 * stuck: it lives, and shows nothing any more; late: it shows something, but in all that time not the
 * whole in the size that it was told; broken: frames of a size that makes no sense; damaged: it lives,
 * but nothing that it said afterwards could be understood */
/** @typedef {(line: string) => void} Progress */

const none = () => ({ resizes: 0, crashes: 0, stuck: 0, late: 0, broken: 0, damaged: 0 });

/** Whether the agent is gone, or will be in a moment. @param {Desktop} desktop @param {string} agent */
async function isDead(desktop, agent) {
	const end = Date.now() + DEATH_MS;
	while ((await desktop.agent()) === agent) {
		if (Date.now() > end) return false;
		await pause(100);
	}
	return true;
}

/**
 * @typedef {object} Task
 * @property {number} wanted how many changes
 * @property {number} end when to have done with it, in any case
 * @property {Progress} progress
 */

/** @param {Count} count @param {Task} task */
const more = (count, { wanted, end }) => count.resizes < wanted && Date.now() < end;

/** @param {Stack} stack @param {string} user @param {Task} task @returns {Promise<Count>} */
async function relayed(stack, user, task) {
	const { progress } = task;
	const count = none();
	while (more(count, task)) {
		const client = new Client(stack);
		await client.logIn(user, PASSWORD);
		let refused = "";
		const started = await eventually(
			() =>
				client.ok("start", { desktop: "ICEWM", ...SCREEN }).catch((error) => {
					refused = String(error);
				}),
			"a desktop on a busy machine",
			task.end - Date.now(),
		).catch(() => null);
		if (!started) {
			progress(`${user}: no desktop any more: ${refused}`);
			await client.ok("logout");
			break;
		}
		const { session, ws } = started;
		const viewer = new Viewer(stack, ws, client.cookie);
		await viewer.picture();
		const desktop = new Desktop(stack, user, session.display);
		await desktop.windowManager();
		await desktop.print();
		const agent = await desktop.agent();
		let alive = true;
		while (alive && more(count, task)) {
			const { width, height } = anySize();
			viewer.screens = [];
			const before = { frames: viewer.frames, reinits: viewer.reinits };
			viewer.send(geometryEvent(width, height));
			count.resizes += 1;
			if (count.resizes % TOLD_EVERY === 0) progress(`${user}: ${JSON.stringify(count)}`);
			const shown = await viewer
				.until(
					() =>
						viewer.end !== undefined ||
						viewer.fault !== "" ||
						viewer.screens.some((now) => now.width === width && now.height === height),
					`${width}x${height}`,
					PICTURE_MS,
				)
				.catch(() => null);
			alive = viewer.end === undefined && viewer.fault === "";
			if (shown || !alive) continue;
			alive = viewer.frames > before.frames;
			count.late += Number(alive);
			progress(
				`${user}: not ${width}x${height} after ${count.resizes} changes: ` +
					`${viewer.frames - before.frames} frames, ` +
					`${viewer.reinits - before.reinits} new beginnings since, screens ` +
					viewer.screens.map((one) => `${one.width}x${one.height}`).join(),
			);
		}
		count.broken += viewer.broken.length;
		if (viewer.fault) count.damaged += 1;
		else if (!alive && (await isDead(desktop, agent))) count.crashes += 1;
		else if (!alive) count.stuck += 1;
		progress(
			`${user}: ${JSON.stringify(count)} ${viewer.fault} ${viewer.broken.join("; ")} ` +
				`${JSON.stringify(viewer.end ?? "")}`,
		);
		viewer.socket.terminate();
		await client.call("terminate", { login: client.login, id: session.id });
		await stack.onHost("root", `pkill -KILL -u ${user} x2gokdrive; true`);
		await client.ok("logout");
	}
	return count;
}

/** @param {Stack} stack @param {string} user @param {Task} task @returns {Promise<Count>} */
async function raw(stack, user, task) {
	const { progress } = task;
	const hand = new Hand(stack, { user, password: PASSWORD });
	await hand.prepare();
	await hand.logIn();
	const count = none();
	while (more(count, task)) {
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
		let [ended, fault, frames] = [false, "", 0];
		let shown = { count: count.resizes, at: Date.now() }; /* when the last picture came */
		const reader = new KdriveReader((message) => {
			if (message.type === "frame") {
				frames += 1;
				shown = { count: count.resizes, at: Date.now() };
			}
			if (message.type === "broken-frame") {
				count.broken += 1;
				progress(`raw: ${message.what}`);
			}
			if (message.type === "reinit") socket.write(updateEvent(null));
		});
		socket.on("data", (data) => {
			try {
				reader.push(Uint8Array.from(data));
			} catch (error) {
				fault ||= String(error); /* maybe what a dying agent says last */
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
		const isStuck = () => Date.now() - shown.at > PICTURE_MS;
		while (!ended && !isStuck() && more(count, task)) {
			const { width, height } = anySize();
			socket.write(geometryEvent(width, height));
			count.resizes += 1;
			if (count.resizes % TOLD_EVERY === 0) progress(`raw: ${JSON.stringify(count)}`);
			await pause(RAW_EVERY_MS);
		}
		await pause(500); /* to die of the last one */
		if (await isDead(desktop, agent)) count.crashes += 1;
		else if (fault) count.damaged += 1;
		else if (ended || isStuck()) count.stuck += 1;
		/* What it was sent when it was past hearing does not count. */
		count.resizes = Math.min(count.resizes, shown.count + 1);
		progress(`raw: ${JSON.stringify(count)} ${fault}`);
		socket.destroy();
		await pause(500);
		await hand.command(`x2goterminate-session ${id}; true`);
		await stack.onHost("root", `pkill -KILL -u ${user} x2gokdrive; true`);
	}
	await hand.logOut();
	return count;
}

/** @param {Count[]} counts @returns {Count} */
function total(counts) {
	const sum = (/** @type {keyof Count} */ what) =>
		counts.reduce((all, count) => all + count[what], 0);
	const all = none();
	for (const what of /** @type {(keyof Count)[]} */ (Object.keys(all))) all[what] = sum(what);
	return all;
}

/** Sessions that were lost. @param {Count} count */
const lost = ({ crashes, stuck }) => crashes + stuck;

/** They are few, and may be none: half a one more on each side keeps their ratio a number.
 * @param {Count} ours @param {Count} reference */
function ratioOf(ours, reference) {
	const rate = (/** @type {Count} */ count) => (lost(count) + 0.5) / count.resizes;
	return rate(ours) / rate(reference);
}

/** @param {Count} count */
const perThousand = (count) => (1000 * lost(count)) / count.resizes;

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, quick, progress }) {
	const wanted = Number(process.env.BENCH_RESIZES || (quick ? RESIZES_QUICK : RESIZES));
	/** @type {Count[]} */ const relays = [];
	/** @type {Count[]} */ const raws = [];
	for (let i = 1; i <= runs; i++) {
		const task = {
			wanted,
			end: Date.now() + wanted * EACH_MOST_MS,
			progress: (/** @type {string} */ line) => progress(`resize ${i} of ${runs}: ${line}`),
		};
		const users = Array.from(
			{ length: AT_ONCE },
			(_, k) => `u${String(k + 1).padStart(2, "0")}`,
		);
		const [without, ...by] = await Promise.all([
			raw(stack, "u10", task),
			...users.map((user) => relayed(stack, user, task)),
		]);
		relays.push(...by);
		raws.push(without);
	}
	const counts = { ours: total(relays), reference: total(raws) };
	progress(`resize: ${JSON.stringify(counts)}`);
	if (Math.min(counts.ours.resizes, counts.reference.resizes) === 0)
		throw new Error("not one change of size in time");
	const ratio = ratioOf(counts.ours, counts.reference);
	return [
		{
			id: "relay.resize_crashes",
			unit: "per 1000",
			ours: perThousand(counts.ours),
			reference: perThousand(counts.reference),
			reference_name:
				"changes of size sent to the agent as they come, three terminals printing",
			ratio,
			ratio_range: /** @type {[number, number]} */ ([ratio, ratio]),
			runs,
			counts,
		},
	];
}
