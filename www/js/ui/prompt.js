/* SPDX-License-Identifier: ISC */
/*
 * What a server, or the jump host before it, asks while somebody logs in: its own words as text, a
 * field for each question, a new password twice, or the question whether to trust its key. Built
 * for each question; what was typed is gone from the page as soon as it is sent or given up.
 *
 * Ids: prompt-form prompt-where prompt-title prompt-notice prompt-instruction prompt-error
 * prompt-answer-0… prompt-repeat prompt-submit prompt-cancel; those of host_key.js
 */

import { plainLines } from "../text/foreign.js";
import { onLanguage, TEXT } from "../text/text.js";
import { byId, make, showText, spinner } from "./dom.js";
import { hostKeyButtons, hostKeyFacts } from "./host_key.js";
import { promptFields } from "./prompt_fields.js";
import { worded } from "./worded.js";

/** @typedef {import("../types.js").PromptReply} PromptReply */

/** More than any server takes; the gateway refuses it. */
const ANSWER_BYTES_MAX = 1024;

export class PromptView {
	/** @param {{onCancel: () => void}} options */
	constructor({ onCancel }) {
		this._onCancel = onCancel;
		this._view = byId("prompt-view", HTMLElement);
		/** @type {PromptReply | null} */
		this._prompt = null;
		/** @type {HTMLInputElement[]} */
		this._inputs = [];
		/** @type {HTMLButtonElement[]} */
		this._buttons = [];
		this._busy = false; /* an answer is on its way */
		/** @type {(answers: string[] | null) => void} */
		this._settle = () => {};
		onLanguage(() => this._say());
	}

	/**
	 * @param {PromptReply} prompt
	 * @param {AbortSignal} signal of giving up
	 * @returns {Promise<string[] | null>} null: given up
	 */
	ask(prompt, signal) {
		this._prompt = prompt;
		this._busy = false;
		this._build(prompt);
		this._say();
		this._view.hidden = false;
		window.scrollTo(0, 0);
		(this._inputs[0] ?? this._buttons[0]).focus();
		return new Promise((resolve) => {
			this._settle = resolve;
			signal.addEventListener("abort", () => resolve(null), { once: true });
		});
	}

	/** Nothing is asked any more. */
	close() {
		this._prompt = null;
		/* The form lives on until the next question, if only in memory. */
		for (const input of this._inputs) input.value = "";
		this._inputs = [];
		this._view.hidden = true;
		this._view.replaceChildren();
	}

	/** @param {PromptReply} prompt */
	_build(prompt) {
		const { kind, notice = "", instruction, host_key: key } = prompt;
		this._where = make("p", { id: "prompt-where" });
		this._title = make("h1", { id: "prompt-title", dir: "auto" });
		this._error = make("p", { id: "prompt-error", className: "alert", hidden: true });
		this._error.setAttribute("role", "alert");
		const fields = promptFields(prompt);
		this._inputs = fields.map(({ input }) => input);
		const asked = make("p", { id: "prompt-instruction", className: "lead lines", dir: "auto" });
		/* Of a host key that nobody has vouched for, whoever shows it has nothing to say. */
		const isKey = kind === "host_key";
		showText(asked, isKey ? "" : plainLines(instruction));
		const said = make("p", { id: "prompt-notice", className: "alert note lines", dir: "auto" });
		showText(said, isKey ? "" : plainLines(notice));
		this._buttons = isKey
			? hostKeyButtons((answer) => this._answerKey(answer))
			: submitButtons(this._onCancel);
		const form = make(
			"form",
			{ id: "prompt-form", className: "card", autocomplete: "off" },
			make("div", { className: "asked" }, this._where, this._title),
			said,
			asked,
			...(key && isKey ? hostKeyFacts(key) : []),
			this._error,
			...fields.map(({ element }) => element),
			make("div", { className: "submit" }, ...this._buttons),
		);
		form.setAttribute("aria-labelledby", "prompt-where prompt-title");
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			if (!isKey) this._submit();
		});
		this._form = form;
		this._view.replaceChildren(form);
	}

	/** What depends on who asks, in the page's language. */
	_say() {
		if (!this._prompt || !this._where || !this._title) return;
		const { hop, host, title, kind } = this._prompt;
		this._where.textContent = TEXT.promptFrom[hop === "jump" ? "jump" : "server"](
			plainLines(host),
		);
		const own = TEXT.promptTitle[kind][hop === "jump" ? "jump" : "server"];
		this._title.textContent = (kind !== "host_key" && plainLines(title)) || own;
		if (!this._error?.hidden) this._complain();
	}

	_submit() {
		if (this._busy) return;
		const wrong = this._complain();
		if (wrong) return wrong.focus();
		const [first, repeat] = this._inputs;
		const isNew = this._prompt?.kind === "new_password";
		const answers = isNew && repeat ? [first.value] : this._inputs.map(({ value }) => value);
		this._send(answers);
	}

	/** @param {string} answer */
	_answerKey(answer) {
		/* With the answer on its way, the one button that is left gives up. */
		if (this._busy) this._onCancel();
		else this._send([answer]);
	}

	/** @param {string[]} answers */
	_send(answers) {
		for (const input of this._inputs) {
			input.value = "";
			input.disabled = true;
		}
		this._busy = true;
		this._form?.setAttribute("aria-busy", "true");
		for (const button of this._buttons) button.disabled = button.dataset.stays !== "";
		this._settle(answers);
	}

	/** Says what cannot be sent as it is. @returns {HTMLInputElement | null} the field at fault */
	_complain() {
		const [first, repeat] = this._inputs;
		const long = this._inputs.find(({ value }) => bytesOf(value) > ANSWER_BYTES_MAX);
		const differs =
			this._prompt?.kind === "new_password" && first.value !== repeat.value ? repeat : null;
		const wrong = long ?? differs;
		for (const input of this._inputs)
			input.setAttribute("aria-invalid", String(input === wrong));
		if (this._error)
			showText(this._error, long ? TEXT.answerTooLong : wrong ? TEXT.passwordsDiffer : "");
		return wrong;
	}
}

/** @param {() => void} onCancel */
function submitButtons(onCancel) {
	const submit = make(
		"button",
		{ id: "prompt-submit", type: "submit", className: "primary" },
		spinner(),
		worded("span", "goOn"),
	);
	const cancel = worded("button", "cancel", { id: "prompt-cancel", type: "button" });
	cancel.dataset.stays = "";
	cancel.addEventListener("click", onCancel);
	return [submit, cancel];
}

/** @param {string} text */
function bytesOf(text) {
	return new TextEncoder().encode(text).length;
}
