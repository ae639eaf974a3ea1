/* SPDX-License-Identifier: ISC */
/* The fields of what a server asks: one for each of its questions, or for a password. Their labels
 * are the server's own words. */

import { plainLines } from "../text/foreign.js";
import { make } from "./dom.js";
import { field, worded } from "./worded.js";

/** @typedef {import("../types.js").PromptReply} PromptReply */
/** @typedef {{input: HTMLInputElement, element: HTMLElement}} PromptField */

/** What a code is called that is sent or shown elsewhere. */
const CODE = /code|token|otp\b|one.?time|\bpin\b|\btan\b|verif|2fa|authenticator|einmal|bestätig/i;

/** What they are described by, too: what was said of all of them. */
const ABOUT_ALL = "prompt-title prompt-notice prompt-instruction";

/** @param {PromptReply} prompt @returns {PromptField[]} */
export function promptFields({ kind, prompts }) {
	if (kind === "host_key") return [];
	if (kind === "questions")
		return prompts.map((question, i) => questionField(question, i, prompts.length));
	if (kind === "password")
		return [passwordField("prompt-answer-0", worded("label", "password"), "current-password")];
	return [
		passwordField("prompt-answer-0", worded("label", "newPassword"), "new-password"),
		passwordField("prompt-repeat", worded("label", "newPasswordAgain"), "new-password"),
	];
}

/**
 * A server may put what it has to say before its question, in lines of their own.
 * @param {{text: string, echo: boolean}} question
 * @param {number} i
 * @param {number} count
 * @returns {PromptField}
 */
function questionField({ text, echo }, i, count) {
	const lines = plainLines(text).split("\n");
	const question = lines.pop()?.trim() ?? "";
	const before = lines.join("\n").trimEnd();
	const isCode = count === 1 && CODE.test(question);
	const input = make("input", {
		id: `prompt-answer-${i}`,
		type: echo === true ? "text" : "password",
		autocapitalize: "none",
		autocomplete: isCode ? "one-time-code" : "off",
		spellcheck: false,
	});
	const label =
		question === ""
			? worded("label", "answer")
			: make("label", { className: "lines", dir: "auto", textContent: question });
	const element = field(label, input);
	input.setAttribute("aria-describedby", ABOUT_ALL);
	if (before !== "") {
		const id = `prompt-said-${i}`;
		element.prepend(make("p", { id, className: "lines", dir: "auto", textContent: before }));
		input.setAttribute("aria-describedby", `${ABOUT_ALL} ${id}`);
	}
	return { input, element };
}

/** @param {string} id @param {HTMLLabelElement} label @param {AutoFill} autocomplete
 * @returns {PromptField} */
function passwordField(id, label, autocomplete) {
	const input = make("input", { id, type: "password", autocomplete, required: true });
	input.setAttribute("aria-describedby", ABOUT_ALL);
	return { input, element: field(label, input) };
}
