// SPDX-License-Identifier: ISC
/**
 * A login with a password, against OpenSSH's ssh, in turns. Ours: the page's call from its first
 * byte to the answer, over an HTTPS connection that stands already, as a browser's does; besides the
 * SSH login it contains a process of its own, the list of sessions and the probe for desktops. By
 * hand: ssh from its start to its end, which logs in and runs a command that does nothing; and, as
 * what tells a user as much as our answer does, the same with x2golistsessions.
 */
import https from "node:https";
import { Client } from "../e2e/lib/rpc.mjs";
import { Hand } from "./hand.mjs";
import { percentile, result } from "./results.mjs";

/** @typedef {{ours: number, list: number, bare: number}} Round */

const ACCOUNT = { user: "alice", password: "wonderland" };
const LIST = "OpenSSH by hand: ssh x2golistsessions";
const BARE = "OpenSSH by hand: ssh true";

/** @param {() => Promise<unknown>} action */
async function timed(action) {
	const begin = performance.now();
	await action();
	return performance.now() - begin;
}

/**
 * @param {Round[]} rounds
 * @param {"list" | "bare"} which
 */
const pairs = (rounds, which) =>
	rounds.map((round) => ({ ours: round.ours, reference: round[which] }));

/** A row of one percentile: there are no pairs to take a ratio of. @param {string} id
 * @param {Round[]} rounds @param {number} percent */
function tail(id, rounds, percent) {
	const ours = percentile(
		rounds.map((round) => round.ours),
		percent,
	);
	const reference = percentile(
		rounds.map((round) => round.bare),
		percent,
	);
	return { ...result(id, "ms", BARE, [{ ours, reference }]), runs: rounds.length };
}

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, progress }) {
	const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
	const client = new Client(stack, { agent });
	const hand = new Hand(stack, ACCOUNT);
	await hand.prepare();
	const round = async () => {
		const ours = await timed(() => client.logIn(ACCOUNT.user, ACCOUNT.password));
		await client.ok("logout");
		return {
			ours,
			list: await timed(() => hand.once("exec x2golistsessions")),
			bare: await timed(() => hand.once("exec true")),
		};
	};
	/** @type {Round[]} */ const rounds = [];
	try {
		await round(); // fills the caches of both sides
		for (let i = 1; i <= runs; i++) {
			rounds.push(await round());
			if (i % 10 === 0) progress(`login ${i} of ${runs}`);
		}
	} finally {
		agent.destroy();
	}
	return [
		result("login.time_p50", "ms", BARE, pairs(rounds, "bare")),
		tail("login.time_p95", rounds, 95),
		result("login.time_with_list", "ms", LIST, pairs(rounds, "list")),
	];
}
