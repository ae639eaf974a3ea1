/* SPDX-License-Identifier: ISC */
/* Asks before what cannot be undone. */

import { byId } from "./dom.js";
import { TEXT } from "../text/text.js";

/**
 * @param {{title: string, text: string, action: string, danger?: boolean}} question
 * @returns {Promise<boolean>} whether the user wants it
 */
export function confirmAction({ title, text, action, danger = false }) {
	const dialog = byId("confirm", HTMLDialogElement);
	const yes = byId("confirm-yes", HTMLButtonElement);
	const no = byId("confirm-no", HTMLButtonElement);
	byId("confirm-title", HTMLElement).textContent = title;
	byId("confirm-text", HTMLElement).textContent = text;
	yes.textContent = action;
	yes.className = danger ? "danger filled" : "primary";
	dialog.returnValue = "";
	if (dialog.open) return Promise.resolve(false); /* one question at a time */
	return new Promise((resolve) => {
		const done = new AbortController();
		const { signal } = done;
		yes.addEventListener("click", () => dialog.close(yes.value), { signal });
		no.addEventListener("click", () => dialog.close(), { signal });
		dialog.addEventListener(
			"close",
			() => {
				done.abort();
				resolve(dialog.returnValue === yes.value);
			},
			{ signal },
		);
		dialog.showModal();
		no.focus();
	});
}

/** @param {string} title of the desktop */
export function confirmTerminate(title) {
	return confirmAction({
		title: TEXT.terminateTitle(title),
		text: TEXT.terminateText,
		action: TEXT.terminate,
		danger: true,
	});
}

/** @param {string} title of the desktop */
export function confirmTakeOver(title) {
	return confirmAction({
		title: TEXT.takeOverTitle(title),
		text: TEXT.takeOverText,
		action: TEXT.takeOver,
	});
}

/** Of a session that may be open somewhere else. @param {string} title of the desktop */
export function confirmSuspend(title) {
	return confirmAction({
		title: TEXT.suspendTitle(title),
		text: TEXT.suspendText,
		action: TEXT.suspend,
	});
}

/** What the question was about is gone. */
export function dismissConfirm() {
	byId("confirm", HTMLDialogElement).close();
}
