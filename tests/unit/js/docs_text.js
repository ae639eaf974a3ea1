// SPDX-License-Identifier: ISC
/** Markdown and manual pages of this tree, taken apart for tests that hold them to what is true. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const build = path.resolve(root, process.env.BUILD ?? "build");

/** @param {string} name */
export const read = (name) => readFileSync(path.join(root, name), "utf8");

/** @param {string[]} patterns of git ls-files */
export const filesLike = (...patterns) =>
	execFileSync("git", ["-C", root, "ls-files", ...patterns], { encoding: "utf8" })
		.split("\n")
		.filter(Boolean);

/**
 * @typedef {object} Page a Markdown file
 * @property {string} name
 * @property {string} prose what is not in a block
 * @property {{language: string, text: string, section: string}[]} blocks in fences, each with the
 * heading before it
 */

/** @param {string} name @returns {Page} */
export function readPage(name) {
	/** @type {Page["blocks"]} */
	const blocks = [];
	let section = "";
	const prose = read(name).replace(
		/^```(\w*)\n([\s\S]*?)^```$|^#+ (.*)$/gm,
		(
			whole,
			/** @type {string | undefined} */ language,
			/** @type {string} */ text,
			/** @type {string} */ heading,
		) => {
			if (language === undefined) return (section = heading) && whole;
			blocks.push({ language, text, section });
			return "";
		},
	);
	return { name, prose, blocks };
}

/** What stands in backticks. @param {Page} page */
export const literals = ({ prose }) => [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text);

/** As forges make the names of headings. @param {string} heading */
export const anchorOf = (heading) =>
	heading
		.toLowerCase()
		.replace(/[^\w\- ]/g, "")
		.replaceAll(" ", "-");

/** @param {Page} page */
export const anchors = ({ prose }) =>
	[...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));

/** @param {Page} page */
export const links = ({ prose }) =>
	[...prose.replace(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);

/**
 * The words of a line as a shell splits it, in commands.
 * @param {string} line @returns {string[][]}
 */
export function splitCommands(line) {
	/** @type {string[][]} */
	const commands = [[]];
	for (const [word] of line.matchAll(/"[^"]*"|'[^']*'|&&|\||#.*|[^\s|]+/g))
		if (word.startsWith("#")) break;
		else if (word === "&&" || word === "|") commands.push([]);
		else commands[commands.length - 1].push(word.replace(/^(["'])(.*)\1$/, "$2"));
	return commands.filter((words) => words.length > 0);
}

/** Those of a block for a shell. @param {string} text */
export const linesOf = (text) =>
	text
		.replaceAll(/\\\n\s*/g, " ")
		.split("\n")
		.filter(Boolean);

/** @typedef {{words: string[], whole: boolean}} Command */

/**
 * Commands in blocks, which are whole, and those in the text that begin with one of these programs,
 * of which words may be missing.
 * @param {Page} page @param {string[]} programs @returns {Command[]}
 */
export function commandsOf(page, programs) {
	const lines = page.blocks
		.filter(({ language }) => language === "sh")
		.flatMap(({ text }) => linesOf(text));
	const named = literals(page).filter((text) => programs.includes(text.split(" ")[0]));
	return [
		...lines.flatMap(splitCommands).map((words) => ({ words, whole: true })),
		...named.flatMap(splitCommands).map((words) => ({ words, whole: false })),
	];
}

/**
 * Those of a manual page: lines of these programs in its examples, with or without root's prompt.
 * @param {string} text @param {string[]} programs
 */
export const linesOfManual = (text, programs) =>
	[...text.matchAll(/^\.Bd -literal.*\n([\s\S]*?)^\.Ed|^\.Dl (.*)$/gm)]
		.flatMap(([, block, line]) => (block ?? line).split("\n"))
		.map((line) => line.replace(/^# /, ""))
		.filter((line) => programs.includes(line.split(" ")[0]))
		.map((line) => line.replace(/\\-/g, "-"));

/** @param {string} text @param {string[]} programs @returns {Command[]} */
export const commandsOfManual = (text, programs) =>
	linesOfManual(text, programs)
		.flatMap(splitCommands)
		.map((words) => ({ words, whole: true }));

/** A manual page's options with two dashes. @param {string} text */
export const manualOptions = (text) => [
	...new Set([...text.matchAll(/\bFl -([a-z][a-z-]*)/g)].map(([, name]) => `--${name}`)),
];

/** @param {string} text */
export const helpOptions = (text) => [
	...new Set([...text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, name]) => `--${name}`)),
];
