/* SPDX-License-Identifier: ISC */
/* The page as it is installed, built for the tests of one file: it loads in half the time. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SCRIPT = fileURLToPath(new URL("../../../www/build.mjs", import.meta.url));

/** @type {Promise<string> | undefined} */
let built;

async function build() {
	const folder = mkdtempSync(join(tmpdir(), "x2goweb-www-"));
	process.on("exit", () => rmSync(folder, { recursive: true }));
	await promisify(execFile)(process.execPath, [SCRIPT, folder]);
	return folder;
}

/** @returns {Promise<string>} the folder, which goes with this process */
export function bundledPage() {
	built ??= build();
	return built;
}
