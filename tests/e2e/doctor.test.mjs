// SPDX-License-Identifier: ISC
/**
 * `brokerctl doctor` on a healthy gateway and on broken ones: what is broken is found, nothing else,
 * and what to do is said.
 */
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { build, freePort, Process, run, Stack } from "./lib/stack.mjs";

/** @typedef {{area: string, check: string, verdict: "green" | "red" | "open", text: string, todo?: string}} Check */

const BROKERCTL = path.join(build, "bin/brokerctl");
const OTHER_KEY =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py";

const stack = new Stack();
const packagedNginx = stack.nginxText.bind(stack);

before(() => stack.start());
after(() => stack.stop());

/** @param {string[]} more options */
const options = (...more) => [
	...["doctor", "-c", stack.file("x2goweb.conf"), "--fcgi", stack.file("web/fcgi.sock")],
	...["--ca-file", stack.file("cert.pem"), ...more],
];

/**
 * What the doctor finds.
 * @param {string[]} words after the command
 * @returns {Promise<{status: number | null, checks: Check[], green: number, red: number, open: number}>}
 */
async function examine(...words) {
	const { status, stdout, stderr } = await run(BROKERCTL, words);
	try {
		return { status, ...JSON.parse(stdout) };
	} catch {
		throw new Error(`no JSON: status ${status}: ${stdout}${stderr}`);
	}
}

/** @param {{checks: Check[]}} report @param {string} check */
const findings = ({ checks }, check) => checks.filter((one) => one.check === check);

/** @param {{checks: Check[]}} report @param {string} check @param {Check["verdict"]} verdict @param {RegExp} text */
function assertFound(report, check, verdict, text) {
	const found = findings(report, check);
	assert.ok(
		found.some((one) => one.verdict === verdict && text.test(one.text)),
		`${check} is not ${verdict}: ${text}, but ${JSON.stringify(found)}`,
	);
}

/** Only these are red, and each says what to do. @param {Awaited<ReturnType<typeof examine>>} report @param {string[]} checks */
function assertRed(report, ...checks) {
	const red = report.checks.filter(({ verdict }) => verdict === "red");
	assert.deepEqual([...new Set(red.map(({ check }) => check))].sort(), checks.sort());
	for (const one of red) assert.ok(one.todo, `${one.check}: nothing to do`);
	assert.equal(report.red, red.length);
	assert.equal(report.status, checks.length ? 1 : 0);
}

/**
 * Does something while nginx has another configuration.
 * @param {(text: string) => string} change
 * @param {() => Promise<void>} action
 */
async function withNginx(change, action) {
	const before = await packagedNginx();
	assert.notEqual(change(before), before, "the configuration is not changed");
	const restart = async (/** @type {string} */ text) => {
		await stack.nginx?.stop();
		stack.nginxText = async () => text;
		await stack.startNginx();
	};
	await restart(change(before));
	try {
		await action();
	} finally {
		await restart(before);
	}
}

/**
 * Does something while the broker has other keys in its configuration.
 * @param {import("./lib/stack.mjs").Sections} config
 * @param {() => Promise<void>} action
 */
async function withConfig(config, action) {
	stack.options.config = config;
	await stack.broker?.stop();
	await stack.startBroker();
	try {
		await action();
	} finally {
		stack.options.config = undefined;
		await stack.broker?.stop();
		await stack.startBroker();
	}
}

