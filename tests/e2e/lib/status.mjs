// SPDX-License-Identifier: ISC
/**
 * What the gateway says of itself (brokerctl) and what the kernel says of its processes (/proc).
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { build, run } from "./stack.mjs";

/** @typedef {import("./stack.mjs").Stack} Stack */

/** @param {Stack} stack @param {string[]} args */
export async function brokerctl(stack, ...args) {
	return run(path.join(build, "bin/brokerctl"), ["-s", stack.file("run/control.sock"), ...args]);
}

/** @param {Stack} stack @param {string[]} args @returns {Promise<any>} */
async function brokerJson(stack, ...args) {
	const { status, stdout, stderr } = await brokerctl(stack, ...args, "--json");
	if (status !== 0) throw new Error(`brokerctl ${args}: status ${status}: ${stderr}`);
	return JSON.parse(stdout);
}

/** @param {Stack} stack */
export const brokerStatus = (stack) => brokerJson(stack, "status");

/**
 * @param {Stack} stack
 * @returns {Promise<{login: string, user: string, server: string, client: string, pid: number, uid: number, port: number}[]>}
 */
export const brokerLogins = (stack) => brokerJson(stack, "list");

/** For what a test that failed has left. @param {Stack} stack */
export async function endLogins(stack) {
	for (const { login } of await brokerLogins(stack)) await brokerctl(stack, "kill", login);
}

/**
 * /proc/PID/status as an object; undefined when there is no such process.
 * @param {number} pid
 * @returns {Record<string, string> | undefined}
 */
export function processStatus(pid) {
	try {
		return Object.fromEntries(
			readFileSync(`/proc/${pid}/status`, "utf8")
				.trimEnd()
				.split("\n")
				.map((line) => line.split(/:\s*/, 2)),
		);
	} catch {
		return undefined;
	}
}

/** Processes whose name or parent matches. @param {(status: Record<string, string>) => boolean} match */
export function processes(match) {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map((name) => ({ pid: Number(name), status: processStatus(Number(name)) }))
		.filter((entry) => entry.status && match(entry.status));
}

/** The session processes of this stack's broker. @param {number} broker its pid */
export const sessionsOf = (broker) => processes((status) => Number(status.PPid) === broker);
