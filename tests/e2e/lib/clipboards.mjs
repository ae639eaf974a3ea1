// SPDX-License-Identifier: ISC
/**
 * Both ends of a clipboard: programs on the user's machine (xclip on a screen of its own, where a
 * real Chromium window is) and programs on the X2Go server.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";
import { eventually } from "./rpc.mjs";
import { build, Process, root } from "./stack.mjs";

/** @typedef {import("./stack.mjs").Stack} Stack */
/** @typedef {"clipboard" | "primary"} Selection */
/** @typedef {{name: string, program: string, args: string[], env?: NodeJS.ProcessEnv,
 *   input?: Uint8Array}} Call */

/**
 * Runs a program that reads its input and writes bytes.
 * @param {Call} call
 * @returns {Promise<Buffer>} what it wrote; a program that fails rejects
 */
function pipe({ name, program, args, env, input }) {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
		/** @type {Buffer[]} */
		const out = [];
		let errors = "";
		child.stdout.on("data", (data) => out.push(data));
		child.stderr.on("data", (data) => (errors += data));
		child.on("error", reject);
		child.on("close", (status) => {
			if (status === 0) resolve(Buffer.concat(out));
			else reject(new Error(`${name}: status ${status}: ${errors}`));
		});
		child.stdin.on("error", () => {});
		child.stdin.end(input);
	});
}

const HOLD_WAIT_MS = 60_000;

/** The user's machine: a screen, a browser on it, and another program beside the browser. */
export class UserMachine {
	static async start() {
		const screen = new Process("Xvfb", "Xvfb", [
			...["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
		]);
		const [, number] = await screen.waitFor(/^(\d+)\n/m);
		const env = { ...process.env, DISPLAY: `:${number}` };
		const browser = await chromium.launch({
			executablePath: "/usr/bin/chromium",
			headless: false,
			env,
			args: [
				...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
				...["--disable-background-networking", "--disable-component-update"],
				"--disable-sync",
			],
		});
		return new UserMachine(screen, env, browser);
	}

	/** @param {Process} screen @param {NodeJS.ProcessEnv} env
	 * @param {import("playwright-core").Browser} browser */
	constructor(screen, env, browser) {
		this._screen = screen;
		this._env = env;
		this.browser = browser;
	}

	async stop() {
		await this.browser.close();
		/* And with it every xclip that holds a selection. */
		await this._screen.stop();
	}

	/** Another program copies. @param {Selection} selection @param {Uint8Array | string} data
	 * @param {string} [target] */
	async copy(selection, data, target = "UTF8_STRING") {
		await this._xclip(["-selection", selection, "-t", target, "-i", "-quiet"], data);
		/* It says so before the X server knows. */
		const bytes = Buffer.from(data);
		await eventually(
			async () => (await this.paste(selection, target)).equals(bytes),
			"xclip holding the selection",
			HOLD_WAIT_MS,
		);
	}

	/** Another program pastes; "" if it cannot. @param {Selection} selection
	 * @param {string} [target] */
	async paste(selection, target = "UTF8_STRING") {
		/* An xclip that serves two readers of a large text at once leaves one of them waiting. */
		const args = ["3", "xclip", "-selection", selection, "-t", target, "-o"];
		return pipe({ name: "xclip", program: "timeout", args, env: this._env }).catch(() =>
			Buffer.alloc(0),
		);
	}

	/** With -quiet it stays in the foreground, so that its pipes can be awaited: it says so when it
	 * holds the selection. @param {string[]} args @param {Uint8Array | string} data */
	_xclip(args, data) {
		return new Promise((resolve, reject) => {
			const child = spawn("xclip", args, { env: this._env });
			let said = "";
			child.stderr.on("data", (text) => {
				said += text;
				if (/Waiting/.test(said)) resolve(undefined);
			});
			child.on("error", reject);
			child.on("close", () => reject(new Error(`xclip: ${said}`)));
			child.stdin.on("error", () => {});
			child.stdin.end(data);
		});
	}
}

/** Programs of a user on the X2Go server, on her desktop. */
export class ServerPrograms {
	/** @param {Stack} stack @param {string} user @param {number} display */
	static async create(stack, user, display) {
		const self = new ServerPrograms(stack, user, display);
		const script = await readFile(path.join(root, "tests/e2e/lib/selection.pl"));
		await self.run("cat >/tmp/selection.pl", script);
		return self;
	}

	/** @param {Stack} stack @param {string} user @param {number} display */
	constructor(stack, user, display) {
		this._stack = stack;
		this._user = user;
		this._display = display;
	}

	/** @param {string} command for sh @param {Uint8Array | string} [input] */
	run(command, input = "") {
		const setting = `export DISPLAY=:${this._display} XAUTHORITY=$HOME/.Xauthority LC_ALL=C.UTF-8`;
		return pipe({
			name: command,
			program: path.join(root, "tests/x2gohost/x2gohost"),
			args: ["exec", "--user", this._user, "sh", "-c", `${setting}; ${command}`],
			env: {
				...process.env,
				BUILD: build,
				X2GOHOST_NAME: this._stack.hostName,
				X2GOHOST_SSH_PORT: String(this._stack.sshPort),
			},
			input: Buffer.from(input),
		});
	}

	/** @param {string} command */
	async text(command) {
		return (await this.run(command)).toString().trimEnd();
	}

	/** @param {Selection} selection @param {Uint8Array | string} data @param {string} [target] */
	async copy(selection, data, target = "UTF8_STRING") {
		const owner = `xclip -selection ${selection} -t ${target} -i >/dev/null 2>&1`;
		await this.run(owner, data);
	}

	/** @param {Selection} selection @param {string} [target] @returns {Promise<Buffer>} */
	async paste(selection, target = "UTF8_STRING") {
		const name = selection.toUpperCase();
		return this.run(`timeout 40 perl /tmp/selection.pl ${name} ${target}`).catch((error) =>
			Buffer.from(`(${error.message.trim()})`),
		);
	}
}
