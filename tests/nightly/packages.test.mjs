// SPDX-License-Identifier: ISC
/**
 * The packages, each on a clean system of its release with systemd: from nothing to a working login
 * and all that comes later by the commands of the documents, an upgrade, removal and purge. Needs
 * `make debs`.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
	appendFileSync,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Container } from "../container/container.mjs";
import { build, root } from "../e2e/lib/stack.mjs";
import { read } from "../unit/js/docs_text.js";
import { eventually } from "../e2e/lib/rpc.mjs";
import { blocksOf, Documented, EXAMPLES } from "./lib/documented.mjs";

const RELEASES = /** @type {const} */ ([
	["bookworm", 12],
	["trixie", 13],
]);

/** Tenths of systemd-analyze security's exposure that a unit may have; what they are spent on is in
 * the units. */
const EXPOSURE = {
	"x2goweb-brokerd.service": 19,
	"x2goweb-fcgi.service": 4,
	"x2goweb-tls.service": 11,
};

const INSTALL = "apt-get install --yes";
const README = "README.md";
const GUIDE = "docs/guide.md";
/** README's section. */
const QUICK = "Install it on a gateway";
const GATE =
	"Host gate.example.org\n User bob\n IdentityFile ~/.ssh/gate\n StrictHostKeyChecking no\n";
/** Other web servers after nginx, each with what an admin does before the one command. */
const OTHERS = [
	{ server: "apache2", last: "nginx", steps: [`${INSTALL} apache2`] },
	{
		server: "lighttpd",
		last: "apache2",
		steps: [
			`${INSTALL} lighttpd lighttpd-mod-openssl`,
			"cat /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem >/etc/lighttpd/server.pem",
			"lighttpd-enable-mod ssl && systemctl restart lighttpd",
			"sed -i '/^\\[relay\\]/a listen = 127.0.0.1' /etc/x2goweb/x2goweb.conf",
			"systemctl restart x2goweb-brokerd",
		],
	},
];

/** Folders of the sources, and where the package has all that is in them. */
const PACKED = {
	docs: /^usr\/share\/doc\/x2goweb\//,
	"packaging/man": /^usr\/share\/man\/man\d\//,
	"packaging/systemd": /^(usr\/)?lib\/systemd\/system\//,
	"packaging/journal": /^usr\/lib\/systemd\/catalog\//,
	"packaging/bash-completion": /^usr\/share\/bash-completion\/completions\//,
	"packaging/sysusers.d": /^usr\/lib\/sysusers\.d\//,
	"packaging/tmpfiles.d": /^usr\/lib\/tmpfiles\.d\//,
};
/** What has another name there. */
const RENAMED = [
	...["nginx", "nginx-site", "apache", "lighttpd"].map((name) => `etc/x2goweb/${name}.conf`),
	...["nginx", "apache", "lighttpd"].map((name) => `etc/x2goweb/${name}-compat.conf`),
	"etc/x2goweb/x2goweb.conf",
	"usr/share/doc/x2goweb/examples/haproxy.cfg",
	"usr/share/doc/x2goweb/ARCHITECTURE.md",
];

/** @param {string} command @param {string[]} args */
function here(command, ...args) {
	const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
	assert.equal(status, 0, `${command}: ${stderr}`);
	return stdout;
}

/** The package again as a newer version, in which the example for nginx has changed. @param {string}
 * from @param {string} to */
function makeNewer(from, to) {
	const tree = `${to}.d`;
	here("dpkg-deb", "-R", from, tree);
	here("sed", "-i", "s/^Version: .*/&+next/", `${tree}/DEBIAN/control`);
	here("sed", "-i", "$a # newer", `${tree}/etc/x2goweb/nginx.conf`);
	here("dpkg-deb", "--root-owner-group", "-b", tree, to);
	rmSync(tree, { recursive: true });
}

