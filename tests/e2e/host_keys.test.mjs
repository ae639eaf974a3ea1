// SPDX-License-Identifier: ISC
/**
 * Host keys under each policy: known, hashed, unknown, changed, revoked; what accept-new writes; and
 * the admin's way with `brokerctl hostkey`.
 */
import assert from "node:assert/strict";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { build, run, Stack } from "./lib/stack.mjs";
import { assertPrompt, assertReady, assertRefused, Visitor } from "./lib/steps.mjs";

const PASSWORD = "wonderland";
const OTHER_KEY =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py";
const OTHER_FINGERPRINT = "SHA256:fPv4hZa5WGMsxAjsMR+tJ8cKnfeon29gFIdhr6yV+yk";
const POLICIES = ["strict", "ask", "accept-new"];

const stack = new Stack({
	config: (self) =>
		Object.fromEntries(
			POLICIES.map((policy) => [
				`server ${policy}`,
				{ address: "127.0.0.1", port: String(self.sshPort), host_keys: policy },
			]),
		),
});
/** The server's name in known hosts, its keys' lines, and each as "type base64". */
let name = "";
/** @type {string[]} */
let keys = [];
/** The fingerprint of the key that it shows. */
let fingerprint = "";

before(async () => {
	await stack.start();
	name = `[127.0.0.1]:${stack.sshPort}`;
	keys = (await readFile(stack.file("known_hosts"), "utf8"))
		.split("\n")
		.filter((line) => line.startsWith(`${name} `))
		.map((line) => line.split(" ").slice(1, 3).join(" "));
	assert.ok(keys.length > 0);
	await know("");
	const step = await visit("ask");
	fingerprint = step.host_key?.fingerprint ?? "";
});
after(() => stack.stop());
beforeEach(() => know(""));

/** Only this is on file. @param {string} text */
async function know(text) {
	await writeFile(stack.file("known_hosts"), text);
	await rm(stack.file("accepted/known_hosts"), { force: true });
}

/** @param {string} prefix @param {string} [hosts] */
const lines = (prefix = "", hosts = name) =>
	keys.map((key) => `${prefix}${hosts} ${key}\n`).join("");

const visitor = () => new Visitor(stack);
/** @param {string} server */
const visit = (server) => visitor().begin({ server, password: PASSWORD });
/** Nothing of the login has reached the server. @param {string} server */
async function refused(server) {
	const before = stack.hostLog().length;
	const refusal = await visitor().refusedLogin({ server, password: PASSWORD });
	assert.doesNotMatch(stack.hostLog().slice(before), /Accepted|Failed|alice/);
	return refusal;
}

/** @param {string} server */
async function enter(server) {
	const guest = visitor();
	assertReady(await guest.begin({ server, password: PASSWORD }));
	await guest.ok("logout");
}

const accepted = () => readFile(stack.file("accepted/known_hosts"), "utf8");

/** @param {string[]} words */
const hostkey = (...words) =>
	run(path.join(build, "bin/brokerctl"), ["hostkey", "-c", stack.file("x2goweb.conf"), ...words]);

test("a known key is known under every policy, also hashed and by pattern", async () => {
	await know(lines());
	for (const policy of POLICIES) await enter(policy);
	const { status } = await run("ssh-keygen", ["-q", "-H", "-f", stack.file("known_hosts")]);
	assert.equal(status, 0);
	assert.match(await readFile(stack.file("known_hosts"), "utf8"), /^\|1\|/);
	for (const policy of POLICIES) await enter(policy);
	await know(lines("", "[127.0.*]:*,!other"));
	for (const policy of POLICIES) await enter(policy);
	await assert.rejects(accepted(), { code: "ENOENT" });
});

test("strict: an unknown key is refused, and so is one of another port or another host", async () => {
	for (const text of ["", lines("", "127.0.0.1"), lines("", "[127.0.0.2]:*")]) {
		await know(text);
		assertRefused(await refused("strict"), 502, "host_key_unknown");
	}
});

test("ask: the user sees the fingerprint and decides for this login", async () => {
	const guest = visitor();
	const step = await guest.begin({ server: "ask", password: PASSWORD });
	assertPrompt(step, "host_key", { hop: "server", host: name, prompts: [] });
	assert.match(step.host_key?.fingerprint ?? "", /^SHA256:[A-Za-z0-9+/]{43}$/);
	assertRefused(await guest.refusedAnswer("no"), 403, "host_key_refused");
	const other = visitor();
	assertPrompt(await other.begin({ server: "ask", password: PASSWORD }), "host_key");
	assertReady(await other.answer("yes"));
	await other.ok("logout");
	// Nobody else trusts it now.
	await assert.rejects(accepted(), { code: "ENOENT" });
	assertPrompt(await visit("ask"), "host_key");
});

