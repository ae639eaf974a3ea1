// SPDX-License-Identifier: ISC
/**
 * As KeptSite, but its broker is a service of a real systemd, by the packaged unit. That runs in a
 * root file system of its own, made by mmdebstrap; network and the rest of the gateway are the
 * machine's.
 */
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { KeptSite } from "../../e2e/lib/kept_site.mjs";
import { eventually } from "../../e2e/lib/rpc.mjs";
import { build, Process, root as sources, run } from "../../e2e/lib/stack.mjs";
import { brokerctl, brokerStatus, processes } from "../../e2e/lib/status.mjs";

const UNIT = "x2goweb-brokerd.service";
const INSIDE = "/srv/x2goweb";
const RELEASE = process.env.SYSTEMD_RELEASE ?? "bookworm";
/** What the programs of the gateway are linked with there. */
const PACKAGES = "systemd,dbus,libevent-2.1-7,libssh2-1,libwslay1,libinih1,libseccomp2,libcap2";
const TESTS_ONLY = "[Unit]\nStartLimitIntervalSec=0\n";

/** @param {string} program @param {string[]} args */
async function must(program, ...args) {
	const { status, stdout, stderr } = await run(program, args, {});
	if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}: ${stderr}`);
	return stdout;
}

export class SystemdSite extends KeptSite {
	constructor() {
		super();
		this.system = path.join(build, `nightly/${RELEASE}`);
		/** @type {Process | undefined} */ this.boot = undefined;
		this.init = 0;
	}

	/** A command within. @param {string[]} command */
	within(...command) {
		return must(
			"nsenter",
			...["-t", String(this.init), "-m", "-p", "-u", "-i", "-C", "-r", "-w"],
			...["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER=", ...command],
		);
	}

	/** @param {string} property */
	async unit(property) {
		return (await this.within("systemctl", "show", "-P", property, UNIT)).trim();
	}

	async makeSystem() {
		if (!existsSync(path.join(this.system, "lib/systemd/systemd"))) {
			await mkdir(path.dirname(this.system), { recursive: true });
			await must(
				"mmdebstrap",
				...["--variant=minbase", `--include=${PACKAGES}`, RELEASE, this.system],
			);
		}
		for (const [name, place] of [
			["x2goweb-brokerd", "usr/sbin"],
			["x2goweb-session", "usr/lib/x2goweb"],
		]) {
			const folder = path.join(this.system, place);
			await mkdir(folder, { recursive: true });
			await rm(path.join(folder, name), { force: true });
			await copyFile(path.join(build, "bin", name), path.join(folder, name));
			await chmod(path.join(folder, name), 0o755);
		}
		const units = path.join(this.system, "etc/systemd/system");
		const packaged = path.join(sources, "packaging/systemd", UNIT);
		const command = (await readFile(packaged, "utf8")).match(/^ExecStart=(.*)$/m)?.[1];
		await copyFile(packaged, path.join(units, UNIT));
		await mkdir(path.join(units, `${UNIT}.d`), { recursive: true });
		await writeFile(
			path.join(units, `${UNIT}.d/test.conf`),
			`${TESTS_ONLY}[Service]\nExecStart=\nExecStart=${command} -c ${INSIDE}/x2goweb.conf ` +
				"--session /usr/lib/x2goweb/x2goweb-session\n",
		);
	}

	/** @override */
	async writeConfig() {
		const text = this.configText().replaceAll(this.directory, INSIDE);
		await writeFile(this.file("x2goweb.conf"), text, { mode: 0o644 });
	}

	/** @override */
	async startBroker() {
		await this.writeConfig();
		await this.makeSystem();
		this.boot = new Process(
			"systemd",
			path.join(sources, "tests/nightly/lib/boot_systemd.sh"),
			[...[this.system, this.directory, INSIDE]],
		);
		const { pid } = this.boot;
		this.init = await eventually(
			() => processes(({ Name, PPid }) => Name === "systemd" && Number(PPid) === pid)[0]?.pid,
			"systemd",
		);
		await eventually(
			async () =>
				(await this.within("systemctl", "is-active", "basic.target").catch(() => "")) ===
				"active\n",
			"a booted system",
			60000,
		);
		await this.within("systemctl", "start", UNIT);
	}

	/** @override @param {NodeJS.Signals} signal @param {number} logins */
	async follow(signal, logins) {
		const before = await this.unit("MainPID");
		if (signal === "SIGKILL")
			await this.within("systemctl", "kill", "-s", "KILL", "--kill-whom=main", UNIT);
		else if (signal === "SIGTERM") await this.within("systemctl", "restart", UNIT);
		else {
			const { status, stderr } = await brokerctl(this, "upgrade");
			if (status !== 0) throw new Error(`brokerctl upgrade: ${stderr}`);
		}
		const status = await brokerStatus(this);
		const after = await this.unit("MainPID");
		if (status.logins !== logins || (after === before) !== (signal === "SIGUSR2"))
			throw new Error(`${status.logins} logins, ${before} ${after}, after ${signal}`);
	}

	/** As an admin stops the gateway. */
	async stopUnit() {
		await this.within("systemctl", "stop", UNIT);
	}

	/** @override */
	killOwn() {
		this.boot?.kill();
		super.killOwn();
	}
}
