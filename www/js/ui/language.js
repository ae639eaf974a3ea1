/* SPDX-License-Identifier: ISC */
/* The choice of the language, at the foot of the login form and of the list of sessions. */

import { byId, fillSelect } from "./dom.js";
import { chooseLanguage, language, LANGUAGES } from "../text/text.js";

export function offerLanguages() {
	const select = byId("language", HTMLSelectElement);
	const choices = Object.entries(LANGUAGES).map(([id, { title }]) => ({ id, title }));
	fillSelect(select, choices, language);
	for (const option of select.options) option.lang = option.value;
	select.addEventListener("change", () => chooseLanguage(select.value));
}
