// SPDX-License-Identifier: ISC
/**
 * On what a bench ran: the processors, and the versions of what its figures depend on.
 */
import { readFile } from "node:fs/promises";
import os from "node:os";
import { run } from "../e2e/lib/stack.mjs";

/** Debian's packages, by the names people know them by. */
const PACKAGES = {
	libssh2: "libssh2-1*",
	OpenSSH: "openssh-client",
	OpenSSL: "libssl3*",
	nginx: "nginx",
	websockify: "websockify",
};

/** @param {string} name of a package, or a pattern */
async function version(name) {
	const { stdout } = await run("dpkg-query", [
		...["-W", "-f=${db:Status-Abbrev} ${Version}\\n", name],
	]);
	const installed = stdout.split("\n").find((line) => line.startsWith("ii"));
	return installed?.match(/ (?:\d+:)?(\d+(?:\.\d+)*)/)?.[1] ?? "unknown";
}

async function system() {
	const text = await readFile("/etc/os-release", "utf8").catch(() => "");
	return text.match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1] ?? "unknown";
}

/**
 * @typedef {object} Machine
 * @property {string} date
 * @property {string} processors
 * @property {string} system
 * @property {string} kernel
 * @property {Record<string, string>} versions
 */

/** @returns {Promise<Machine>} */
export async function describe() {
	const cpus = os.cpus();
	/** @type {Record<string, string>} */
	const versions = {};
	for (const [name, pattern] of Object.entries(PACKAGES)) versions[name] = await version(pattern);
	return {
		date: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
		processors: `${cpus.length} of ${cpus[0]?.model.trim() ?? "unknown"}`,
		system: await system(),
		kernel: os.release().match(/^\d+\.\d+/)?.[0] ?? "unknown",
		versions,
	};
}
