// SPDX-License-Identifier: ISC
/**
 * Live streams through brokers that are killed, restarted and upgraded: no byte of either direction
 * and no login is lost. How many is the test's own choice.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { keyEvent } from "../../../www/js/stream/kdrive_send.js";
import { Follower } from "./follower.mjs";
import { KeptSite } from "./kept_site.mjs";
import { eventually } from "./rpc.mjs";
import { brokerLogins, brokerStatus } from "./status.mjs";

/** X keycodes of letters. */
const KEYS = [24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 38, 39, 40, 41];
/** Between two brokers, so that each comes into another moment. */
const PAUSE_MS = 400;

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A browser that types and remembers all that came. */
class Viewer {
	/** @param {KeptSite} site @param {{client: import("./rpc.mjs").Client, ws: string}} login */
	constructor(site, { client, ws }) {
		this.client = client;
		this.hash = createHash("sha256");
		/** @type {string[]} */ this.keys = [];
		this.fresh = 0;
		this.heardAt = 0;
		/** Longest time without a byte. */ this.silentMs = 0;
		this.follower = new Follower({
			client,
			path: ws,
			port: site.port,
			onBytes: (bytes) => this.hear(bytes),
			onFresh: () => (this.fresh += 1),
		});
	}

	/** @param {Buffer} bytes */
	hear(bytes) {
		const now = performance.now();
		this.hash.update(bytes);
		if (this.heardAt) this.silentMs = Math.max(this.silentMs, now - this.heardAt);
		this.heardAt = now;
	}

	type() {
		const key = KEYS[Math.floor(Math.random() * KEYS.length)];
		for (const down of [true, false]) {
			this.keys.push(`${down ? 0 : 1}${key}`);
			this.follower.send(keyEvent(down, key, 0));
		}
	}
}

/** When it started, which no other process of this number has.
 * @param {KeptSite} site @param {number} pid */
const startOf = (site, pid) =>
	readFileSync(`${site.proc}/${pid}/stat`, "utf8").split(") ")[1].split(" ")[19];

/**
 * @param {{site?: KeptSite, streams: number, rounds: number, diagnostic: (text: string) => void}} wanted
 * rounds: of each signal
 */
export async function streamsOutliveBrokers({
	site = new KeptSite(),
	streams,
	rounds,
	diagnostic,
}) {
	/** @type {Viewer[]} */ const viewers = [];
	/** @type {NodeJS.Timeout | undefined} */ let typing;
	try {
		await site.start();
		for (let i = 0; i < streams; i++)
			viewers.push(new Viewer(site, await site.logInAndStart()));
		await eventually(
			() => viewers.every(({ follower }) => follower.down > 5000),
			"streams",
			60000,
		);
		const before = await brokerLogins(site);
		const started = new Map(before.map(({ pid }) => [pid, startOf(site, pid)]));
		assert.equal(before.length, streams);
		typing = setInterval(() => viewers.forEach((viewer) => viewer.type()), 100);

		/** @type {NodeJS.Signals[]} */ const signals = ["SIGKILL", "SIGTERM", "SIGUSR2"];
		/** @type {number[]} */ const tookMs = [];
		/** @type {number[]} */ const waitedMs = [];
		let refused = 0;
		for (let round = 0; round < rounds * signals.length; round++) {
			const signal = signals[round % signals.length];
			/* Any of them, so that each round asks another process something. */
			const { client } = viewers[round % streams];
			const since = performance.now();
			const [{ status, json }] = await Promise.all([
				client.call("sessions", { login: client.login }),
				site.follow(signal, streams),
			]);
			tookMs.push(performance.now() - since);
			/* Killed, it leaves no answer to who waits; and a call may reach a connection in the
			 * moment in which it is closed. */
			if (status === 503) {
				assert.equal(json.error.code, "broker_unavailable");
				assert.ok(json.error.retry_after > 0);
				refused += 1;
			} else assert.equal(status, 200, `${signal}: ${JSON.stringify(json)}`);
			assert.ok(Array.isArray(await client.sessions()));
			waitedMs.push(performance.now() - since);
			await pause(Math.random() * PAUSE_MS);
		}
		clearInterval(typing);
		await pause(500);
		site.stopDrawing();

		const sum = site.conversations.reduce((bytes, { sent }) => bytes + sent, 0);
		await eventually(
			() => viewers.reduce((bytes, { follower }) => bytes + follower.down, 0) === sum,
			"all that the agents have sent",
			30000,
		).catch(() => {}); /* told apart below */
		const left = new Map(site.conversations.map((each) => [each.hash.digest("hex"), each]));
		assert.equal(left.size, streams);
		for (const viewer of viewers) {
			const { follower } = viewer;
			assert.deepEqual(follower.faults, []);
			assert.deepEqual(follower.welcomes, { start: 1, resume: 0, fresh: 0 });
			assert.equal(viewer.fresh, 0);
			const hash = viewer.hash.digest("hex");
			const conversation = left.get(hash);
			assert.ok(conversation, `a stream of ${follower.down} bytes is not what was sent`);
			left.delete(hash);
			assert.equal(follower.down, conversation.sent);
			assert.deepEqual(conversation.keys, viewer.keys);
		}
		/* The same logins in the same processes, which have never ended. */
		const after = await brokerLogins(site);
		const byLogin = (/** @type {any} */ a, /** @type {any} */ b) =>
			a.login < b.login ? -1 : 1;
		const identity = (/** @type {any[]} */ list) =>
			list
				.sort(byLogin)
				.map(({ login, pid, uid, port, user, server }) => [
					...[login, pid, uid, port, user, server],
				]);
		assert.deepEqual(identity(after), identity(before));
		for (const { pid } of after) assert.equal(startOf(site, pid), started.get(pid));
		assert.equal((await brokerStatus(site)).streams, streams);
		diagnostic(
			`${streams} streams, ${(sum / 1e6).toFixed(1)} MB and ${viewers.reduce((n, { keys }) => n + keys.length, 0)} key events, ` +
				`${tookMs.length} brokers, each there after ${Math.round(Math.max(...tookMs))} ms at the most; ` +
				`calls answered after ${Math.round(Math.max(...waitedMs))} ms, ${refused} told to try again; ` +
				`no stream silent for more than ${Math.round(Math.max(...viewers.map(({ silentMs }) => silentMs)))} ms`,
		);

		await site.endLogins(viewers.map(({ client }) => client));
		for (const { pid } of after)
			await eventually(() => !existsSync(`${site.proc}/${pid}`), `process ${pid} to end`);
	} finally {
		clearInterval(typing);
		for (const { follower } of viewers) follower.close();
		await site.stop();
	}
}
