// SPDX-License-Identifier: ISC
/**
 * A stream's end that understands it, without a browser: asks for the picture after every REINIT, as
 * a page does, and says what it likes. And the agent at the other end, as the X2Go server sees it.
 */
import WebSocket from "ws";
import { KdriveReader } from "../../../www/js/stream/kdrive_read.js";
import { updateEvent } from "../../../www/js/stream/kdrive_send.js";
import { eventually, Stream } from "./rpc.mjs";

/** @typedef {import("./stack.mjs").Stack} Stack */
/** @typedef {import("../../../www/js/stream/kdrive_read.js").Message} Message */

export const EVENT_BYTES = 41;

export class Viewer extends Stream {
	/** @param {Stack} stack @param {string} path @param {string} cookie */
	constructor(stack, path, cookie) {
		super(stack, path, { cookie });
		this.frames = 0;
		this.reinits = 0;
		/** Frames that make no sense. @type {string[]} */
		this.broken = [];
		/** Whole screens, as they were asked for. @type {{width: number, height: number}[]} */
		this.screens = [];
		this.tokens = 0;
		/** What an agent in disorder sends: nothing after it makes sense. */
		this.fault = "";
		this.reader = new KdriveReader((message) => this.see(message));
	}

	/** @override @param {Buffer} data */
	take(data) {
		super.take(data);
		if (this.fault) return;
		try {
			this.reader.push(Uint8Array.from(data));
		} catch (error) {
			this.change(() => (this.fault = String(error)));
		}
	}

	/** @param {Message} message */
	see(message) {
		if (message.type === "reinit") {
			this.reinits += 1;
			this.send(updateEvent(null));
		}
		if (message.type === "broken-frame") {
			this.broken.push(message.what);
			this.send(updateEvent(null));
		}
		if (message.type !== "frame") return;
		this.frames += 1;
		/* Placed so is what was asked for as a whole. */
		if (message.crc === 0 && message.x === -1 && message.y === -1)
			this.screens.push({ width: message.width, height: message.height });
	}

	/** @param {Uint8Array} bytes */
	send(bytes) {
		if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes);
	}

	/** Resolves when the relay has taken all that was sent before. */
	async taken(timeout = 20000) {
		const pong = `pong v${++this.tokens}`;
		this.socket.send(`ping v${this.tokens}`);
		await this.until(({ words }) => words.includes(pong), pong, timeout);
	}

	/** The screen as it is now. */
	async screen(timeout = 20000) {
		const before = this.screens.length;
		this.send(updateEvent(null));
		await this.until(() => this.screens.length > before, "the whole screen", timeout);
		return this.screens[this.screens.length - 1];
	}
}

/** One user's only desktop on the X2Go server. */
export class Desktop {
	/** @param {Stack} stack @param {string} user @param {number} display */
	constructor(stack, user, display) {
		this.stack = stack;
		this.user = user;
		this.display = display;
	}

	/** A command inside. @param {string} command */
	inside(command) {
		const where = `export DISPLAY=:${this.display} XAUTHORITY=$HOME/.Xauthority LANG=C.UTF-8`;
		return this.stack.onHost(this.user, `${where}; ${command}`);
	}

	async windowManager() {
		await eventually(
			() => this.inside("xprop -root _NET_SUPPORTING_WM_CHECK | grep '#' || true"),
			"the window manager",
		);
	}

	/** Three terminals that print as fast as they can, until they are told not to. */
	async print() {
		for (const place of ["+0+0", "+300+40", "+60+260"])
			await this.inside(
				`setsid xterm -class Printing -geometry 70x18${place} -e sh -c ` +
					"'stty raw -echo; exec base64 -w 70 /dev/urandom' >/dev/null 2>&1 &",
			);
		await eventually(
			() => this.inside("pgrep -c -u $(id -u) -x base64 | grep -x 3 || true"),
			"three terminals",
		);
	}

	stopPrinting() {
		return this.inside("pkill -KILL -u $(id -u) -x base64; true");
	}

	/** The agent's process, "" if there is none. */
	agent() {
		return this.stack.onHost("root", `pgrep -u ${this.user} -x x2gokdrive || true`);
	}

	/** What the agent takes of memory. */
	async agentMiB() {
		const kib = await this.stack.onHost(
			"root",
			`sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/${await this.agent()}/status`,
		);
		return Number(kib) / 1024;
	}
}
