/* SPDX-License-Identifier: ISC */
/* The published applications: in groups, and to be searched where they are many. */

import { byId, make } from "./dom.js";
import { language, onLanguage, TEXT } from "../text/text.js";

/** @typedef {import("../types.js").Application} Application */

/** From this number on there are groups and a search field. */
const MANY = 9;

export class ApplicationList {
	/** @param {(application: Application) => void} onStart */
	constructor(onStart) {
		this._onStart = onStart;
		this._section = byId("applications", HTMLElement);
		this._searchField = byId("application-search-field", HTMLElement);
		this._search = byId("application-search", HTMLInputElement);
		this._list = byId("application-list", HTMLElement);
		this._note = byId("applications-note", HTMLElement);
		/** @type {Application[]} */
		this._applications = [];
		this._search.addEventListener("input", () => this._fill());
		onLanguage(() => this._fill());
	}

	/** @param {Application[]} applications */
	show(applications) {
		const order = new Intl.Collator(language, { sensitivity: "base", numeric: true });
		this._applications = [...applications].sort((a, b) => order.compare(a.title, b.title));
		this._section.hidden = applications.length === 0;
		this._searchField.hidden = applications.length < MANY;
		this._search.value = "";
		this._fill();
	}

	/** @param {string} text why there are none to be seen */
	showError(text) {
		this.show([]);
		this._note.textContent = text;
		this._section.hidden = false;
	}

	hide() {
		this.show([]);
	}

	_fill() {
		const words = this._search.value.toLocaleLowerCase(language).split(/\s+/);
		const found = this._applications.filter(({ title, command, group }) => {
			const about = `${title} ${command} ${TEXT.applicationGroup(group)}`;
			return words.every((word) => about.toLocaleLowerCase(language).includes(word));
		});
		this._note.textContent =
			found.length === 0 && this._applications.length > 0 ? TEXT.noApplicationFound : "";
		if (this._applications.length < MANY) this._list.replaceChildren(this._items(found));
		else this._list.replaceChildren(...this._groups(found));
	}

	/** @param {Application[]} applications */
	_groups(applications) {
		/** @type {Map<string, Application[]>} */
		const groups = new Map();
		for (const application of applications) {
			const name = TEXT.applicationGroup(application.group);
			groups.set(name, [...(groups.get(name) ?? []), application]);
		}
		return [...groups]
			.sort(([a], [b]) => a.localeCompare(b, language))
			.flatMap(([name, members]) => [
				make("h3", { textContent: name }),
				this._items(members),
			]);
	}

	/** @param {Application[]} applications */
	_items(applications) {
		const items = applications.map((application) => {
			const button = make("button", { type: "button", textContent: application.title });
			button.dataset.command = application.command;
			button.addEventListener("click", () => this._onStart(application));
			return make("li", {}, button);
		});
		return make("ul", { className: "applications" }, ...items);
	}
}
