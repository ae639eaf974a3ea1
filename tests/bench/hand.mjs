// SPDX-License-Identifier: ISC
/**
 * What a user would do by hand: OpenSSH's ssh with a password, one master connection for several
 * commands.
 */
import { chmod, writeFile } from "node:fs/promises";
import { run } from "../e2e/lib/stack.mjs";

/** @typedef {import("../e2e/lib/stack.mjs").Stack} Stack */

const OPTIONS = [
	...["-o", "PreferredAuthentications=password"],
	...["-o", "PubkeyAuthentication=no"],
	...["-o", "NumberOfPasswordPrompts=1"],
];

export class Hand {
	/** @param {Stack} stack @param {{user: string, password: string}} account */
	constructor(stack, { user, password }) {
		this.stack = stack;
		this.user = user;
		this.password = password;
		this.socket = stack.file("ssh-master");
		this.config = "";
	}

	async prepare() {
		this.config = (await this.stack.host("ssh-config")).stdout.trim();
		const file = this.stack.file("askpass");
		await writeFile(file, `#!/bin/sh\necho ${this.password}\n`);
		await chmod(file, 0o755);
	}

	/** @param {string[]} args */
	async ssh(...args) {
		const all = ["-F", this.config, "-l", this.user, ...args];
		const { status, stdout, stderr } = await run("ssh", all, {
			env: {
				PATH: process.env.PATH,
				SSH_ASKPASS: this.stack.file("askpass"),
				SSH_ASKPASS_REQUIRE: "force",
			},
		});
		if (status !== 0) throw new Error(`ssh ${args.join(" ")}: ${status}: ${stderr}`);
		return stdout;
	}

	/** Logs in, runs one command, logs out. @param {string} command */
	once(command) {
		return this.ssh("-S", "none", ...OPTIONS, "x2gohost", `exec sh -c '${command}'`);
	}

	logIn() {
		return this.ssh("-S", this.socket, "-M", "-f", "-N", ...OPTIONS, "x2gohost");
	}

	/** Over the connection of logIn. @param {string} command */
	command(command) {
		return this.ssh("-S", this.socket, "x2gohost", `exec sh -c '${command}'`);
	}

	/** @param {number} from a port here @param {number} to one of the server's loopback */
	forward(from, to) {
		const where = `127.0.0.1:${from}:127.0.0.1:${to}`;
		return this.ssh("-S", this.socket, "-O", "forward", "-L", where, "x2gohost");
	}

	logOut() {
		return this.ssh("-S", this.socket, "-O", "exit", "x2gohost");
	}
}