test("ask: what is not yes is no", async () => {
	const before = stack.hostLog().length;
	for (const answer of ["", "y", "YES", "yes ", "yes\n"]) {
		const guest = visitor();
		assertPrompt(await guest.begin({ server: "ask", password: PASSWORD }), "host_key");
		assertRefused(await guest.refusedAnswer(answer), 403, "host_key_refused");
	}
	assert.doesNotMatch(stack.hostLog().slice(before), /Accepted|Failed|alice/);
});

test("accept-new: the first key is written down, and from then on no other is taken", async () => {
	await enter("accept-new");
	const first = await accepted();
	assert.equal(first.split("\n").length, 2);
	assert.ok(first.startsWith(`${name} `));
	assert.ok(keys.some((key) => first.includes(key)));
	assert.equal((await stat(stack.file("accepted/known_hosts"))).mode & 0o777, 0o644);
	await enter("accept-new");
	assert.equal(await accepted(), first);
	// It is on file for everybody.
	await enter("strict");
	const judged = await run("ssh-keygen", [
		...["-l", "-F", name, "-f", stack.file("accepted/known_hosts")],
	]);
	assert.ok(judged.stdout.includes(fingerprint));
	await writeFile(stack.file("accepted/known_hosts"), `${name} ${OTHER_KEY}\n`);
	for (const policy of POLICIES) assertRefused(await refused(policy), 502, "host_key_changed");
	assert.equal(await accepted(), `${name} ${OTHER_KEY}\n`);
});

test("accept-new: several first logins at once write one line", async () => {
	const results = await Promise.allSettled(Array.from({ length: 4 }, () => enter("accept-new")));
	assert.deepEqual(
		results.map(({ status }) => status),
		Array(4).fill("fulfilled"),
	);
	assert.equal((await accepted()).split("\n").length, 2);
});

test("a changed key is refused under every policy, and the journal says where the other stands", async () => {
	await know(`# the office\n${name} ${OTHER_KEY}\n`);
	for (const policy of POLICIES) {
		const from = stack.broker?.log.length ?? 0;
		const refusal = await refused(policy);
		assertRefused(refusal, 502, "host_key_changed");
		assert.ok(refusal.message.includes(fingerprint), refusal.message);
		assert.ok(refusal.message.includes(OTHER_FINGERPRINT));
		await stack.broker?.waitFor(/on file for .*known_hosts:2\)/, { from });
	}
	await assert.rejects(accepted(), { code: "ENOENT" });
});

test("a revoked key is refused under every policy, whoever else trusts it", async () => {
	for (const hosts of ["*", name, "127.0.0.1", "[127.0.0.?]:*"]) {
		await know(lines() + lines("@revoked ", hosts));
		for (const policy of POLICIES)
			assertRefused(await refused(policy), 502, "host_key_revoked");
	}
	await assert.rejects(accepted(), { code: "ENOENT" });
});

test("an authority's key is nobody's host key", async () => {
	await know(lines("@cert-authority ", "*"));
	assertRefused(await refused("strict"), 502, "host_key_unknown");
	await stack.broker?.waitFor(/certificates \(@cert-authority\) are not used/);
	assertPrompt(await visit("ask"), "host_key");
	await enter("accept-new");
});

test("a file that cannot be read lets nobody in: who knows what it revokes", async () => {
	await rm(stack.file("known_hosts"));
	// No file is an empty file.
	assertRefused(await refused("strict"), 502, "host_key_unknown");
	await enter("accept-new");
	await know(lines());
	await run("chmod", ["600", stack.file("known_hosts")]);
	for (const policy of POLICIES) assertRefused(await refused(policy), 500, "internal");
	await run("chmod", ["644", stack.file("known_hosts")]);
	await enter("strict");
});

test("brokerctl hostkey: from unknown to known, and back", async () => {
	const scan = await hostkey("scan", "strict");
	assert.equal(scan.status, 0, scan.stderr);
	assert.ok(scan.stdout.includes(`  ${fingerprint}  no\n`));
	assertRefused(await refused("strict"), 502, "host_key_unknown");
	const wrong = await hostkey("add", "strict", "--fingerprint", OTHER_FINGERPRINT);
	assert.equal(wrong.status, 1);
	assertRefused(await refused("strict"), 502, "host_key_unknown");
	const add = await hostkey("add", "strict", "--fingerprint", fingerprint);
	assert.equal(add.status, 0, add.stderr);
	await enter("strict");
	const list = await hostkey("list", "strict", "--json");
	assert.deepEqual(
		JSON.parse(list.stdout).map((/** @type {any} */ row) => [row.fingerprint, row.mark]),
		[[fingerprint, "trusted"]],
	);
	const remove = await hostkey("remove", "strict");
	assert.equal(remove.status, 0, remove.stderr);
	assertRefused(await refused("strict"), 502, "host_key_unknown");
	// What accept-new wrote is taken out as well, and the broker may write again.
	await enter("accept-new");
	assert.equal((await hostkey("remove", "accept-new")).status, 0);
	assert.equal(await accepted(), "");
	await enter("accept-new");
	assert.notEqual(await accepted(), "");
});