test("a healthy gateway: all in order, for programs and for people", async () => {
	const report = await examine(...options("--json", stack.url));
	assertRed(report);
	for (const check of [
		...["file", "descriptors", "uids", "subuids", "ports", "listeners", "control", "version"],
		...["socket", "name", "certificate-expiry", "certificate-chain", "certificate-name", "tls"],
		...["page", "csp", "headers", "script", "calls", "origin", "upgrade", "nobody", "outside"],
		...["dns", "tcp", "ssh", "host-key"],
	]) {
		const found = findings(report, check);
		assert.ok(found.length > 0, `${check} is not looked at`);
		for (const one of found) assert.equal(one.verdict, "green", JSON.stringify(one));
	}
	assert.equal(findings(report, "outside").length, 3);
	assert.equal(report.green + report.open, report.checks.length);

	const { status, stdout } = await run(BROKERCTL, options(stack.url));
	assert.equal(status, 0);
	assert.match(stdout, /^Configuration \//);
	assert.match(stdout, /\n {2}ok {3}upgrade: a WebSocket passes both ways, to port 20\d\d\d\n/);
	assert.match(stdout, new RegExp(`\n${report.green} in order, 0 to be mended, `));
});

test("streams by sockets of their own are looked at as well", async () => {
	stack.options.listen = "unix";
	const sockets = await packagedNginx();
	stack.options.listen = undefined;
	await withNginx(
		() => sockets,
		() =>
			withConfig({ relay: { listen: "unix" }, web: { url: stack.url } }, async () => {
				const report = await examine(...options("--json"));
				assertRed(report);
				assertFound(report, "upgrade", "green", /to a socket in \/.*\/streams$/);
				assertFound(report, "nobody", "green", /answers 502/);
			}),
	);
});

/** What the doctor says when somebody types this as the password. @param {string} answer */
async function examineWithLogin(answer) {
	const words = options("--json", "--login", "alice@demo", stack.url);
	const terminal = new Process(
		"script",
		"script",
		["-qec", [BROKERCTL, ...words].join(" "), "/dev/null"],
		{ stdio: ["pipe", "pipe", "pipe"] },
	);
	await terminal.waitFor(/assword: $/);
	terminal.child.stdin?.write(`${answer}\n`);
	const { code } = await terminal.ended;
	assert.doesNotMatch(terminal.log, new RegExp(answer));
	const json = terminal.log.slice(terminal.log.indexOf("{"), terminal.log.lastIndexOf("}") + 1);
	// The question stands within, where it was asked.
	const question = /\(alice@127\.0\.0\.1\) Password: \r?\n|alice@127\.0\.0\.1's password: \r?\n/;
	return { status: code, ...JSON.parse(json.replace(question, "")) };
}

test("--login tells what is installed on the server", async () => {
	const report = await examineWithLogin("wonderland");
	assertRed(report);
	assertFound(report, "login", "green", /alice/);
	assertFound(report, "x2go", "green", /^x2goserver \d/);
	assertFound(report, "kdrive", "green", /x2gokdrive \d.*xserver-x2gokdrive \d/);
	assertFound(report, "sessions", "green", /listed/);
	assertFound(report, "clock", "green", /same/);

	const wrong = await examineWithLogin("looking-glass");
	assertRed(wrong, "login");
	assertFound(wrong, "login", "red", /alice may not log in/);
});

test("broken: no KDrive on the server", async () => {
	await stack.onHost("root", "chmod a-x /usr/bin/x2gokdrive");
	try {
		const report = await examineWithLogin("wonderland");
		assertRed(report, "kdrive");
		assertFound(report, "kdrive", "red", /no \/usr\/bin\/x2gokdrive/);
	} finally {
		await stack.onHost("root", "chmod a+x /usr/bin/x2gokdrive");
	}
});

test("--login without a terminal asks nobody and waits for nobody", async () => {
	const { status, stdout } = await run("setsid", [
		...["-w", BROKERCTL],
		...options("--json", "--login", "alice@demo", stack.url),
	]);
	const report = { status, ...JSON.parse(stdout) };
	assertRed(report);
	assertFound(report, "login", "open", /no terminal/);
});

test("broken: the broker does not run", async () => {
	await stack.broker?.stop();
	try {
		const report = await examine(...options("--json", stack.url));
		assertRed(report, "control", "socket", "calls");
		assertFound(report, "control", "red", /control\.sock: No such file|Connection refused/);
		assertFound(report, "socket", "red", /does not reach the broker/);
		assertFound(report, "calls", "red", /broker_unavailable/);
	} finally {
		await stack.startBroker();
	}
});

test("broken: the web server leads to every port of the machine", async () => {
	const anyPort = (/** @type {string} */ text) =>
		text.replace('"^/x2gows/(20[0-4][0-9][0-9])$"', '"^/x2gows/([0-9]+)$"');
	await withNginx(anyPort, async () => {
		const report = await examine(...options("--json", stack.url));
		assertRed(report, "outside");
		assert.equal(findings(report, "outside").filter((one) => one.verdict === "red").length, 3);
		assertFound(report, "upgrade", "green", /both ways/);
	});
});

test("broken: the web server takes the upgrade out, or has no location for streams", async () => {
	const plain = (/** @type {string} */ text) =>
		text.replaceAll(/proxy_set_header (Upgrade|Connection) [^;]*;/g, "");
	await withNginx(plain, async () => {
		const report = await examine(...options("--json", stack.url));
		assertRed(report, "upgrade");
		assertFound(report, "upgrade", "red", /takes Upgrade and Connection out/);
	});
	await withNginx(
		(text) => text.replaceAll("/x2gows/", "/elsewhere/"),
		async () => {
			const report = await examine(...options("--json", stack.url));
			assertRed(report, "upgrade", "nobody");
			assertFound(report, "upgrade", "red", /does not arrive: the web server answers 404/);
		},
	);
});

test("broken: headers are missing, and calls do not say where they come from", async () => {
	const careless = (/** @type {string} */ text) =>
		text
			.replaceAll(/add_header (Content-Security-Policy|Referrer-Policy) "[^"]*" always;/g, "")
			.replaceAll(
				/fastcgi_param REQUEST_SCHEME [^;]*;/g,
				"fastcgi_param REQUEST_SCHEME http;",
			);
	await withNginx(careless, async () => {
		const report = await examine(...options("--json", stack.url));
		assertRed(report, "csp", "headers", "origin");
		assertFound(report, "headers", "red", /without Referrer-Policy: no-referrer$/);
		assertFound(report, "origin", "red", /nobody can log in/);
	});
});

test("broken: a certificate of another name, of nobody, that expires soon; an old TLS", async () => {
	const { status } = await run("openssl", [
		...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "5", "-subj", "/CN=other"],
		...["-addext", "subjectAltName=DNS:other.example.org"],
		...["-keyout", stack.file("other-key.pem"), "-out", stack.file("other-cert.pem")],
	]);
	assert.equal(status, 0);
	const other = (/** @type {string} */ text) =>
		text
			.replace(stack.file("cert.pem"), stack.file("other-cert.pem"))
			.replace(stack.file("key.pem"), stack.file("other-key.pem"))
			.replace(
				"server_name localhost;",
				"server_name localhost; ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers DEFAULT@SECLEVEL=0;",
			);
	await withNginx(other, async () => {
		const report = await examine(...options("--json", stack.url));
		assertRed(report, "certificate-name", "certificate-chain", "certificate-expiry", "tls");
		assertFound(report, "certificate-expiry", "red", /in [45] days$/);
		assertFound(report, "tls", "red", /1\.0 or 1\.1/);
		assertFound(report, "page", "green", /there/);
	});
});

