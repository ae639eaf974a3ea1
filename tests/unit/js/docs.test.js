// SPDX-License-Identifier: ISC
/**
 * README, the pages in docs/ and manual pages say what is true: their commands are run, or, where
 * that takes a gateway, a person or another machine, are shown to be understood
 * (tests/nightly/packages.test.mjs has all that for those of README, the guide, the security page and
 * the manual pages); configuration, files, units, fields, codes, figures and links that they name are
 * there.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import {
	anchors,
	build,
	commandsOf,
	commandsOfManual,
	filesLike,
	helpOptions,
	links,
	literals,
	manualOptions,
	read,
	readPage,
	root,
} from "./docs_text.js";

const pages = ["README.md", ...filesLike("docs/*.md")].map(readPage);
const readme = pageNamed("README.md");
const guide = pageNamed("docs/guide.md");
const scratch = mkdtempSync(path.join(tmpdir(), "x2goweb-docs-"));
/** What the package installs, under this folder. */
const installed = path.join(scratch, "installed");
const config = path.join(scratch, "x2goweb.conf");
/** A host that answers at once, that it does not listen. */
const CLOSED = "address = 127.0.0.1\nport = 1\n";
const IDS = "\n[broker]\nuser = 64200\ngroup = 64200\nweb_users = 0\nweb_group = 0\n";

