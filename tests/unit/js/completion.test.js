/* SPDX-License-Identifier: ISC */
/* What bash offers behind brokerctl, with a stand-in for brokerctl's answers. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(
	new URL("../../../packaging/bash-completion/brokerctl", import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), "completion-"));
after(() => rmSync(folder, { recursive: true }));

const program = join(folder, "brokerctl");
const LOGINS = [
	{ login: "00ab000000000000", user: "alice", server: "office" },
	{ login: "01cd000000000000", user: "bob", server: "office" },
];
/* Answers only if it is asked at the socket that was named. */
writeFileSync(
	program,
	`#!/bin/sh\n[ "$*" = "list --json$SOCKET" ] && echo '${JSON.stringify(LOGINS)}'\n`,
);
chmodSync(program, 0o755);
const config = join(folder, "conf");
writeFileSync(config, "[broker]\nuser = x\n[server office]\n[jump gate] \n#[server old]\n");

/** What is offered for the last word. @param {string[]} words @param {string} [socket] */
function offered(words, socket = "") {
	const script = `
		. "$1"; shift
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		_brokerctl "$1" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
		printf '%s\\n' "\${COMPREPLY[@]}"`;
	const { stdout, stderr } = spawnSync("bash", ["-c", script, "bash", FILE, program, ...words], {
		encoding: "utf8",
		env: { ...process.env, SOCKET: socket && ` --socket ${socket}` },
	});
	assert.equal(stderr, "");
	return stdout.split("\n").filter(Boolean);
}

test("commands, their options, and what they are about", () => {
	assert.deepEqual(offered(["st"]), ["status"]);
	assert.deepEqual(offered(["--json", "und"]), ["undrain"]);
	assert.ok(offered([""]).includes("trace"));
	assert.deepEqual(offered(["drain", "--w"]), ["--wait"]);
	assert.deepEqual(offered(["kill", "--a"]), ["--all"]);
	assert.deepEqual(offered(["status", "--a"]), []);
	assert.deepEqual(offered(["drain", "--wait", "5"]), ["5m"]);
	assert.deepEqual(offered(["hostkey", "r"]), ["remove"]);
});

test("logins, users and servers that there are", () => {
	assert.deepEqual(offered(["kill", ""]), ["00ab000000000000", "01cd000000000000"]);
	assert.deepEqual(offered(["kill", "00ab000000000000", "01"]), ["01cd000000000000"]);
	assert.deepEqual(offered(["show", "01"]), ["01cd000000000000"]);
	/* Behind the login stands the text. */
	assert.deepEqual(offered(["message", "00ab", ""]), []);
	assert.deepEqual(offered(["list", "--user", ""]), ["alice", "bob"]);
	assert.deepEqual(offered(["trace", "--server", "o"]), ["office"]);
	assert.deepEqual(offered(["-s", "/run/x", "show", "01"], "/run/x"), ["01cd000000000000"]);
	assert.deepEqual(offered(["-s", "/run/other", "show", "01"]), []);
});

test("servers of the configuration", () => {
	assert.deepEqual(offered(["-c", config, "hostkey", "scan", ""]), ["office", "gate"]);
	assert.deepEqual(offered(["hostkey", "-c", config, "add", "o"]), ["office"]);
	assert.deepEqual(offered(["hostkey", "-c", config, "add", "office", ""]), []);
});
