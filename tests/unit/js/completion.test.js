/* SPDX-License-Identifier: ISC */
/* What bash offers behind brokerctl, with a stand-in for brokerctl's answers. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

/** @param {string} path in the tree */
const inTree = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const FILE = inTree("packaging/bash-completion/brokerctl");
const folder = mkdtempSync(join(tmpdir(), "completion-"));
after(() => rmSync(folder, { recursive: true }));

const program = join(folder, "brokerctl");
const LOGINS = [
	{ login: "00ab000000000000", user: "alice", server: "office" },
	{ login: "01cd000000000000", user: "bob", server: "office" },
	/* One who is just trying it. */
	{ login: "02ef000000000000", user: "$(touch ran)`touch ran`", server: "office" },
];
writeFileSync(join(folder, "logins"), JSON.stringify(LOGINS));
/* Answers only if it is asked at the socket that was named. */
writeFileSync(
	program,
	`#!/bin/sh\n[ "$*" = "list --json$SOCKET" ] && cat '${join(folder, "logins")}'\n`,
);
chmodSync(program, 0o755);
const config = join(folder, "conf");
writeFileSync(config, "[broker]\nuser = x\n[server office]\n[jump gate] \n#[server old]\n");

/** What is offered for the last word. @param {string[]} words @param {string} [socket] */
function offered(words, socket = "") {
	const script = `
		. "$1"; shift
		[[ $(complete -p brokerctl) =~ -F\\ ([a-z_]+) ]] || exit
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		"\${BASH_REMATCH[1]}" "$1" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
		printf '%s\\n' "\${COMPREPLY[@]}"`;
	const { stdout, stderr } = spawnSync("bash", ["-c", script, "bash", FILE, program, ...words], {
		encoding: "utf8",
		cwd: folder,
		env: { ...process.env, SOCKET: socket && ` --socket ${socket}` },
	});
	assert.equal(stderr, "");
	return stdout.split("\n").filter(Boolean);
}

test("commands, their options, and what they are about", () => {
	assert.deepEqual(offered(["st"]), ["status"]);
	assert.deepEqual(offered(["--json", "und"]), ["undrain"]);
	const table = readFileSync(inTree("brokerd/ctl/ctl_commands.c"), "utf8");
	const commands = [...table.matchAll(/^ {4}\{"([a-z]+)", /gm)].map(([, name]) => name);
	assert.ok(commands.includes("trace"));
	assert.deepEqual(
		offered([""]).filter((word) => !word.startsWith("-")),
		commands,
	);
	assert.deepEqual(offered(["drain", "--w"]), ["--wait"]);
	assert.deepEqual(offered(["kill", "--a"]), ["--all"]);
	assert.deepEqual(offered(["status", "--a"]), []);
	assert.deepEqual(offered(["drain", "--wait", "5"]), ["5m"]);
	assert.deepEqual(offered(["hostkey", "r"]), ["remove"]);
});

test("logins, users and servers that there are", () => {
	assert.deepEqual(
		offered(["kill", ""]),
		LOGINS.map(({ login }) => login),
	);
	assert.deepEqual(offered(["kill", "00ab000000000000", "01"]), ["01cd000000000000"]);
	assert.deepEqual(offered(["show", "01"]), ["01cd000000000000"]);
	/* Behind the login stands the text. */
	assert.deepEqual(offered(["message", "00ab", ""]), []);
	const users = offered(["list", "--user", ""]);
	assert.deepEqual(users.slice(1), ["alice", "bob"]);
	/* Text that does nothing, also not when the line is run. */
	assert.equal(users[0], "\\$\\(touch\\ ran\\)\\`touch\\ ran\\`");
	assert.ok(!existsSync(join(folder, "ran")));
	assert.deepEqual(offered(["trace", "--server", "o"]), ["office"]);
	assert.deepEqual(offered(["-s", "/run/x", "show", "01"], "/run/x"), ["01cd000000000000"]);
	assert.deepEqual(offered(["-s", "/run/other", "show", "01"]), []);
});

test("servers of the configuration", () => {
	assert.deepEqual(offered(["-c", config, "hostkey", "scan", ""]), ["office", "gate"]);
	assert.deepEqual(offered(["hostkey", "-c", config, "add", "o"]), ["office"]);
	assert.deepEqual(offered(["hostkey", "-c", config, "add", "office", ""]), []);
});
