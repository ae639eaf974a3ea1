// SPDX-License-Identifier: ISC
/**
 * The commands that README, the guide, the security page and the manual pages tell an admin, run as
 * they stand there on an installed system, and none of them forgotten.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { filesLike, linesOf, linesOfManual, read, readPage } from "../../unit/js/docs_text.js";

/** In place of what only stands for something. All else is run to the letter. @type {[RegExp, string][]} */
const INSTEAD = [
	// This machine's name, and the certificate that ssl-cert has made for it.
	[
		/(?<=doctor )https:\/\/desk\.example\.org\//,
		"--ca-file /etc/ssl/certs/ssl-cert-snakeoil.pem https://$(hostname -f)/",
	],
	// The beginning of a login's name.
	[
		/\b5c0f$/,
		`$(brokerctl list --json --user bob | grep -oE '"login": ?"[0-9a-f]+' | grep -oE '[0-9a-f]{8,}$')`,
	],
	// A fingerprint that the server's console has told.
	[
		/(?<=--fingerprint )SHA256:\S+/,
		"$(brokerctl hostkey scan office | grep -om 1 'SHA256:[^ ]*')",
	],
	// Somebody at the editor.
	[/^(?=systemctl edit )/, "SYSTEMD_EDITOR=/root/editor "],
];

/** What is not run here, all of it for a folder with the sources. @type {Record<string, string>} */
const EXCUSED = {
	"make demo": "goes on until somebody ends it",
	"make deb": "has made the package that is installed here, see make check-nightly",
	"make check": "is run beside this test",
	"make fuzz FUZZ_SECONDS=600": "takes hours for all fuzzers",
	"make sanitize": "runs the unit tests once more, slower",
};

/** In place of a section of those of manual pages. */
export const EXAMPLES = "examples";

const PROGRAMS = ["brokerctl", "x2goweb-brokerd", "x2goweb-web", "systemctl", "ssh"];

const pages = ["README.md", "docs/guide.md", "docs/security.md"].map(readPage);

/** @typedef {{page: string, section: string, line: string}} Told */

/** @returns {Told[]} */
const allTold = () => [
	...pages.flatMap(({ name: page, blocks }) =>
		blocks
			.filter(({ language }) => language === "sh")
			.flatMap(({ text, section }) => linesOf(text).map((line) => ({ page, section, line }))),
	),
	...filesLike("packaging/man").flatMap((file) =>
		linesOfManual(read(file), PROGRAMS).map((line) => ({
			page: path.basename(file),
			section: EXAMPLES,
			line,
		})),
	),
];

/**
 * The text of the blocks in one section.
 * @param {string} page @param {string} section @param {string} language
 */
export function blocksOf(page, section, language) {
	const texts = pages
		.filter(({ name }) => name === page)
		.flatMap(({ blocks }) => blocks)
		.filter((block) => block.section === section && block.language === language)
		.map(({ text }) => text);
	assert.ok(texts.length > 0, `${page} has ${language} in ${section}`);
	return texts;
}

export class Documented {
	/** @param {import("../../container/container.mjs").Container} container */
	constructor(container) {
		this.container = container;
		this.left = allTold();
		for (const line of Object.keys(EXCUSED)) {
			assert.ok(
				this.left.some((told) => told.line === line),
				`excused, but told nowhere: ${line}`,
			);
			this.left = this.left.filter((told) => told.line !== line);
		}
		for (const [what] of INSTEAD)
			assert.ok(
				this.left.some((told) => what.test(told.line)),
				`replaced, but told nowhere: ${what}`,
			);
		/** Those that go on until they are ended. @type {import("../../e2e/lib/stack.mjs").Process[]} */
		this.following = [];
	}

	/** The next commands of a section, in their order, or those of them that match.
	 * @param {string} page @param {string} section @param {RegExp} [pattern] */
	async run(page, section = EXAMPLES, pattern = /^/) {
		const now = this.left.filter(
			(told) => told.page === page && told.section === section && pattern.test(told.line),
		);
		assert.ok(now.length > 0, `${page} tells something like ${pattern} in ${section}`);
		let said = "";
		for (const told of now) {
			said += await this.#one(told.line);
			this.left = this.left.filter((other) => other !== told);
		}
		return said;
	}

	/** @param {string} line */
	async #one(line) {
		const command = INSTEAD.reduce((text, [what, by]) => text.replace(what, () => by), line);
		if (/^ssh-keygen -lf \/etc\/ssh\//.test(line)) return this.container.onServer(command);
		if (/^brokerctl trace /.test(line)) {
			this.following.push(this.container.start("bash", "-c", command));
			return "";
		}
		if (/hostkey add (?!.*--fingerprint)|^systemctl edit/.test(line))
			return this.container.atTerminal(command, /Type yes: $/, "yes\n");
		return this.container.ok(`cd /root && ${command}`);
	}

	/** Those that go on have said something like this, and end. @param {RegExp} pattern */
	async followed(pattern) {
		assert.ok(this.following.length > 0);
		for (const process of this.following.splice(0)) {
			await process.waitFor(pattern);
			process.kill();
		}
	}
}