const makefile = read("Makefile");
const keys = [
	...read("brokerd/config_keys.c").matchAll(/^\t\{"(\w+)", "(\w+)", CONFIG_KIND/gm),
].map(([, section, name]) => ({ section, name }));
const codes = [...read("proto/errors.def").matchAll(/^ERROR\(\w+, \d+, "(\w+)"/gm)].map(
	([, code]) => code,
);
const units = readdirSync(path.join(root, "packaging/systemd"));

before(() => {
	writeFileSync(config, `[server office]\n${CLOSED}\n[jump gate]\n${CLOSED}`);
	// What is built stays as it is: PREFIX is that of the package.
	const make = ["-s", "-C", root, "-o", "all", "install", `BUILD=${build}`, "PREFIX=/usr"];
	execFileSync("make", [...make, `DESTDIR=${installed}`], {
		stdio: ["ignore", "ignore", "pipe"],
	});
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** @param {string} name */
function pageNamed(name) {
	const page = pages.find((one) => one.name === name);
	assert.ok(page, name);
	return page;
}

/** @param {string} program @param {string[]} args */
function run(program, args) {
	const { status, stdout, stderr, error } = spawnSync(program, args, {
		cwd: scratch,
		input: "",
		encoding: "utf8",
		timeout: 20000,
	});
	return { status, text: `${stdout ?? ""}${stderr ?? ""}${error ?? ""}`, there: !error };
}

/** @param {string} name */
const ours = (name) =>
	name === "x2goweb-web" ? path.join(root, "packaging", name) : path.join(build, "bin", name);

/** @param {string} name @param {string[]} args */
function help(name, ...args) {
	const { status, text } = run(ours(name), [...args, "--help"]);
	assert.equal(status, 0, `${name} ${args.join(" ")} --help: ${text}`);
	return text;
}

/** @param {string} name */
const manual = (name) => {
	const [page] = filesLike(`packaging/man/${name}.[1-8]`);
	assert.ok(page, `there is no manual page of ${name}`);
	return read(page);
};

/** Of a program that is not ours, if it is there: its help has these words. */
function assertForeign(/** @type {string} */ program, /** @type {string[]} */ words) {
	const { text, there } = run(program, ["--help"]);
	if (there)
		for (const word of words) assert.ok(text.includes(word), `${program} has no ${word}`);
}

/** @param {string} name with a star at its end: of several */
const assertUnit = (name) =>
	assert.ok(
		name.endsWith("*")
			? units.some((unit) => unit.startsWith(name.slice(0, -1)))
			: units.includes(name.includes(".") ? name : `${name}.service`),
		`there is no unit ${name}`,
	);

/** Debian packages: ours, or one that something here needs or tests. */
function assertPackage(/** @type {string} */ name) {
	const tested = `${makefile}${read("packaging/debian/control")}${read("tests/x2gohost/recipe/packages")}`;
	if (/^\.\/(build\/)?x2goweb_\*\.deb$/.test(name)) assert.match(makefile, /^deb:/m);
	else assert.match(tested, new RegExp(`(^|[\\s,])${name}($|[\\s,])`, "m"), name);
}

/** Files that a command names are in the scratch folder instead. */
const moved = (/** @type {string} */ word) =>
	word === "/" ? installed : word.replace(/^\/etc\/(?=x2goweb)/, `${installed}/etc/`);

/** @type {Record<string, (args: string[], whole: boolean) => void>} */
const proofs = {
	make(words) {
		for (const word of words) {
			const [name, value] = word.split("=");
			const pattern = value ? `\\$\\(${name}\\)` : `^${name}:`;
			assert.match(makefile, new RegExp(pattern, "m"), word);
		}
	},
	apt([verb, ...names]) {
		assert.ok(["install", "show"].includes(verb), verb);
		names.forEach(assertPackage);
	},
	brokerctl([command, ...rest], whole) {
		if (command.startsWith("-")) return assertOwn("brokerctl", [command]);
		const about = `brokerctl ${[command, ...rest].join(" ")}`;
		assert.match(help("brokerctl"), new RegExp(`^  ${command}\\b`, "m"), about);
		assert.match(
			manual("brokerctl"),
			new RegExp(`^\\.It Cm .*\\b${command}\\b|^\\.Cm ${command}\\b`, "m"),
		);
		// The doctor would visit all that it is told of.
		if (!whole || command === "doctor")
			return assertOwn(
				"brokerctl",
				rest.filter((word) => word.startsWith("--")),
			);
		// Nobody listens there, so it gets as far as its words are understood, and no further.
		const args =
			command === "hostkey"
				? [command, "-c", config, ...rest]
				: ["-c", config, "-s", `${scratch}/nobody`, command, ...rest];
		const { status, text } = run(ours("brokerctl"), args);
		assert.ok(status !== null && status !== 2, `${about}: ${text}`);
	},
	"x2goweb-brokerd"(args) {
		const { status, text } = run(ours("x2goweb-brokerd"), ["-c", checked(""), ...args]);
		assert.equal(status, 0, text);
	},
	"x2goweb-fcgi": (args) => assertOwn("x2goweb-fcgi", args),
	"x2goweb-web"(args) {
		for (const word of args)
			assert.match(help("x2goweb-web"), new RegExp(`(^|[\\s|])${word}\\b`), word);
	},
	systemctl([verb, ...names]) {
		const verbs = ["daemon-reload", "edit", "enable", "reload", "restart", "status", "stop"];
		assert.ok(verbs.includes(verb), verb);
		assertForeign("systemctl", [verb]);
		for (const name of names.filter((word) => word !== "--now" && word !== "nginx")) {
			assertUnit(name);
			if (verb === "reload")
				assert.match(read(`packaging/systemd/${name}.service`), /^ExecReload=/m);
		}
	},
	journalctl(args) {
		const fields = read("docs/journal.md");
		for (const [at, word] of args.entries()) {
			const [name, value] = word.split("=");
			if (args[at - 1] === "-u") assertUnit(word);
			else if (name.startsWith("-")) assertForeign("journalctl", [name]);
			else if (value !== undefined) assert.ok(fields.includes(`\`${name}\``), word);
			if (name === "X2GOWEB_EVENT")
				assert.match(read("proto/events.def"), new RegExp(`^EVENT\\(${value},`, "m"));
			if (name === "X2GOWEB_ERROR") assert.ok(codes.includes(value), word);
		}
		// Asked of an empty journal, which has nothing for patterns, and not followed for ever.
		const question = args
			.filter((word) => word !== "-f")
			.map((word) => word.replace("*", "brokerd"));
		const { status, text, there } = run("journalctl", ["-D", scratch, ...question]);
		assert.ok(!there || status === 0, `journalctl ${args.join(" ")}: ${text}`);
	},
	"systemd-analyze"([verb, ...names]) {
		assertForeign("systemd-analyze", [verb]);
		names.forEach(assertUnit);
	},
	"systemd-sysusers": () =>
		assert.match(read("packaging/sysusers.d/x2goweb.conf"), /^u x2goweb /m),
	"systemd-tmpfiles": (args) => assertForeign("systemd-tmpfiles", args),
	nginx: (args) => assert.deepEqual(args, ["-t"]),
	"ssh-keygen"(args) {
		// The server's own key is on the server.
		const shown = args[0] === "-lf" ? ["-lf", `${installed}/etc/x2goweb/office_key.pub`] : args;
		if (args[0] === "-lf" && !existsSync(shown[1])) proofs["ssh-keygen"](generate, true);
		rmSync(args[0] === "-t" ? moved(args[args.length - 1]) : `${scratch}/none`, {
			force: true,
		});
		const { status, text } = run("ssh-keygen", shown.map(moved));
		assert.equal(status, 0, text);
	},
	ssh: ([, command]) => assert.equal(command, "ssh-keyscan"),
	chown([owner, file]) {
		assert.equal(owner, "root:x2goweb");
		assert.ok(existsSync(moved(file)), file);
	},
	chmod(args) {
		assert.equal(run("chmod", args.map(moved)).status, 0);
	},
	tar(args) {
		mkdirSync(`${installed}/var/lib/x2goweb`, { recursive: true });
		const { status, text } = run("tar", args.map(moved));
		assert.equal(status, 0, text);
	},
};
const generate = ["-t", "ed25519", "-N", "", "-f", "/etc/x2goweb/office_key"];
const OURS = [
	"brokerctl",
	"x2goweb-brokerd",
	"x2goweb-web",
	"x2goweb-fcgi",
	"systemctl",
	"journalctl",
	"make",
];

/** @param {string} program @param {string[]} args */
function assertOwn(program, args) {
	const text = help(program);
	for (const word of args) assert.ok(text.includes(word), `${program} ${word}`);
}

/** A configuration that the broker's own ids are added to; those of an installation are not here. */
function checked(/** @type {string} */ text) {
	const file = path.join(scratch, "block.conf");
	writeFileSync(file, text + IDS);
	return file;
}

/** @param {import("./docs_text.js").Command[]} commands */
function prove(commands) {
	for (const { words, whole } of commands) {
		const [program, ...args] = words;
		if (args.length === 0 && OURS.includes(program)) continue;
		assert.ok(proofs[program], `nobody proves ${program}`);
		proofs[program](args, whole);
	}
}

for (const page of pages)
	test(`every command of ${page.name} is one`, () => {
		const commands = commandsOf(page, OURS);
		if (["README.md", "docs/guide.md", "docs/security.md"].includes(page.name))
			assert.ok(commands.length > 5);
		prove(commands);
	});

test("every command of the manual pages' examples is one", () => {
	const commands = filesLike("packaging/man").flatMap((name) =>
		commandsOfManual(read(name), Object.keys(proofs)),
	);
	assert.ok(commands.length > 7);
	prove(commands);
});

test("each piece of configuration is accepted", () => {
	const blocks = pages.flatMap(({ blocks }) =>
		blocks.filter(({ language }) => language === "ini"),
	);
	assert.ok(blocks.length > 5);
	for (const { text } of blocks) {
		const { status, text: said } = run(ours("x2goweb-brokerd"), [
			"--check",
			"-c",
			checked(text),
		]);
		assert.equal(status, 0, `${text}: ${said}`);
	}
	const wrong = run(ours("x2goweb-brokerd"), ["--check", "-c", checked("[web]\nkisok = yes\n")]);
	assert.notEqual(wrong.status, 0);
});

test("sshd knows the words that its servers are told", () => {
	// Of versions that are newer than some sshd that is tested with.
	const newer = ["persourcepenaltyexemptlist"];
	const sshd = execFileSync("cat", ["/usr/sbin/sshd"], { maxBuffer: 1 << 26 }).toString("latin1");
	const lines = guide.blocks
		.filter(({ language }) => language === "sshd")
		.map(({ text }) => text);
	assert.ok(lines.length > 2);
	for (const line of lines.join("").trim().split("\n")) {
		const word = line.split(" ")[0].toLowerCase();
		assert.ok(newer.includes(word) || sshd.includes(`${word}\0`), line);
	}
});

test("nginx accepts what goes into a server block", () => {
	const blocks = guide.blocks.filter(({ language }) => language === "nginx");
	assert.ok(blocks.length > 1);
	const lines = blocks
		.map(({ text }) => text)
		.join("")
		.replace("/etc/x2goweb/nginx.conf", `${installed}/etc/x2goweb/nginx.conf`);
	const file = path.join(scratch, "nginx.conf");
	writeFileSync(
		file,
		`pid ${scratch}/nginx.pid; error_log stderr; events {} http { access_log off;
		client_body_temp_path ${scratch}/a; proxy_temp_path ${scratch}/b; fastcgi_temp_path ${scratch}/c;
		uwsgi_temp_path ${scratch}/d; scgi_temp_path ${scratch}/e;
		server { listen unix:${scratch}/nginx.sock; ${lines} } }`,
	);
	const { status, text } = run("nginx", ["-t", "-c", file, "-p", scratch]);
	assert.equal(status, 0, text);
});

test("every key of the configuration that is named exists", () => {
	let named = 0;
	for (const page of pages)
		for (const text of literals(page)) {
			const match = text.match(/^\[(\w+)(?: NAME)?\](?: (\w+))?/);
			if (!match) continue;
			const [, section, name] = match;
			assert.ok(
				keys.some((key) => key.section === section && (!name || key.name === name)),
				text,
			);
			named++;
		}
	assert.ok(named > 20);
});

test("every file that is named is in the package, or made by what is", () => {
	const made = [
		...[...read("brokerd/config_keys.c").matchAll(/"(\/[\w./]+)", (?:true|false)\}/g)].map(
			([, file]) => file,
		),
		"/run/x2goweb/broker.sock",
		"/run/x2goweb/control.sock",
		"/run/x2goweb/streams",
		"/etc/x2goweb",
	];
	for (const page of pages)
		for (const text of literals(page)) {
			const [word] = text.split(" ");
			if (/^(tests|docs|packaging|proto|brokerd|fcgi|www)\//.test(word))
				assert.ok(
					existsSync(path.join(root, word)) ||
						filesLike(word.replace(/<\w+>/, "*")).length > 0,
					`${page.name}: ${word}`,
				);
			if (!/^\/(etc|usr|run|var\/lib)\/(.*\/)?x2goweb/.test(word)) continue;
			assert.ok(
				made.includes(word) || existsSync(path.join(installed, word)),
				`${page.name}: ${word}`,
			);
		}
});

test("every code of an error that is named exists", () => {
	const begin = guide.prose.indexOf("| what users say | codes |");
	const rows = guide.prose.slice(begin).split("\n\n")[0].split("\n").slice(2);
	assert.ok(rows.length > 15);
	for (const row of rows)
		for (const [, code] of row.split(" | ")[1].matchAll(/`(\w+)`/g))
			assert.ok(codes.includes(code), code);
	const fields = read("docs/journal.md");
	const variables = manual("x2goweb-fcgi");
	for (const page of pages)
		for (const [, name] of page.prose.matchAll(/`(X2GOWEB_\w+)`/g))
			assert.ok(
				fields.includes(`\`${name}\``) || variables.includes(`.It Ev ${name}\n`),
				name,
			);
});

test("options that are named with their manual page stand in it", () => {
	for (const { name, prose } of pages) {
		for (const [, option, page] of prose.matchAll(/`(--[a-z-]+)` in ([\w.-]+)\(\d\)/g))
			assert.ok(manualOptions(manual(page)).includes(option), `${name}: ${option}`);
		for (const [, page, section] of prose.matchAll(/\b((?:x2goweb|brokerctl)[\w.-]*)\((\d)\)/g))
			assert.ok(
				existsSync(path.join(root, `packaging/man/${page}.${section}`)),
				`${name}: ${page}(${section})`,
			);
	}
});

test("every link between our pages leads somewhere", () => {
	const all = filesLike("*.md").map(readPage);
	let count = 0;
	for (const page of all)
		for (const target of links(page).filter((link) => !/^\w+:/.test(link))) {
			const [file, anchor] = target.split("#");
			const name = path.normalize(
				file ? path.join(path.dirname(page.name), file) : page.name,
			);
			assert.ok(existsSync(path.join(root, name)), `${page.name}: ${target}`);
			if (anchor)
				assert.ok(anchors(readPage(name)).includes(anchor), `${page.name}: ${target}`);
			count++;
		}
	assert.ok(count > 12);
});

test("README has two pages at the most", () => {
	assert.ok(read(readme.name).split("\n").length < 110);
});

test("the guide's figures are those of the bench, rounded", () => {
	const bench = read("docs/bench.md");
	const unit = /** @type {Record<string, number>} */ ({ MiB: 1, "s/GiB": 1, ms: 1000, µs: 1 });
	for (const [row, pattern, scale] of /** @type {[string, RegExp, number][]} */ ([
		["private_memory_idle", /\| memory of a login \| ([\d.]+) MiB/, 1],
		["cpu_per_gib", /\| processor \| ([\d.]+) s for each GiB/, 1],
		["cpu_documented", /with nginx and TLS ([\d.]+) s/, 1],
		["latency_p50", /\| delay \| ([\d.]+) ms/, 1000],
	])) {
		const measured = bench.match(
			new RegExp(`^\\| \`${row}\`[^|\\n]*\\| ([\\d.]+) ([^ |]+) \\|`, "m"),
		);
		const said = guide.prose.match(pattern);
		assert.ok(measured && said, row);
		const ratio = (Number(said[1]) * scale) / (Number(measured[1]) * unit[measured[2]]);
		assert.ok(ratio > 0.6 && ratio < 1.7, `${row}: ${said[0]}, but ${measured[0]}`);
	}
});

for (const name of ["x2goweb-brokerd", "x2goweb-fcgi", "x2goweb-tls", "x2goweb-web", "brokerctl"])
	test(`the manual of ${name} has the options and commands that it has`, () => {
		const page = manual(name);
		const text =
			name === "brokerctl"
				? ["doctor", "hostkey"].reduce((all, own) => all + help(name, own), help(name))
				: help(name);
		const known = helpOptions(text).filter(
			(option) => option !== "--help" && option !== "--version",
		);
		for (const option of known)
			assert.ok(manualOptions(page).includes(option), `${name}.8 does not tell of ${option}`);
		for (const option of manualOptions(page).filter(
			(word) => word !== "--help" && word !== "--version",
		))
			assert.ok(known.includes(option), `${name} has no ${option}`);
		if (name !== "brokerctl") return;
		const table = [help(name), help(name, "hostkey")]
			.map((all) => all.split("\n\n")[1])
			.join("\n");
		for (const [, command] of table.matchAll(/^ {2}([a-z]+) /gm))
			assert.match(page, new RegExp(`^\\.(It|Nm|Ic)? ?Cm .*\\b${command}\\b`, "m"), command);
		for (const [, command] of page.matchAll(/^\.It Cm ([a-z]+)/gm))
			assert.match(text, new RegExp(`^ {2}${command}\\b`, "m"), command);
	});

test("x2goweb.conf(5) tells of each key, in its section, and of no other", () => {
	const page = read("packaging/man/x2goweb.conf.5");
	for (const [, section, body] of page.matchAll(
		/^\.Sh \[(\w+)(?: NAME)?\].*\n([\s\S]*?)(?=^\.Sh )/gm,
	)) {
		const own = keys.filter((key) => key.section === section).map(({ name }) => name);
		assert.ok(own.length > 0, section);
		const told = [...body.matchAll(/^\.It Ic .*$/gm)].flatMap(
			([line]) => line.match(/(?<=\bIc )\w+/g) ?? [],
		);
		for (const name of told) assert.ok(own.includes(name), `[${section}] ${name}`);
		for (const name of own)
			assert.match(body, new RegExp(`\\b${name}\\b`), `[${section}] ${name}`);
	}
	for (const { section } of keys) assert.match(page, new RegExp(`^\\.Sh \\[${section}`, "m"));
});

test("each unit names the manual page of its program", () => {
	for (const unit of units.filter((name) => name.endsWith(".service")))
		assert.match(
			read(`packaging/systemd/${unit}`),
			new RegExp(`^Documentation=man:${path.parse(unit).name}\\(8\\)`, "m"),
			unit,
		);
});

test("each program, and the protocols, have a manual page", () => {
	const others = ["x2goweb-web", "x2goweb.conf", "x2goweb-proto", "x2goweb-stream"];
	for (const name of [
		...(makefile.match(/^PROGRAMS := (.*)$/m)?.[1].split(" ") ?? []),
		...others,
	])
		assert.match(manual(name), /^\.Sh NAME\n\.Nm /m, name);
});
