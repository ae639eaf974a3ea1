// SPDX-License-Identifier: ISC
/**
 * As KeptSite, but its broker is the installed package's service in a container with a real systemd;
 * the rest of the gateway is this machine's.
 */
import { mkdir, readdir, copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Container } from "../../container/container.mjs";
import { KeptSite } from "../../e2e/lib/kept_site.mjs";
import { build } from "../../e2e/lib/stack.mjs";
import { brokerctl, brokerStatus } from "../../e2e/lib/status.mjs";

const UNIT = "x2goweb-brokerd.service";
const NUMBERS = { bookworm: 12, trixie: 13 };
/** It is started more often than anybody would. */
const TESTS_ONLY = "[Unit]\nStartLimitIntervalSec=0\n";

export class SystemdSite extends KeptSite {
	/** @param {"bookworm" | "trixie"} release */
	constructor(release) {
		super();
		this.container = new Container(release, "handover");
		const { config } = this.options;
		/* As many as the unit has descriptors for. */
		this.options.config = (stack) => {
			const sections = typeof config === "function" ? config(stack) : { ...config };
			return { ...sections, limits: { ...sections.limits, logins: "100" } };
		};
	}

	/** Where the test's folder is in the container. */
	get inside() {
		return `/mnt/${path.basename(this.directory)}`;
	}

	/** @override */
	async writeConfig() {
		const text = this.configText()
			.replace(/^user = .*$/m, "user = x2goweb")
			.replace(/^group = .*$/m, "group = x2goweb")
			.replace(this.file("run"), "/run/x2goweb")
			.replaceAll(this.directory, this.inside);
		await writeFile(this.file("x2goweb.conf"), text, { mode: 0o644 });
	}

	/** The package for this release, which `make debs` has left. */
	async copyPackage() {
		const pattern = new RegExp(`^x2goweb_.*~deb${NUMBERS[this.container.release]}_.*\\.deb$`);
		const name = (await readdir(build)).find((file) => pattern.test(file));
		if (!name) throw new Error(`no package for ${this.container.release} in ${build}`);
		await copyFile(path.join(build, name), this.file("x2goweb.deb"));
	}

	/** @override */
	async startBroker() {
		await this.writeConfig();
		await this.copyPackage();
		await mkdir(this.file("run"));
		await this.container.up({ bind: [this.directory], machineNet: true });
		this.proc = `/proc/${await this.container.pid()}/root/proc`;
		await this.container.ok(
			[
				"set -e",
				`apt-get install --yes --no-install-recommends ${this.inside}/x2goweb.deb`,
				`systemctl stop ${UNIT}`,
				`cp ${this.inside}/x2goweb.conf /etc/x2goweb/x2goweb.conf`,
				`chown x2goweb: ${this.inside}/broker_key`,
				`mkdir -p /etc/systemd/system/${UNIT}.d /run/x2goweb`,
				`printf '${TESTS_ONLY.replaceAll("\n", "\\n")}' >/etc/systemd/system/${UNIT}.d/test.conf`,
				/* Seen from outside. */
				`mount --bind ${this.inside}/run /run/x2goweb`,
				`systemctl daemon-reload`,
				`systemctl start ${UNIT} || { journalctl -n 50 -u ${UNIT} >&2; exit 1; }`,
			].join("\n"),
		);
	}

	/** @override @param {NodeJS.Signals} signal @param {number} logins */
	async follow(signal, logins) {
		const before = await this.container.show(UNIT, "MainPID");
		if (signal === "SIGKILL")
			await this.container.ok(`systemctl kill -s KILL --kill-who=main ${UNIT}`);
		else if (signal === "SIGTERM") await this.container.ok(`systemctl restart ${UNIT}`);
		else {
			await this.container.ok(`systemctl reload ${UNIT}`);
			const { status, stderr } = await brokerctl(this, "upgrade");
			if (status !== 0) throw new Error(`brokerctl upgrade: ${stderr}`);
		}
		const status = await brokerStatus(this);
		const after = await this.container.show(UNIT, "MainPID");
		if (status.logins !== logins || (after === before) !== (signal === "SIGUSR2"))
			throw new Error(`${status.logins} logins, ${before} ${after}, after ${signal}`);
	}

	/** As an admin stops the gateway, after one more mistake. @override */
	async endLogins() {
		const { logins } = await brokerStatus(this);
		const reload = `echo nonsense >>/etc/x2goweb/x2goweb.conf; systemctl reload ${UNIT}`;
		if ((await this.container.exec(reload)).status === 0)
			throw new Error("a configuration that is refused is no failure of the reload");
		if ((await brokerStatus(this)).logins !== logins)
			throw new Error("a configuration that is refused ends logins");
		await this.container.ok(`systemctl stop ${UNIT}`);
		const kept = await this.container.show(UNIT, "NFileDescriptorStore");
		if (kept !== "0") throw new Error(`systemd still keeps ${kept} descriptors`);
	}

	/** @override */
	killOwn() {
		this.container.kill();
		super.killOwn();
	}
}
