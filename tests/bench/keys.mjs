// SPDX-License-Identifier: ISC
/**
 * From a key to the pixel: one letter after the other is typed into a terminal on a real desktop,
 * through the whole gateway.
 *
 * client.key_to_pixel_*  from the key event's time stamp in the page to the first animation frame
 *                        in which the page's canvas shows a changed terminal; so it holds what
 *                        waiting for the display's next frame costs
 *
 * The reference is the same key, at the same time, on a second such desktop, whose stream goes to a
 * WebSocket client that only reads: from sending the event until the FRAME is there.
 */
import { launch, logIn, open, state } from "../e2e/lib/browser.mjs";
import { Client, eventually, Stream } from "../e2e/lib/rpc.mjs";
import { KEYCODES } from "../../www/js/input/key_table.js";
import { KdriveReader } from "../../www/js/stream/kdrive_read.js";
import { keyEvent } from "../../www/js/stream/kdrive_send.js";
import { percentile, result } from "./results.mjs";

/** @typedef {import("../e2e/lib/stack.mjs").Stack} Stack */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

const REFERENCE = "agent and relay alone, without painting";
const KEYS = 30;
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];
/** Longer than the agent waits with its lossless tiles, and never in step with anything. */
const PAUSE_MS = 150;
const PAUSE_SPREAD_MS = 100;
const WAIT_MS = 5000;
const SIZE = { width: 1024, height: 768 };

const pause = () =>
	new Promise((resolve) => setTimeout(resolve, PAUSE_MS + PAUSE_SPREAD_MS * Math.random()));

/**
 * A terminal that echoes what is typed, in front and with the focus.
 * @param {Stack} stack @param {string} user @param {number} display
 */
async function startTerminal(stack, user, display) {
	const inside = (/** @type {string} */ command) =>
		stack.onHost(user, `export DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority; ${command}`);
	await eventually(() => inside("xdotool search --class icewm || true"), "the window manager");
	await inside("xterm -T typing -geometry 80x8+80+80 -e cat >/dev/null 2>&1 &");
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --name typing | head -n 1"),
		"a terminal",
	);
	await inside(`xdotool windowfocus --sync ${window}`);
	const shell = await inside(`xdotool getwindowgeometry --shell ${window}`);
	const field = (/** @type {string} */ name) => Number(shell.match(`\\b${name}=(\\d+)`)?.[1]);
	return { x: field("X"), y: field("Y"), width: field("WIDTH"), height: field("HEIGHT") };
}

/** Runs in the page: watches a part of the canvas from the next key on.
 * @param {{rect: Rect, waitMs: number}} options @returns {void} */
function watchInPage({ rect, waitMs }) {
	/* The letter and the terminal's cursor are far from what compression changes. */
	const FAR = 60;
	const PIXELS_MIN = 8;
	const { x, y, width, height } = rect;
	const screen = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
	const part = Object.assign(document.createElement("canvas"), { width, height });
	const context = /** @type {CanvasRenderingContext2D} */ (
		part.getContext("2d", { willReadFrequently: true })
	);
	const look = () => {
		context.drawImage(screen, x, y, width, height, 0, 0, width, height);
		return context.getImageData(0, 0, width, height).data;
	};
	const before = look();
	let pressedAt = 0;
	addEventListener("keydown", ({ timeStamp }) => (pressedAt = timeStamp), {
		...{ capture: true, once: true },
	});
	Object.assign(window, {
		keyToPixel: new Promise((resolve, reject) => {
			const begin = performance.now();
			const frame = () => {
				const now = performance.now();
				let changed = 0;
				look().forEach((value, i) => {
					if (i % 4 < 3 && Math.abs(value - before[i]) > FAR) changed += 1;
				});
				if (pressedAt > 0 && changed >= PIXELS_MIN) resolve(now - pressedAt);
				else if (now - begin > waitMs) reject(new Error("the key changed nothing"));
				else requestAnimationFrame(frame);
			};
			requestAnimationFrame(frame);
		}),
	});
}

