// SPDX-License-Identifier: ISC
// proto/events.def, its explanations for journalctl -x in two languages and docs/journal.md name the
// same events and fields; systemd's own compiler takes the catalogues.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

/** @param {string} path */
const read = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

const events = [...read("proto/events.def").matchAll(/^EVENT\((\w+), "(\w+)", (\w+)\)$/gm)].map(
	([, name, id, level]) => ({ name, id, level: level.toLowerCase() }),
);
const fields = [
	"EVENT",
	...[...read("proto/log.c").matchAll(/^ {4}(?:TEXT|COUNT)_FIELD\((\w+), (\w+)\),$/gm)].map(
		([, upper, lower]) => {
			assert.equal(upper.toLowerCase(), lower);
			return upper;
		},
	),
].map((name) => `X2GOWEB_${name}`);

const LANGUAGES = { en: "x2goweb.catalog", de: "x2goweb.de.catalog" };

/** @param {string} file */
function entries(file) {
	return read(`packaging/journal/${file}`)
		.split(/^-- /m)
		.slice(1)
		.map((part) => {
			const [id, ...lines] = part.split("\n").filter((line) => !line.startsWith("#"));
			const blank = lines.indexOf("");
			const headers = Object.fromEntries(
				lines.slice(0, blank).map((line) => line.split(/: (.*)/).slice(0, 2)),
			);
			const body = lines.slice(blank).join("\n").trim();
			return { id, headers, body, fields: part.match(/@\w*@/g) ?? [] };
		});
}

test("every event has an id of its own", () => {
	assert.ok(events.length > 20);
	assert.equal(read("proto/events.def").match(/^EVENT/gm)?.length, events.length);
	for (const { id } of events) assert.match(id, /^[0-9a-f]{32}$/);
	assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
	assert.equal(new Set(events.map(({ name }) => name)).size, events.length);
});

for (const [language, file] of Object.entries(LANGUAGES))
	test(`every event is explained: ${language}`, () => {
		const list = entries(file);
		assert.deepEqual(
			list.map(({ id }) => id),
			events.map(({ id }) => id),
		);
		for (const { id, headers, body, fields: used } of list) {
			assert.deepEqual(Object.keys(headers), ["Subject", "Defined-By", "Documentation"], id);
			assert.ok(headers.Subject.length > 10 && body.length > 40, id);
			// systemd replaces no name with a digit in it.
			for (const name of used) assert.match(name, /^@[A-Z_]+@$/, id);
			for (const name of used)
				assert.ok(
					fields.includes(name.slice(1, -1).replace("XGOWEB", "X2GOWEB")),
					`${id}: ${name}`,
				);
		}
	});

test("both languages tell the same fields", () => {
	const german = entries(LANGUAGES.de);
	for (const [i, { id, fields: used }] of entries(LANGUAGES.en).entries())
		assert.deepEqual(new Set(used), new Set(german[i].fields), id);
});

test("the manual has every event and every field", () => {
	const rows = [...read("docs/journal.md").matchAll(/^\| `(\w+)` \| (\S+) \|/gm)];
	const of = (/** @type {(name: string) => boolean} */ wanted) =>
		rows.filter(([, name]) => wanted(name)).map(([, name, second]) => [name, second]);
	assert.deepEqual(
		of((name) => !name.startsWith("X2GOWEB_")),
		events.map(({ name, level }) => [name, level]),
	);
	assert.deepEqual(
		of((name) => name.startsWith("X2GOWEB_")),
		fields.map((name) => [name, `\`${name.slice("X2GOWEB_".length).toLowerCase()}\``]),
	);
});

test("systemd takes the catalogues", () => {
	const root = mkdtempSync(join(tmpdir(), "x2goweb-catalogue-"));
	const run = (/** @type {string[]} */ ...args) =>
		execFileSync("sh", ["-c", 'exec journalctl "$@" 2>&1', "sh", `--root=${root}`, ...args], {
			encoding: "utf8",
		});
	try {
		mkdirSync(join(root, "var/lib/systemd/catalog"), { recursive: true });
		cpSync(
			new URL("../../../packaging/journal", import.meta.url),
			join(root, "usr/lib/systemd/catalog"),
			{ recursive: true },
		);
		// It complains of what it does not understand and goes on.
		assert.equal(run("--update-catalog"), "");
		const known = run("--dump-catalog").match(/^-- [0-9a-f]{32}$/gm);
		assert.deepEqual(new Set(known), new Set(events.map(({ id }) => `-- ${id}`)));
	} finally {
		rmSync(root, { recursive: true });
	}
});
