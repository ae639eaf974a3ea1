/* SPDX-License-Identifier: ISC */
/*
 * Session files for x2goclient, read back by an INI reader that follows QSettings' own rules and
 * not the writer's code.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	iniValue,
	nativeFile,
	nativeFileName,
	NativeValueError,
} from "../../../www/js/native_mode.js";

/** @typedef {import("../../../www/js/native_mode.js").NativeSession} NativeSession */

/** What QSettings makes of the text after a key's "=". @param {string} text */
function readValue(text) {
	let value = "";
	let quoted = false;
	for (let at = 0; at < text.length; at++) {
		const sign = text[at];
		if (sign === '"') quoted = !quoted;
		else if (sign === "\\") {
			const next = text[++at];
			const plain = { n: "\n", r: "\r", t: "\t", a: "\x07", "\\": "\\", '"': '"' };
			if (next === "x") {
				const digits = text.slice(at + 1).match(/^[0-9a-fA-F]*/)?.[0] ?? "";
				value += String.fromCharCode(parseInt(digits, 16));
				at += digits.length;
			} else value += /** @type {Record<string, string>} */ (plain)[next] ?? "";
		} else if (!quoted && sign === ";") break;
		else if (!quoted && sign === ",") throw new Error("a list");
		else if (sign.charCodeAt(0) > 126 || sign < " ") throw new Error("not plain ASCII");
		else value += sign;
	}
	if (quoted) throw new Error("a quotation without an end");
	if (value.startsWith("@")) {
		if (!value.startsWith("@@")) throw new Error("another type");
		return value.slice(1);
	}
	return value;
}

/** @param {string} file */
function readFile(file) {
	const [head, ...lines] = file.trimEnd().split("\n");
	/** @type {Record<string, string>} */
	const entries = {};
	for (const line of lines) {
		const [, key, value] = line.match(/^([a-z]+)=(.*)$/) ?? [];
		assert.ok(key, `a line of another kind: ${line}`);
		assert.ok(!(key in entries), `${key} stands twice`);
		entries[key] = readValue(value);
	}
	return { head, entries };
}

/** @param {Partial<NativeSession>} changes @returns {NativeSession} */
const session = (changes = {}) => ({
	title: "Demo server",
	host: "x2go.example.org",
	user: "alice",
	desktop: "XFCE",
	kdrive: true,
	size: { width: 1280, height: 800 },
	...changes,
});

test("a KDrive session: every key as x2goclient reads it", () => {
	const { head, entries } = readFile(nativeFile(session({ port: 2222 })));
	assert.equal(head, "[x2goweb]");
	assert.deepEqual(entries, {
		...{ name: "Demo server", host: "x2go.example.org", sshport: "2222", user: "alice" },
		...{ autologin: "false", krblogin: "false", command: "XFCE", kdrive: "true" },
		...{ rootless: "false", published: "false" },
		...{ usesshproxy: "false", sshproxytype: "SSH", sshproxyhost: "", sshproxyport: "22" },
		...{ sshproxyuser: "", sshproxysameuser: "false", sshproxysamepass: "false" },
		...{ sshproxyautologin: "false" },
		...{ fullscreen: "false", multidisp: "false", width: "1280", height: "800" },
		...{ setdpi: "false", speed: "2", pack: "16m-jpeg", quality: "9" },
		...{ clipboard: "both", sound: "false", usekbd: "true", type: "auto" },
	});
	assert.ok(!/pass(word)?=(?!false)/i.test(nativeFile(session())), "a password");
});

test("NX, full screen, a jump host with and without a user of its own", () => {
	const nx = readFile(nativeFile(session({ kdrive: false, size: null, user: "" }))).entries;
	assert.equal(nx.kdrive, "false");
	assert.equal(nx.fullscreen, "true");
	assert.equal(nx.user, "");
	assert.ok(!("width" in nx));
	const jumpHost = { host: "jump.example:2200", user: "bob" };
	const own = readFile(nativeFile(session({ jumpHost }))).entries;
	assert.deepEqual(
		[own.usesshproxy, own.sshproxyhost, own.sshproxyport, own.sshproxyuser],
		["true", "jump.example", "2200", "bob"],
	);
	assert.equal(own.sshproxysameuser, "false");
	const same = { host: "2001:db8::7", user: "" };
	const shared = readFile(nativeFile(session({ jumpHost: same }))).entries;
	assert.deepEqual(
		[shared.sshproxyhost, shared.sshproxyport, shared.sshproxysameuser],
		["2001:db8::7", "22", "true"],
	);
});

const HOSTILE = [
	"x\ncommand=evil",
	"x\r\n[other]\nhost=evil",
	"x\u2028y",
	"x\0y",
	"a b",
	"-oProxyCommand=evil",
	"$(evil)",
	"a;b",
	"a|b",
	"a'b",
	'a"b',
	"`evil`",
	"x".repeat(300),
];

test("hostile values of fields are refused, and it is said which", () => {
	/** @type {["host" | "user" | "desktop" | "jumpHost", (value: string) => NativeSession][]} */
	const fields = [
		["host", (host) => session({ host })],
		["user", (user) => session({ user })],
		["desktop", (desktop) => session({ desktop })],
		["jumpHost", (host) => session({ jumpHost: { host, user: "" } })],
		["jumpHost", (user) => session({ jumpHost: { host: "jump", user } })],
	];
	for (const [field, make] of fields)
		for (const value of HOSTILE)
			assert.throws(
				() => nativeFile(make(value)),
				(error) => error instanceof NativeValueError && error.field === field,
				`${field}: ${JSON.stringify(value)}`,
			);
	for (const empty of [session({ host: "" }), session({ desktop: "" })])
		assert.throws(() => nativeFile(empty), NativeValueError);
	for (const size of [
		{ width: 0, height: 600 },
		{ width: 1.5, height: 600 },
		{ width: 800, height: 99_999 },
		{ width: NaN, height: 600 },
	])
		assert.throws(() => nativeFile(session({ size })), NativeValueError);
	assert.throws(() => nativeFile(session({ port: 70_000 })), NativeValueError);
});

test("a hostile title is one value of one line, without folders", () => {
	for (const title of [
		...HOSTILE,
		"@Invalid()",
		"a/b/c",
		"Bücher 書\u202e",
		"x;y,z=1",
		"\\x41",
	]) {
		const file = nativeFile(session({ title }));
		const { entries } = readFile(file);
		assert.equal(Object.keys(entries).length, 30, JSON.stringify(title));
		assert.equal(entries.host, "x2go.example.org");
		assert.ok(entries.name !== "" && entries.name.length <= 60);
		assert.ok(!/[/\p{C}]/u.test(entries.name), JSON.stringify(entries.name));
	}
	assert.equal(
		readFile(nativeFile(session({ title: "Bücher: x;y" }))).entries.name,
		"Bücher: x;y",
	);
});

test("any text survives QSettings' way of writing", () => {
	for (const text of [
		"",
		"plain",
		'q"uo\\te',
		"tab\tline\nend",
		"äß書😀",
		"é1f",
		"ÿg",
		"@x",
		"a,b;c",
	])
		assert.equal(readValue(iniValue(text)), text, JSON.stringify(text));
});

test("the file's name has nothing that a file system or a shell minds", () => {
	assert.equal(nativeFileName("Demo server"), "Demo-server.x2go");
	assert.equal(nativeFileName("../../etc/passwd"), "etc-passwd.x2go");
	assert.equal(nativeFileName("…"), "session.x2go");
});
