// SPDX-License-Identifier: ISC
/**
 * A journal of our own for tests: systemd-journald in a mount namespace, which keeps what it gets in
 * memory, with the package's catalogue. Programs that are started by run() have it as systemd would
 * give it to a service.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually } from "./rpc.mjs";
import { Process, root, run } from "./stack.mjs";

const SET_UP = `set -e
mount --make-rprivate /
for place in /run/systemd /run/log /var/log/journal /var/lib/systemd/catalog; do
	mount -t tmpfs tmpfs $place
done
mkdir /run/systemd/journal /run/log/journal
mount --bind "$1" /usr/lib/systemd/catalog
journalctl --update-catalog
exec /lib/systemd/systemd-journald`;

/** @typedef {Record<string, string>} Entry */

export class Journal {
	/** @type {Process | undefined} */ daemon = undefined;

	async start() {
		this.daemon = new Process("systemd-journald", "unshare", [
			...["--mount", "sh", "-c", SET_UP, "sh", path.join(root, "packaging/journal")],
		]);
		await eventually(async () => {
			if (!this.daemon?.running) throw new Error(this.daemon?.log);
			const { stdout } = await this.inside("journalctl", "-D", "/run/log/journal");
			return stdout.includes("Journal started");
		}, "a journal");
		return this;
	}

	async stop() {
		await this.daemon?.stop();
	}

	/** @param {string[]} command */
	#enter(...command) {
		return ["--target", String(this.daemon?.pid), "--mount", "--wd=/", ...command];
	}

	/** A command that sees the journal. @param {string[]} command */
	inside(...command) {
		return run("nsenter", this.#enter(...command));
	}

	/** @param {string} program its path @param {string[]} args */
	run(program, args) {
		const stream =
			'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) && export JOURNAL_STREAM && exec "$@"';
		return new Process(
			path.basename(program),
			"nsenter",
			this.#enter("systemd-cat", "sh", "-c", stream, "sh", program, ...args),
		);
	}

	/** journalctl's text. @param {string[]} args */
	async text(...args) {
		await this.inside("journalctl", "--sync");
		const { stdout } = await this.inside(
			"journalctl",
			"-D",
			"/run/log/journal",
			"--no-pager",
			"--quiet",
			...args,
		);
		return stdout;
	}

	/**
	 * What journalctl -x says to who reads this language. Only the locale's name matters, so that
	 * it is made of the one that every system has.
	 * @param {string} locale @param {string[]} args
	 */
	async explanations(locale, ...args) {
		const places = await mkdtemp(path.join(tmpdir(), "x2goweb-locale-"));
		try {
			await cp("/usr/lib/locale/C.utf8", path.join(places, locale), { recursive: true });
			await this.inside("journalctl", "--sync");
			const { stdout } = await this.inside(
				...["env", `LOCPATH=${places}`, `LC_ALL=${locale}`, "journalctl"],
				...["-D", "/run/log/journal", "--no-pager", "--quiet", "-x", ...args],
			);
			return stdout;
		} finally {
			await rm(places, { recursive: true });
		}
	}

	/** What there is of these fields, in order. @param {string[]} matches @returns {Promise<Entry[]>} */
	async entries(...matches) {
		const text = await this.text("-o", "json", ...matches);
		return text
			.split("\n")
			.filter((line) => line !== "")
			.map((line) => JSON.parse(line));
	}
}