/** A person at the page. */
class AtThePage {
	/** @param {Stack} stack @param {import("playwright-core").Browser} browser */
	static async open(stack, browser) {
		const viewport = { width: SIZE.width, height: SIZE.height };
		const { page } = await open(browser, stack, { viewport });
		await logIn(page, { user: "alice", password: "wonderland", desktop: "ICEWM" });
		await state(page, "running", 60000);
		const [, , display] = (await stack.onHost("alice", "x2golistsessions")).split("|");
		const rect = await startTerminal(stack, "alice", Number(display));
		const cdp = await page.context().newCDPSession(page);
		return new AtThePage(page, cdp, rect);
	}

	/** @param {import("playwright-core").Page} page
	 * @param {import("playwright-core").CDPSession} cdp @param {Rect} rect */
	constructor(page, cdp, rect) {
		this._page = page;
		this._cdp = cdp;
		this._rect = rect;
	}

	/** @param {string} letter @returns {Promise<number>} milliseconds */
	async type(letter) {
		await this._page.evaluate(watchInPage, { rect: this._rect, waitMs: WAIT_MS });
		const key = { key: letter, code: `Key${letter.toUpperCase()}` };
		await this._cdp.send("Input.dispatchKeyEvent", { type: "keyDown", text: letter, ...key });
		const ms = await this._page.evaluate(() => /** @type {any} */ (window).keyToPixel);
		await this._cdp.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
		return ms;
	}
}

/** A client that paints nothing. */
class AtTheAgent {
	/** @param {Stack} stack */
	static async open(stack) {
		const client = new Client(stack);
		await client.logIn("bob", "builder");
		const { session, ws } = await client.ok("start", { desktop: "ICEWM", ...SIZE });
		const stream = new Stream(stack, ws, { cookie: client.cookie });
		const self = new AtTheAgent(stream.socket);
		await stream.picture();
		self._rect = await startTerminal(stack, "bob", session.display);
		return self;
	}

	/** @param {import("ws").WebSocket} socket */
	constructor(socket) {
		this._socket = socket;
		this._rect = { x: 0, y: 0, width: 0, height: 0 };
		this._painted = () => {};
		const reader = new KdriveReader((message) => {
			if (message.type === "frame" && message.crc !== 0 && this._touches(message))
				this._painted();
		});
		socket.on("message", (data, binary) => {
			if (binary) reader.push(Uint8Array.from(/** @type {Buffer} */ (data)));
		});
	}

	/** @param {Rect} frame */
	_touches({ x, y, width, height }) {
		const rect = this._rect;
		const across = x < rect.x + rect.width && rect.x < x + width;
		return across && y < rect.y + rect.height && rect.y < y + height;
	}

	/** @param {string} letter @returns {Promise<number>} milliseconds */
	type(letter) {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error("no frame for a key")), WAIT_MS);
			const begin = performance.now();
			this._painted = () => {
				clearTimeout(timer);
				this._painted = () => {};
				resolve(performance.now() - begin);
			};
			const code = /** @type {Record<string, number>} */ (KEYCODES)[
				`Key${letter.toUpperCase()}`
			];
			this._socket.send(keyEvent(true, code, 0));
		});
	}
}

/** @param {import("./results.mjs").Context} context */
export async function measure({ stack, runs, progress }) {
	const browser = await launch();
	try {
		const page = await AtThePage.open(stack, browser);
		const agent = await AtTheAgent.open(stack);
		/** @type {{ours: number[], reference: number[]}[]} */
		const rounds = [];
		for (let i = 1; i <= runs; i++) {
			/** @type {{ours: number[], reference: number[]}} */
			const round = { ours: [], reference: [] };
			for (let key = 0; key < KEYS; key++) {
				const letter = LETTERS[key % LETTERS.length];
				await pause();
				round.ours.push(await page.type(letter));
				await pause();
				round.reference.push(await agent.type(letter));
			}
			rounds.push(round);
			const [ours, reference] = [round.ours, round.reference].map(
				(times) =>
					`p50 ${percentile(times, 50).toFixed(1)}, p95 ${percentile(times, 95).toFixed(1)}` +
					`, ${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)} ms`,
			);
			progress(`keys ${i} of ${runs}: page: ${ours}; agent: ${reference} (${KEYS} keys)`);
		}
		return [50, 95].map((percent) =>
			result(
				`client.key_to_pixel_p${percent}`,
				"ms",
				REFERENCE,
				rounds.map(({ ours, reference }) => ({
					ours: percentile(ours, percent),
					reference: percentile(reference, percent),
				})),
			),
		);
	} finally {
		await browser.close();
	}
}