test("make install goes where it is told, and what it installs says so", () => {
	const staged = mkdtempSync(path.join(tmpdir(), "x2goweb-install-"));
	const make = ["-s", "-C", root, `BUILD=${build}`];
	try {
		here("make", ...make, "install", `DESTDIR=${staged}`, "PREFIX=/opt/x2goweb");
		const at = (/** @type {string} */ file) => readFileSync(path.join(staged, file), "latin1");
		const prefix = "opt/x2goweb";
		assert.match(
			at(`${prefix}/lib/systemd/system/x2goweb-brokerd.service`),
			/^ExecStart=\/opt\/x2goweb\/sbin\/x2goweb-brokerd /m,
		);
		assert.match(at("etc/x2goweb/nginx.conf"), /alias \/opt\/x2goweb\/share\/x2goweb\/www\/;/);
		assert.ok(
			at(`${prefix}/sbin/x2goweb-brokerd`).includes(
				"/opt/x2goweb/lib/x2goweb/x2goweb-session",
			),
		);
		for (const file of [
			"sbin/brokerctl",
			"lib/x2goweb/x2goweb-session",
			"share/man/man8/brokerctl.8",
		])
			assert.ok(existsSync(path.join(staged, prefix, file)), file);
		assert.deepEqual(readdirSync(staged).sort(), ["etc", "opt"]);
		// What the admin has written stays.
		appendFileSync(path.join(staged, "etc/x2goweb/x2goweb.conf"), "# mine\n");
		here("make", ...make, "install", `DESTDIR=${staged}`, "PREFIX=/opt/x2goweb");
		assert.match(at("etc/x2goweb/x2goweb.conf"), /^# mine$/m);
	} finally {
		here("make", ...make, "all");
		rmSync(staged, { recursive: true });
	}
});

for (const [release, number] of RELEASES)
	describe(`Debian ${number}`, () => {
		const container = new Container(release, "packages");
		const documented = new Documented(container);
		const folder = mkdtempSync(path.join(tmpdir(), "x2goweb-debs-"));
		const debs = `/mnt/${path.basename(folder)}`;
		const state = async (/** @type {string} */ unit) =>
			(await container.exec(`systemctl is-active ${unit}`)).stdout.trim();
		/** Files and links of ours. */
		const files = () =>
			container.ok(
				"find /etc /usr /var /run -xdev -name '*x2goweb*' ! -path '/var/lib/dpkg/*' | sort",
			);

		/** Adds lines to a file there. @param {string} file @param {string} text */
		const append = (file, text) => container.ok(`cat >>${file} <<'TEXT'\n${text}\nTEXT\n`);
		const CONFIG = "/etc/x2goweb/x2goweb.conf";

		before(async () => {
			const name = readdirSync(build).find((file) =>
				new RegExp(`^x2goweb_.*~deb${number}_.*\\.deb$`).test(file),
			);
			assert.ok(name, `a package for Debian ${number} is in ${build}`);
			here("cp", path.join(build, name), `${folder}/x2goweb.deb`);
			makeNewer(`${folder}/x2goweb.deb`, `${folder}/newer.deb`);
			await container.up({ bind: [folder] });
			await container.startServer();
			// Nobody is there to say yes; the package is where it is built, and where it was copied to.
			await append("/etc/apt/apt.conf.d/yes", 'APT::Get::Assume-Yes "true";');
			await container.ok(
				`mkdir -p /root/build && cd /root && cp ${debs}/x2goweb.deb x2goweb_1_all.deb && ` +
					"ln x2goweb_1_all.deb build/",
			);
		});
		after(async () => {
			await container.down();
			rmSync(folder, { recursive: true });
		});

		test("all that is written for those who install it is in the package", () => {
			const packed = here("dpkg-deb", "-c", `${folder}/x2goweb.deb`)
				.split("\n")
				.map((line) => line.replace(/^.*? \.\//, "").replace(/\.gz$/, ""));
			for (const [source, place] of Object.entries(PACKED))
				for (const name of readdirSync(path.join(root, source)))
					assert.ok(
						/\.png$/.test(name) ||
							packed.some((file) => place.test(file) && path.basename(file) === name),
						`${source}/${name}`,
					);
			for (const name of RENAMED) assert.ok(packed.includes(name), name);
		});

		test("after apt install it runs, and says what is left to do", async () => {
			const said = await documented.run(README, QUICK, /^apt /);
			assert.match(said, /^x2goweb runs\. Left to do/m);
			for (const hint of [
				"brokerctl hostkey add office",
				"x2goweb-web nginx",
				"brokerctl doctor",
			])
				assert.ok(said.includes(hint), hint);
			assert.equal(await state("x2goweb-brokerd"), "active");
			assert.equal(await state("x2goweb-fcgi.socket"), "active");
			assert.equal(await state("x2goweb-fcgi"), "inactive");
			assert.equal(await container.ok("systemctl --failed --no-legend"), "");
			for (const unit of ["x2goweb-brokerd.service", "x2goweb-fcgi.socket"])
				assert.equal(await container.ok(`systemctl is-enabled ${unit}`), "enabled");
			const warned = await container.ok(
				"journalctl -q -p warning -o cat -t x2goweb-brokerd -t x2goweb-fcgi",
			);
			assert.match(warned, /^configuration: there is no \[server NAME\] section[^\n]*$/);
		});

		test("systemd finds little to say of the units", async () => {
			await documented.run(
				"docs/security.md",
				"What each process can do when it is taken over",
			);
			for (const [unit, exposure] of Object.entries(EXPOSURE))
				await container.ok(
					`systemd-analyze security --no-pager --threshold=${exposure} ${unit}`,
				);
			await container.ok(
				"systemd-analyze verify --man=no x2goweb-brokerd.service x2goweb-fcgi.service",
			);
		});

		test("four commands of README later a user works", async () => {
			const [office] = blocksOf(README, QUICK, "ini");
			await append(CONFIG, office);
			await documented.run(README, QUICK);
			const { resumed, bytes } = await container.visit();
			assert.equal(resumed, false);
			assert.ok(bytes > 1000);
			// The responder was started by its socket.
			assert.equal(await state("x2goweb-fcgi"), "active");
		});

		test("the journal explains itself", async () => {
			assert.match(
				await container.ok("journalctl -x -q --no-pager -t x2goweb-brokerd"),
				/Subject: The X2Go web gateway takes logins$/m,
			);
		});

		test("only the broker's three capabilities are left, and the web server's user's none", async () => {
			const pid = await container.show("x2goweb-brokerd", "MainPID");
			const status = await container.ok(`cat /proc/${pid}/status`);
			assert.match(status, /^CapEff:\s+00000000000400c0$/m);
			assert.match(status, /^CapBnd:\s+00000000000400c0$/m);
			assert.match(status, /^Seccomp:\s+2$/m);
			const responder = await container.show("x2goweb-fcgi", "MainPID");
			assert.match(await container.ok(`cat /proc/${responder}/status`), /^CapBnd:\s+0+$/m);
		});

		test("the guide's and the manual pages' way of setting up works", async () => {
			await documented.run(GUIDE, "Install");
			await documented.run(GUIDE, "TLS and the web server");
			await documented.run("docs/security.md", "How to report");
			await documented.run("x2goweb-web.8");
			// A drop-in for each of the units, as the page beside it has it.
			await container.ok(
				`printf '#!/bin/bash\\ncp /root/drop-in "\${@: -1}"\\n' >/root/editor && chmod 755 /root/editor`,
			);
			const [limits] = blocksOf(GUIDE, "Sizing", "text");
			await append("/root/drop-in", limits);
			await documented.run(GUIDE, "Sizing");
			assert.equal(await container.show("x2goweb-brokerd", "LimitNOFILE"), "8192");
			const [origin] = read("packaging/man/x2goweb-fcgi.8").match(
				/^\[Service\]\n[\s\S]*?(?=\.Ed)/m,
			) ?? [""];
			await container.ok("rm /root/drop-in");
			await append("/root/drop-in", origin);
			await documented.run("x2goweb-fcgi.8");
			assert.match(await container.show("x2goweb-fcgi", "ExecStart"), / --origin /);
			await container.ok("systemctl revert x2goweb-brokerd x2goweb-fcgi");
		});

		test("host keys, also behind a jump host", async () => {
			await documented.run("brokerctl.8", EXAMPLES, /hostkey (?!.*--file)/);
			await append(CONFIG, blocksOf(GUIDE, "Jump hosts", "ini")[0]);
			await container.ok("echo 127.0.0.1 gate.example.org >>/etc/hosts");
			await container.onServer("echo 192.0.2.22 x2go.internal >>/etc/hosts");
			await container.ok(`${INSTALL} openssh-client && mkdir -p -m 700 /root/.ssh`);
			await append("/root/.ssh/gate", await container.clientKey());
			await container.ok("chmod 600 /root/.ssh/gate");
			await append("/root/.ssh/config", GATE);
			await documented.run(GUIDE, "Jump hosts");
			await documented.run("brokerctl.8", EXAMPLES, /^ssh /);
			await documented.run(GUIDE, "Second factors, keys, expired passwords");
			await container.ok(
				"setpriv --reuid x2goweb --regid x2goweb --clear-groups test -r /etc/x2goweb/office_key",
			);
			// A purge would leave what the admin has made.
			await container.ok("rm /etc/x2goweb/office_key /etc/x2goweb/office_key.pub");
			await container.ok("systemctl reload x2goweb-brokerd");
		});

		test("an admin's day goes as the guide has it", async () => {
			const DAY = "From day to day";
			await documented.run("brokerctl.8", EXAMPLES, /^brokerctl trace/);
			await container.visit({}, async () => {
				await assert.rejects(
					container.visit({ user: "bob", password: "builder" }, () =>
						documented.run(GUIDE, DAY, /^brokerctl (status|list|show|trace|kill) ?/),
					),
					/the visit ended with/,
				);
				await documented.run(GUIDE, DAY, /^brokerctl message/);
			});
			await documented.followed(/\d\.\d{3}s +\S/);
			await documented.run(GUIDE, DAY);
			await documented.run("brokerctl.8", EXAMPLES, /^brokerctl drain/);
			await container.ok("brokerctl undrain");
			const seen = await documented.run(GUIDE, "Watching it");
			assert.match(seen, /^x2goweb_logins_opened_total [1-9]/m);
			await documented.run(GUIDE, "When something fails");
			await documented.run("x2goweb.conf.5");
		});

		test("what is backed up is there again", async () => {
			await documented.run(GUIDE, "Backup", / -czf /);
			await container.ok("rm -r /etc/x2goweb/known_hosts /etc/x2goweb/x2goweb.conf");
			await documented.run(GUIDE, "Backup");
			assert.equal((await container.visit()).resumed, true);
		});

		test("what does not fit is refused with a hint, and nothing is changed", async () => {
			await container.ok(
				"mkdir /root/put-aside && mv /etc/x2goweb/nginx.conf /root/put-aside/",
			);
			await container.ok("x2goweb-web --remove nginx");
			const { status, stderr } = await container.exec("x2goweb-web nginx");
			assert.equal(status, 1);
			assert.match(stderr, /there is no \/etc\/x2goweb\/nginx\.conf/);
			await container.ok(
				"mv /root/put-aside/nginx.conf /etc/x2goweb/ && rmdir /root/put-aside",
			);
			await container.ok(
				"printf 'server {\\n\\tlisten 127.0.0.1:443 ssl;\\n}\\n' >/etc/nginx/conf.d/mine.conf",
			);
			const second = await container.exec("x2goweb-web nginx");
			assert.equal(second.status, 1);
			assert.match(
				second.stderr,
				/conf\.d\/mine\.conf.*include \/etc\/x2goweb\/nginx\.conf;/s,
			);
			await container.ok("rm /etc/nginx/conf.d/mine.conf && x2goweb-web nginx");
			assert.equal((await container.visit()).resumed, true);
		});

		test("a web server elsewhere comes by x2goweb-tls", async () => {
			const config = "/etc/x2goweb/x2goweb.conf /etc/x2goweb/nginx.conf";
			for (const step of [
				`cp -p ${config} /root`,
				"install -o x2goweb-tls -m 400 /etc/ssl/private/ssl-cert-snakeoil.key /etc/x2goweb/tls.key",
				`sed -i '/^\\[relay\\]/a tls_listen = 127.0.0.1\\ntls_key = /etc/x2goweb/tls.key\\n` +
					"tls_certificate = /etc/ssl/certs/ssl-cert-snakeoil.pem' /etc/x2goweb/x2goweb.conf",
				"sed -i 's|http://unix:/run/x2goweb/streams/.*|https://127.0.0.1:20443;|' /etc/x2goweb/nginx.conf",
			])
				await container.ok(step);
			await documented.run(GUIDE, "Two gateways, or a web server elsewhere");
			await container.ok("systemctl reload nginx");
			assert.equal((await container.visit()).resumed, true);
			await container.ok("systemctl disable --now x2goweb-tls && rm /etc/x2goweb/tls.key");
			await container.ok(
				"mv /root/x2goweb.conf /root/nginx.conf /etc/x2goweb && systemctl reload nginx",
			);
		});

		test("an upgrade keeps what the admin has written, and whoever is logged in", async () => {
			const socketSince = await container.show(
				"x2goweb-fcgi.socket",
				"ActiveEnterTimestampMonotonic",
			);
			const responder = await container.show("x2goweb-fcgi", "MainPID");
			const broker = await container.show("x2goweb-brokerd", "MainPID");
			const { resumed } = await container.visit({}, async () => {
				await container.ok(`cp ${debs}/newer.deb /root/x2goweb_1_all.deb`);
				const said = await documented.run(GUIDE, "Upgrade");
				assert.doesNotMatch(said, /Left to do|Configuration file/);
				// And without systemd's help: the same process, with the rights that it had.
				const next = await container.show("x2goweb-brokerd", "MainPID");
				await container.ok("brokerctl upgrade");
				assert.equal(await container.show("x2goweb-brokerd", "MainPID"), next);
				assert.match(
					await container.ok(`cat /proc/${next}/status`),
					/^CapEff:\s+00000000000400c0$/m,
				);
			});
			assert.equal(resumed, true);
			assert.notEqual(await container.show("x2goweb-brokerd", "MainPID"), broker);
			assert.match(
				await container.ok("dpkg-query -W -f '${Status} ${Version}' x2goweb"),
				/^install ok installed .*\+next$/,
			);
			await container.ok("grep -q 'address = x2go.example.org' /etc/x2goweb/x2goweb.conf");
			await container.ok("grep -q '^# newer' /etc/x2goweb/nginx.conf");
			assert.equal(await state("x2goweb-brokerd"), "active");
			assert.notEqual(await container.show("x2goweb-fcgi", "MainPID"), responder);
			assert.equal(
				await container.show("x2goweb-fcgi.socket", "ActiveEnterTimestampMonotonic"),
				socketSince,
				"the socket stayed",
			);
			assert.equal((await container.visit()).resumed, true);
		});

		test("removal leaves the web server without it, the configuration and nothing else", async () => {
			await container.ok("apt-get remove --yes x2goweb");
			await container.ok("nginx -q -t");
			assert.equal(await state("nginx"), "active");
			assert.notEqual(
				(await container.exec("ls /etc/nginx/sites-enabled/x2goweb")).status,
				0,
			);
			assert.equal(await state("x2goweb-brokerd"), "inactive");
			assert.equal(await state("x2goweb-fcgi.socket"), "inactive");
			await eventually(
				async () =>
					(await container.exec("grep -l x2goweb /proc/[0-9]*/comm")).status !== 0,
				"no process of it is left",
			);
			await container.ok(
				"test -e /etc/x2goweb/known_hosts && test -e /etc/x2goweb/x2goweb.conf",
			);
		});

		test("installed again it works as before, by one command", async () => {
			await container.ok(`${INSTALL} ${debs}/newer.deb`);
			await container.ok("x2goweb-web nginx");
			assert.equal((await container.visit()).resumed, true);
		});

		for (const { server, last, steps } of OTHERS)
			test(`${server} does as well, by one command`, async () => {
				await container.ok(
					`x2goweb-web --remove ${last} && systemctl disable --now ${last}`,
				);
				for (const step of steps) await container.ok(step);
				await container.ok(`x2goweb-web ${server}`);
				assert.equal((await container.visit()).resumed, true);
			});

		test("there is no other command in the documents", () => {
			assert.deepEqual(documented.left, []);
		});

		test("a purge leaves nothing", async () => {
			await container.ok("apt-get purge --yes x2goweb");
			await container.ok("nginx -q -t");
			assert.equal(await files(), "");
			assert.equal(await container.ok("systemctl --failed --no-legend"), "");
			// But the user's number, which nobody else should get.
			await container.ok("getent passwd x2goweb");
		});
	});
