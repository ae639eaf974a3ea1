/* SPDX-License-Identifier: ISC */
/* When the user's own clipboard is read and written, and when the page keeps its hands off. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalClipboard } from "../../../www/js/clipboard/local_clipboard.js";

class FakeDocument extends EventTarget {
	constructor() {
		super();
		this.focused = true;
		/** @type {string | null} what the older way of copying has put there; null: refused */
		this.copied = null;
		this.copyWorks = true;
		this.hasFocus = () => this.focused;
	}

	/** @param {string} command */
	execCommand(command) {
		assert.equal(command, "copy");
		if (!this.copyWorks) return false;
		const event = Object.assign(new Event("copy", { cancelable: true }), {
			clipboardData: {
				setData: (/** @type {string} */ type, /** @type {string} */ text) => {
					assert.equal(type, "text/plain");
					this.copied = text;
				},
			},
		});
		this.dispatchEvent(event);
		return true;
	}
}

/** @param {{permission?: string, active?: boolean, refuse?: boolean}} [options] */
async function setUp({ permission = "prompt", active = true, refuse = false } = {}) {
	const fakeDocument = new FakeDocument();
	const status = Object.assign(new EventTarget(), { state: permission, onchange: null });
	const clipboard = Object.assign(new EventTarget(), {
		text: "",
		reads: 0,
		writes: 0,
		async writeText(/** @type {string} */ text) {
			clipboard.writes += 1;
			if (world.refuse) throw new DOMException("no", "NotAllowedError");
			clipboard.text = text;
		},
		async read() {
			clipboard.reads += 1;
			if (status.state === "denied") throw new DOMException("no", "NotAllowedError");
			const blob = new Blob([clipboard.text]);
			return [{ types: ["text/html", "text/plain"], getType: async () => blob }];
		},
	});
	const navigator = {
		clipboard,
		userActivation: { isActive: active },
		permissions: {
			query: async () => {
				if (permission === "unknown") throw new TypeError("no such permission");
				return status;
			},
		},
	};
	const window = Object.assign(new EventTarget(), { document: fakeDocument, navigator });
	const world = {
		refuse,
		window,
		navigator,
		clipboard,
		status,
		document: fakeDocument,
		/** @type {any[]} */
		read: [],
		/** @type {any[]} */
		written: [],
		changes: 0,
	};
	const local = new LocalClipboard({
		window: /** @type {any} */ (window),
		onRead: (content) => world.read.push(content),
		onWritten: (content) => world.written.push(content),
		onChange: () => (world.changes += 1),
	});
	local.start();
	await turn();
	return { ...world, world, local };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const text = (/** @type {string} */ value) => ({ text: value });

test("without the permission nothing is ever read, and nobody is asked", async () => {
	for (const permission of ["prompt", "denied", "unknown"]) {
		const { local, window, clipboard } = await setUp({ permission });
		window.dispatchEvent(new Event("focus"));
		clipboard.dispatchEvent(new Event("clipboardchange"));
		await turn();
		assert.equal(clipboard.reads, 0, permission);
		assert.equal(local.permission, permission === "unknown" ? "unsupported" : permission);
	}
});

test("with the permission it is read at once and whenever the focus comes back", async () => {
	const { read, window, clipboard, document } = await setUp({ permission: "granted" });
	clipboard.text = "new";
	window.dispatchEvent(new Event("focus"));
	await turn();
	assert.deepEqual(read.at(-1), text("new"));
	const { reads } = clipboard;
	document.focused = false;
	window.dispatchEvent(new Event("focus"));
	await turn();
	assert.equal(clipboard.reads, reads);
});

test("the permission comes while the page is open", async () => {
	const { local, read, clipboard, status } = await setUp();
	clipboard.text = "now";
	status.state = "granted";
	/** @type {any} */ (status.onchange)?.();
	await turn();
	assert.equal(local.permission, "granted");
	assert.deepEqual(read, [text("now")]);
});

test("it is written at once while the user is at work", async () => {
	const { local, clipboard, written } = await setUp();
	await local.write(text("a"));
	assert.equal(clipboard.text, "a");
	assert.equal(local.waiting, false);
	assert.deepEqual(written, [text("a")]);
});

test("later than that the browser would ask: it waits for the next key", async () => {
	const { local, clipboard, navigator, document, written } = await setUp({ active: false });
	await local.write(text("old"));
	await local.write(text("new"));
	document.dispatchEvent(new Event("keydown")); /* Shift, which counts for nothing */
	assert.equal(clipboard.writes, 0);
	assert.equal(local.waiting, true);
	navigator.userActivation.isActive = true;
	document.dispatchEvent(new Event("keydown"));
	assert.equal(document.copied, "new");
	assert.equal(local.waiting, false);
	document.dispatchEvent(new Event("keydown"));
	assert.deepEqual(written, [text("new")]);
});

test("who may read may write at any time", async () => {
	const { local, clipboard } = await setUp({ permission: "granted", active: false });
	await local.write(text("a"));
	assert.equal(clipboard.text, "a");
});

test("a refused write goes the older way with the next click; failing that, it waits on", async () => {
	const { local, world, document, written } = await setUp({ refuse: true });
	await local.write(text("a"));
	document.copyWorks = false;
	document.dispatchEvent(new Event("pointerdown"));
	await turn();
	assert.equal(local.waiting, true);
	assert.deepEqual(written, []);
	world.refuse = false;
	document.dispatchEvent(new Event("pointerdown"));
	await turn();
	assert.deepEqual(written, [text("a")]);
});

test("what waits is dropped when the user goes elsewhere: something newer may be copied there", async () => {
	const { local, window, document } = await setUp({ refuse: true });
	await local.write(text("a"));
	window.dispatchEvent(new Event("blur"));
	assert.equal(local.waiting, false);
	document.dispatchEvent(new Event("pointerdown"));
	assert.equal(document.copied, null);
});

test("nothing happens any more when it is closed", async () => {
	const { local, clipboard, window, document } = await setUp({ permission: "granted" });
	await local.write(text("a"));
	const { reads } = clipboard;
	local.close();
	window.dispatchEvent(new Event("focus"));
	document.dispatchEvent(new Event("pointerdown"));
	await turn();
	assert.equal(clipboard.reads, reads);
});
