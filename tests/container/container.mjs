// SPDX-License-Identifier: ISC
/**
 * A clean Debian with a booted systemd for a test, and an X2Go server in its network (see README.md).
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, Process, root, run } from "../e2e/lib/stack.mjs";

const CONTAINER = path.join(root, "tests/container/container");
const X2GOHOST = path.join(root, "tests/x2gohost/x2gohost");
const VISIT = fileURLToPath(new URL("visit.mjs", import.meta.url));

/** Containers that run. A test run that is told to end takes them along. @type {Set<Container>} */
const running = new Set();

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
	process.prependListener(signal, () => {
		for (const container of running) container.kill();
		process.exit(1);
	});

/** @typedef {{status: number | null, stdout: string, stderr: string}} Result */

export class Container {
	/** @param {"bookworm" | "trixie"} release @param {string} [label] */
	constructor(release, label = "test") {
		this.release = release;
		this.name = `${label}-${release}-${process.pid}`;
		this.hasServer = false;
	}

	/** Of x2gohost, for the X2Go server in this container's network. */
	get hostEnv() {
		return { ...process.env, BUILD: build, X2GOHOST_NAME: this.name, X2GOHOST_SSH_PORT: "22" };
	}

	/** @param {string[]} args */
	async control(...args) {
		const result = await run(CONTAINER, args, { env: { ...process.env, BUILD: build } });
		if (result.status !== 0) throw new Error(`container ${args[0]}: ${result.stderr}`);
		return result.stdout;
	}

	/** Boots it. @param {{bind?: string[], machineNet?: boolean}} [options] bind: folders seen in it
	 * below /mnt; machineNet: with this machine's network instead of its own */
	async up({ bind = [], machineNet = false } = {}) {
		running.add(this);
		await this.control(
			"up",
			this.name,
			this.release,
			...(machineNet ? ["--machine-net"] : []),
			...bind.flatMap((dir) => ["--bind", dir]),
		);
		return this;
	}

	/** Of its systemd, as this machine sees it. */
	async pid() {
		return Number(await this.control("pid", this.name));
	}

	/** Runs a shell command in it, as root. @param {string} command @returns {Promise<Result>} */
	exec(command) {
		return run(CONTAINER, ["exec", this.name, "bash", "-c", command], {
			env: { ...process.env, BUILD: build },
		});
	}

	/** One that has to work; its output. @param {string} command */
	async ok(command) {
		const { status, stdout, stderr } = await this.exec(command);
		if (status !== 0)
			throw new Error(`${this.release}: ${command}: status ${status}\n${stdout}${stderr}`);
		return stdout.trimEnd();
	}

	/** Starts a command in it that goes on. @param {string[]} command */
	start(...command) {
		return new Process(command.join(" "), CONTAINER, ["exec", this.name, ...command], {
			stdio: ["pipe", "pipe", "pipe"],
			env: { ...process.env, BUILD: build },
		});
	}

	/** Runs a shell command that has to work at a terminal, where somebody answers if asked; its
	 * output. @param {string} command @param {RegExp} question @param {string} answer */
	async atTerminal(command, question, answer) {
		const shown = this.start("script", "-qec", command, "/dev/null");
		try {
			const asked = await Promise.race([
				shown.waitFor(question, { timeout: 60000 }).catch(() => null),
				shown.ended.then(() => null),
			]);
			if (asked) shown.child.stdin?.write(answer);
			const { code } = await shown.ended;
			if (code !== 0)
				throw new Error(`${this.release}: ${command}: status ${code}\n${shown.log}`);
			return shown.log.replaceAll("\r", "");
		} finally {
			shown.kill();
		}
	}

	/** The private key that the X2Go server's users trust. */
	async clientKey() {
		const { stdout } = await run(X2GOHOST, ["ssh-config"], { env: this.hostEnv });
		const [, file] = readFileSync(stdout.trim(), "utf8").match(/IdentityFile "(.*)"/) ?? [];
		return readFileSync(file, "utf8").trim();
	}

	/** Runs a shell command that has to work on the X2Go server; its output. @param {string} command */
	async onServer(command) {
		const { status, stdout, stderr } = await run(X2GOHOST, ["exec", "sh", "-c", command], {
			env: this.hostEnv,
		});
		if (status !== 0)
			throw new Error(`x2gohost: ${command}: status ${status}\n${stdout}${stderr}`);
		return stdout;
	}

	/** Runs a program of this machine in its network.
	 * @param {string[]} command @param {NodeJS.ProcessEnv} [env] @returns {Promise<Result>} */
	net(command, env = {}) {
		return run(CONTAINER, ["net", this.name, ...command], {
			env: { ...process.env, BUILD: build, ...env },
		});
	}

	/** A real X2Go server that it reaches as x2go.example.org, with the test host's users. */
	async startServer() {
		this.hasServer = true;
		const { status, stderr } = await this.net([X2GOHOST, "up"], this.hostEnv);
		if (status !== 0) throw new Error(`x2gohost up: ${stderr}`);
		await this.ok("echo 127.0.0.1 x2go.example.org >>/etc/hosts");
	}

	/**
	 * Logs in by its web server as a browser would, goes on with the session there or starts one,
	 * sees its picture, is still logged in after what is done meanwhile, and logs out.
	 * @param {{server?: string, user?: string, password?: string, port?: number}} [options]
	 * @param {() => Promise<unknown>} [meanwhile]
	 * @returns {Promise<{session: string, resumed: boolean, bytes: number}>}
	 */
	async visit(options = {}, meanwhile = async () => {}) {
		const visitor = new Process(
			"visit",
			CONTAINER,
			["net", this.name, process.execPath, VISIT, JSON.stringify(options)],
			{ stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, BUILD: build } },
		);
		try {
			const [seen] = await visitor.waitFor(/^\{.*"bytes".*\}$/m, { timeout: 60000 });
			await meanwhile();
			visitor.child.stdin?.end();
			const { code } = await visitor.ended;
			if (code !== 0) throw new Error(`the visit ended with ${code}`);
			return JSON.parse(seen);
		} catch (error) {
			const { stdout } = await this.exec("journalctl -q --no-pager -n 60");
			throw new Error(`${this.release}: visit: ${error}\n${visitor.log}\n${stdout}`);
		} finally {
			visitor.kill();
		}
	}

	/** What systemd says of a unit. @param {string} unit @param {string} property */
	show(unit, property) {
		return this.ok(`systemctl show --value --property=${property} ${unit}`);
	}

	/** Ends it at once. */
	kill() {
		const env = { ...process.env, BUILD: build };
		if (this.hasServer) spawnSync(X2GOHOST, ["down"], { env: this.hostEnv });
		spawnSync(CONTAINER, ["down", this.name], { env });
		running.delete(this);
	}

	async down() {
		this.kill();
	}
}