test("broken: servers without a known key, with another one, silent, closed or unheard of", async () => {
	const silent = net.createServer(() => {});
	await new Promise((resolve) => silent.listen(0, "127.0.0.1", () => resolve(undefined)));
	const { port } = /** @type {net.AddressInfo} */ (silent.address());
	const servers = {
		"server silent": { address: "127.0.0.1", port: String(port) },
		"server closed": { address: "127.0.0.1", port: String(await freePort()) },
		"server unheard": { address: "no-such-host.invalid" },
		"server unknown": { address: "localhost", port: String(stack.sshPort) },
	};
	const name = `[127.0.0.1]:${stack.sshPort}`;
	try {
		await withConfig(servers, () =>
			stack.withKnownHosts(`${name} ${OTHER_KEY}\n`, async () => {
				const begun = Date.now();
				const report = await examine(...options("--json", stack.url));
				assert.ok(Date.now() - begun < 60000);
				assertRed(report, "ssh", "tcp", "dns", "host-key");
				assertFound(report, "ssh", "red", /says nothing for 10 seconds/);
				assertFound(report, "tcp", "red", /Connection refused/);
				assertFound(report, "dns", "red", /no-such-host\.invalid/);
				assertFound(report, "host-key", "red", /on file is SHA256:/);
				assertFound(report, "host-key", "red", /nobody can log in/);
				for (const one of findings(report, "host-key"))
					assert.match(one.todo ?? "", /brokerctl hostkey (remove demo|add unknown)/);
			}),
		);
	} finally {
		silent.close();
	}
});

test("broken: the configuration, and what it says of this machine", async () => {
	const file = stack.file("broken.conf");
	const good = await readFile(stack.file("x2goweb.conf"), "utf8");
	await cp(stack.file("x2goweb.conf"), file);
	await writeFile(file, `${good}\n[limits]\nlogins = many\n`);
	const wrong = await examine(
		...options("--json", "-c", file, "-s", stack.file("run/control.sock")),
	);
	assertRed(wrong, "file");
	assertFound(wrong, "file", "red", /broken\.conf:\d+: \[limits\] logins: /);
	assertFound(wrong, "control", "green", /answers/);

	await writeFile(
		file,
		`${good.replace(/uids = .*/, "uids = 61100-61300")}\n[relay]\nports = 32700-32899\n[limits]\nlogins = 10000\n`,
	);
	const greedy = await examine(...options("--json", "-c", file));
	const limits = await readFile(`/proc/${stack.broker?.pid}/limits`, "utf8");
	const descriptors = Number(limits.match(/^Max open files +(\d+)/m)?.[1]);
	const needed = 2 * 128 + 6 * 10000 + 64;
	assertRed(greedy, "uids", "ports", ...(descriptors < needed ? ["descriptors"] : []));
	assert.match(
		findings(greedy, "descriptors")[0].text,
		new RegExp(`^${descriptors} .*${needed}$`),
	);
	assertFound(greedy, "uids", "red", /DynamicUser/);
	assertFound(greedy, "ports", "red", /are 200, but \[limits\] logins 10000/);
});

test("wrong usage", async () => {
	for (const words of [
		["http://localhost/x2go/"],
		["localhost"],
		["https://"],
		["https://user@localhost/x2go/"],
		["--login", "alice"],
		[stack.url, stack.url],
		["--no-such-option"],
	]) {
		const { status, stdout } = await run(BROKERCTL, ["doctor", ...words]);
		assert.equal(status, 2, words.join(" "));
		assert.equal(stdout, "");
	}
});
