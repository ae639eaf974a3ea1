// SPDX-License-Identifier: ISC
/**
 * A person's own machine: an X display with a keyboard of some layout, and Chromium on it with a
 * window. Keys are pressed by XTEST, so what the browser makes of them is the browser's own doing.
 */
import { chromium } from "playwright-core";
import { KeyMap } from "../../../www/js/input/key_map.js";
import { setxkbmapArgs } from "./keymap.mjs";
import { eventually } from "./rpc.mjs";
import { Process, run } from "./stack.mjs";

export const SHIFT = 50;
export const ALTGR = 108;
const MASK_SHIFT = 0x01;
const MASK_ALTGR = 0x80;

export class Desk {
	/** @type {Process | undefined} */ xvfb;
	/** @type {import("playwright-core").Browser | undefined} */ browser;
	display = "";
	layout = "us";

	async start() {
		this.xvfb = new Process("Xvfb", "Xvfb", [
			...["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"],
		]);
		const [, number] = await this.xvfb.waitFor(/^(\d+)$/m);
		this.display = `:${number}`;
		return this;
	}

	/** @param {string} command for sh -c, on this display */
	async here(command) {
		const env = { ...process.env, DISPLAY: this.display };
		const { status, stdout, stderr } = await run("sh", ["-c", command], { env });
		if (status !== 0) throw new Error(`on the desk: ${command}: status ${status}: ${stderr}`);
		return stdout.trim();
	}

	/** Plugs in a keyboard. @param {string} layout */
	async setLayout(layout) {
		this.layout = layout;
		await this.here(`setxkbmap ${setxkbmapArgs(layout)}`);
	}

	/** Opens a browser window in place of the last. @param {string[]} args */
	async openBrowser(...args) {
		await this.browser?.close();
		this.browser = await chromium.launch({
			executablePath: "/usr/bin/chromium",
			headless: false,
			env: { ...process.env, DISPLAY: this.display },
			args: [
				...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
				...["--disable-background-networking", "--disable-component-update"],
				...["--disable-sync", "--disable-dev-shm-usage", "--window-position=0,0"],
				...["--window-size=1280,900", ...args],
			],
		});
		return this.browser;
	}

	/** Without a window manager nobody gives the window the focus. */
	async focusBrowser() {
		const window = await eventually(
			() => this.here("xdotool search --onlyvisible --class chromium | tail -n 1 || true"),
			"the browser's window",
		);
		await this.here(`xdotool windowfocus --sync ${window}`);
	}

	/** As if the user had gone to another window. */
	async focusNothing() {
		await this.here("xdotool search --maxdepth 0 --onlyvisible '' windowfocus --sync");
	}

	/**
	 * Presses and lets go of keys, by X keycodes: "+50" goes down, "-50" up, "38" both.
	 * @param {(string | number)[]} keys
	 */
	async press(keys, delayMs = 8) {
		const commands = keys.map((key) => {
			const name = String(key);
			if (name.startsWith("+")) return `keydown --delay ${delayMs} ${name.slice(1)}`;
			if (name.startsWith("-")) return `keyup --delay ${delayMs} ${name.slice(1)}`;
			return `key --delay ${delayMs} ${name}`;
		});
		await this.here(`xdotool ${commands.join(" ")}`);
	}

	/** Types as fingers do on this keyboard, dead keys included. @param {string} text */
	async type(text, delayMs = 8) {
		await this.press(fingers(this.layout, text), delayMs);
	}

	async stop() {
		await this.browser?.close();
		await this.xvfb?.stop();
	}
}

/** @param {string} layout @param {string} text @returns {(string | number)[]} */
function fingers(layout, text) {
	const map = new KeyMap(layout);
	return [...text].flatMap((sign) => {
		const taps = map.tapsFor(sign);
		if (!taps) throw new Error(`${layout}: there is no key for ${sign}`);
		return taps.flatMap(({ keycode, mask }) => {
			const held = [
				...(mask & MASK_SHIFT ? [SHIFT] : []),
				...(mask & MASK_ALTGR ? [ALTGR] : []),
			];
			return [...held.map((key) => `+${key}`), keycode, ...held.map((key) => `-${key}`)];
		});
	});
}
