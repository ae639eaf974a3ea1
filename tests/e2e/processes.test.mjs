// SPDX-License-Identifier: ISC
/**
 * What each process may do while a session runs, as the kernel tells it.
 */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { Client, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins, processStatus, sessionsOf } from "./lib/status.mjs";

const stack = new Stack({ listen: "127.0.0.1" });
const alice = new Client(stack);
const bob = new Client(stack);

before(async () => {
	await stack.start();
	await alice.logIn();
	await bob.logIn("bob", "builder");
	const { ws } = await alice.ok("start", { desktop: "ICEWM", width: 800, height: 600 });
	await new Stream(stack, ws, { cookie: alice.cookie }).picture();
});
after(() => stack.stop());

/** Bits of the capabilities (capabilities(7)). */
const SETGID = 1n << 6n;
const SETUID = 1n << 7n;
const SYS_CHROOT = 1n << 18n;

/** @param {number} pid */
function view(pid) {
	const status = processStatus(pid);
	assert.ok(status, `process ${pid} is there`);
	const bits = (/** @type {string} */ name) => BigInt(`0x${status[name]}`);
	return {
		name: status.Name,
		uids: status.Uid.split(/\s+/).map(Number),
		gids: status.Gid.split(/\s+/).map(Number),
		groups: status.Groups?.trim() ?? "",
		permitted: bits("CapPrm"),
		effective: bits("CapEff"),
		bounding: bits("CapBnd"),
		ambient: bits("CapAmb"),
		inheritable: bits("CapInh"),
		noNewPrivileges: Number(status.NoNewPrivs),
		seccomp: Number(status.Seccomp),
		threads: Number(status.Threads),
	};
}

test("the broker keeps three capabilities and no root", () => {
	const broker = view(stack.broker?.pid ?? -1);
	const kept = SETGID | SETUID | SYS_CHROOT;
	assert.deepEqual(broker.uids, [64200, 64200, 64200, 64200]);
	assert.deepEqual(broker.gids, [64200, 64200, 64200, 64200]);
	assert.equal(broker.groups, "");
	assert.equal(broker.permitted, kept);
	assert.equal(broker.effective, kept);
	assert.equal(broker.bounding, kept);
	assert.equal(broker.threads, 1);
	assert.equal(broker.noNewPrivileges, 1);
});

test("the FastCGI responder has no capability and cannot get one", () => {
	const fcgi = view(stack.fcgi?.pid ?? -1);
	assert.ok(!fcgi.uids.includes(0));
	assert.deepEqual([fcgi.permitted, fcgi.effective, fcgi.ambient], [0n, 0n, 0n]);
	assert.equal(fcgi.noNewPrivileges, 1);
});

test("each session has a uid of its own, a filter, and nothing else", async () => {
	const logins = await brokerLogins(stack);
	assert.equal(logins.length, 2);
	assert.equal(new Set(logins.map(({ uid }) => uid)).size, 2);
	assert.equal(new Set(logins.map(({ port }) => port)).size, 2);
	for (const { pid, uid } of logins) {
		const session = view(pid);
		assert.equal(session.name, "x2goweb-session");
		assert.deepEqual(session.uids, [uid, uid, uid, uid]);
		assert.deepEqual(session.gids, [uid, uid, uid, uid]);
		assert.ok(uid >= stack.firstUid && uid <= stack.firstUid + 499);
		assert.equal(session.groups, "");
		for (const set of [
			session.permitted,
			session.effective,
			session.ambient,
			session.inheritable,
		])
			assert.equal(set, 0n);
		assert.equal(session.noNewPrivileges, 1);
		assert.equal(session.seccomp, 2, "a seccomp filter");
		assert.equal(session.threads, 1);
	}
	const children = sessionsOf(stack.broker?.pid ?? -1).map(({ pid }) => pid);
	assert.deepEqual(children.sort(), logins.map(({ pid }) => pid).sort());
});

test("a session's root is empty and its descriptors are few", async () => {
	for (const { pid } of await brokerLogins(stack)) {
		assert.equal(readlinkSync(`/proc/${pid}/root`), stack.file("run/empty"));
		assert.deepEqual(readdirSync(`/proc/${pid}/root`), []);
		for (const fd of readdirSync(`/proc/${pid}/fd`)) {
			const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
			assert.match(
				target,
				/^(socket:|pipe:|anon_inode:\[event|\/dev\/null)/,
				`descriptor ${fd}`,
			);
		}
	}
});
