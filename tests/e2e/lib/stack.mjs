// SPDX-License-Identifier: ISC
/**
 * The whole gateway for demo, tests and bench: a real X2Go server (tests/x2gohost), broker, FastCGI
 * responder and nginx, each from its own binary, in one directory that goes away with it.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { nginxByPorts } from "./snippets.mjs";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const build = path.resolve(root, process.env.BUILD ?? "build");

/** libssh2 1.10 neither tells banners nor uses RSA keys as sshd wants it today. */
export const isLibraryNew = () =>
	readFileSync(path.join(build, "bin/x2goweb-session")).includes("libssh2_userauth_banner");

const X2GOHOST = path.join(root, "tests/x2gohost/x2gohost");
const WEB_USER = "www-data";
const BROKER_USER = 64200;

/** @typedef {Record<string, Record<string, string>>} Sections */

/**
 * @typedef {object} StackOptions
 * @property {number} [port] HTTPS port
 * @property {number} [sshPort] port of the X2Go server's sshd
 * @property {string} [hostName] name of the x2gohost instance, so that several run side by side
 * @property {Sections | ((stack: Stack) => Sections)} [config] sections and keys over the defaults
 * @property {string} [listen] of the relays, if not by ports
 * @property {(line: string) => void} [progress]
 * @property {string[]} [conditions] of the X2Go server, see x2gohost conditions
 * @property {(stack: Stack) => Promise<string>} [nginx] more for its server block, before the rest
 * @property {boolean} [ownHost] false: an x2gohost instance that runs already is used and left
 */

/** @param {string} user */
export function idsOf(user) {
	const out = spawnSync("id", ["-u", user], { encoding: "utf8" });
	const group = spawnSync("id", ["-g", user], { encoding: "utf8" });
	if (out.status !== 0) throw new Error(`there is no user ${user}`);
	return { uid: Number(out.stdout), gid: Number(group.stdout) };
}

/**
 * A port that is free at the moment, above the relays' and below those that the kernel gives to
 * connections, since one of these would take it before it is listened at.
 * @returns {Promise<number>}
 */
export function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();
		const attempt = () => server.listen(randomInt(21000, 30000), "127.0.0.1");
		server.on("error", (error) =>
			"code" in error && error.code === "EADDRINUSE" ? attempt() : reject(error),
		);
		server.on("listening", () => {
			const { port } = /** @type {net.AddressInfo} */ (server.address());
			server.close(() => resolve(port));
		});
		attempt();
	});
}

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions & {onLine?: (line: string) => void}} [options]
 * @returns {Promise<{status: number | null, stdout: string, stderr: string}>}
 */
export function run(program, args, { onLine, ...options } = {}) {
	return new Promise((resolve, reject) => {
		// Detached: Ctrl-C at the terminal is for the demo alone, which ends its parts in order.
		const child = spawn(program, args, {
			stdio: ["ignore", "pipe", "pipe"],
			detached: true,
			...options,
		});
		let stdout = "";
		let stderr = "";
		child.stdout?.on("data", (data) => {
			stdout += data;
			for (const line of String(data).split("\n")) if (line) onLine?.(line);
		});
		child.stderr?.on("data", (data) => {
			stderr += data;
			for (const line of String(data).split("\n")) if (line) onLine?.(line);
		});
		child.on("error", reject);
		child.on("close", (status) => resolve({ status, stdout, stderr }));
	});
}

/** A child process whose log lines can be awaited and which is ended for certain. */
export class Process {
	/**
	 * @param {string} name
	 * @param {string} program
	 * @param {string[]} args
	 * @param {import("node:child_process").SpawnOptions} [options]
	 */
	constructor(name, program, args, options = {}) {
		this.name = name;
		this.log = "";
		/** @type {Set<() => void>} */
		this.watchers = new Set();
		this.child = spawn(program, args, {
			stdio: ["ignore", "pipe", "pipe"],
			detached: true,
			...options,
		});
		/** @type {Promise<{code: number | null, signal: NodeJS.Signals | null}>} */
		this.ended = new Promise((resolve) => {
			this.child.on("error", (error) => {
				this.log += `${error}\n`;
				resolve({ code: 127, signal: null });
			});
			this.child.on("close", (code, signal) => resolve({ code, signal }));
		});
		for (const stream of [this.child.stdout, this.child.stderr])
			stream?.on("data", (data) => {
				this.log += data;
				for (const watcher of this.watchers) watcher();
			});
	}

	get pid() {
		return this.child.pid ?? -1;
	}

	get running() {
		return this.child.exitCode === null && this.child.signalCode === null;
	}

	/**
	 * Resolves with the match once the log (from offset on) matches.
	 * @param {RegExp} pattern
	 * @param {{from?: number, timeout?: number}} [options]
	 * @returns {Promise<RegExpMatchArray>}
	 */
	waitFor(pattern, { from = 0, timeout = 20000 } = {}) {
		return new Promise((resolve, reject) => {
			const finish = (/** @type {() => void} */ action) => {
				clearTimeout(timer);
				this.watchers.delete(check);
				action();
			};
			const check = () => {
				const match = this.log.slice(from).match(pattern);
				if (match) finish(() => resolve(match));
			};
			const timer = setTimeout(
				() =>
					finish(() =>
						reject(
							new Error(`${this.name}: no ${pattern} in:\n${this.log.slice(from)}`),
						),
					),
				timeout,
			);
			this.watchers.add(check);
			void this.ended.then(({ code, signal }) => {
				check();
				finish(() =>
					reject(
						new Error(
							`${this.name} ended (${signal ?? code}) before ${pattern}:\n${this.log}`,
						),
					),
				);
			});
			check();
		});
	}

	/** With all that it has started: each runs in a process group of its own. */
	kill() {
		try {
			process.kill(-this.pid, "SIGKILL");
		} catch {
			// It has ended.
		}
	}

	/** @param {NodeJS.Signals} [signal] */
	async stop(signal = "SIGTERM", graceMs = 15000) {
		if (this.running) this.child.kill(signal);
		const timer = setTimeout(() => this.kill(), graceMs);
		const end = await this.ended;
		clearTimeout(timer);
		return end;
	}
}

/** Stacks that run. A test run that is told to end takes them along. @type {Set<Stack>} */
const running = new Set();

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
	process.prependListener(signal, () => {
		// Who listens as well (the demo) ends its stack in order.
		if (process.listenerCount(signal) > 1) return;
		for (const stack of running) stack.kill();
		process.exit(1);
	});

let stackCount = 0;

export class Stack {
	/** @param {StackOptions} options */
	constructor(options = {}) {
		this.options = options;
		this.progress = options.progress ?? (() => {});
		this.port = options.port ?? 0;
		this.sshPort = options.sshPort ?? 0;
		const number = stackCount++;
		this.hostName = options.hostName ?? `test-${process.pid}-${number}`;
		this.directory = "";
		/** A broker ends whatever runs under its sessions' uids: stacks must not share them. */
		this.firstUid = 1_000_000 + 500 * (number + 4 * (process.pid % 1_000_000));
		/** @type {Process | undefined} */ this.broker = undefined;
		/** @type {Process | undefined} */ this.fcgi = undefined;
		/** @type {Process | undefined} */ this.nginx = undefined;
	}

	get origin() {
		return `https://localhost:${this.port}`;
	}

	get url() {
		return `${this.origin}/x2go/`;
	}

	/** @param {string} name */
	file(name) {
		return path.join(this.directory, name);
	}

	get listen() {
		return this.options.listen ?? "127.0.0.1";
	}

	/** Of tests/x2gohost/x2gohost for this stack's instance. */
	get hostEnv() {
		return {
			...process.env,
			BUILD: build,
			X2GOHOST_NAME: this.hostName,
			X2GOHOST_SSH_PORT: String(this.sshPort),
		};
	}

	/** Runs tests/x2gohost/x2gohost to its end. @param {string[]} args */
	host(...args) {
		return run(X2GOHOST, args, {
			env: this.hostEnv,
			onLine: args[0] === "up" ? this.progress : undefined,
		});
	}

	/** What the X2Go server's sshd has said so far. */
	hostLog() {
		return readFileSync(path.join(build, "x2gohost/run", this.hostName, "log"), "utf8");
	}

	/** A command on the X2Go server that goes on for a while. @param {string} user
	 * @param {string[]} command */
	hostProcess(user, ...command) {
		return new Process(command[0], X2GOHOST, ["exec", "--user", user, ...command], {
			env: this.hostEnv,
		});
	}

	/**
	 * A command on the X2Go server, as a user; its output without the final newline.
	 * @param {string} user
	 * @param {string} command for sh -c
	 */
	async onHost(user, command) {
		const { status, stdout, stderr } = await this.host(
			"exec",
			"--user",
			user,
			"sh",
			"-c",
			command,
		);
		if (status !== 0)
			throw new Error(`on the X2Go server: ${command}: status ${status}: ${stderr}`);
		return stdout.replace(/\n$/, "");
	}

	/** The broker's configuration: what this stack needs, under what the test wants. */
	configText() {
		/** @type {Record<string, Record<string, string>>} */
		const sections = {
			broker: {
				user: String(BROKER_USER),
				group: String(BROKER_USER),
				runtime_dir: this.file("run"),
				web_users: WEB_USER,
				web_group: WEB_USER,
				log_level: "debug",
			},
			sessions: { uids: `${this.firstUid}-${this.firstUid + 499}` },
			relay: { listen: this.listen },
			web: { title: "x2goweb demo", default_server: "demo", default_desktop: "ICEWM" },
			ssh: {
				known_hosts: this.file("known_hosts"),
				accepted_hosts: this.file("accepted/known_hosts"),
			},
			// All of a test's clients come from one address, and many of them fail on purpose.
			penalties: { exempt: "127.0.0.0/8" },
			"server demo": {
				title: "Demo server",
				address: "127.0.0.1",
				port: String(this.sshPort),
			},
		};
		const { config = {} } = this.options;
		const changes = typeof config === "function" ? config(this) : config;
		for (const [section, keys] of Object.entries(changes))
			sections[section] = { ...sections[section], ...keys };
		return Object.entries(sections)
			.map(
				([section, keys]) =>
					`[${section}]\n` +
					Object.entries(keys)
						.map(([key, value]) => `${key} = ${value}\n`)
						.join(""),
			)
			.join("\n");
	}

	async writeConfig() {
		await writeFile(this.file("x2goweb.conf"), this.configText(), { mode: 0o644 });
	}

	/** What an installation finds in packaging/, with this stack's paths. @param {string} name */
	async packaged(name) {
		const text = await readFile(path.join(root, "packaging", name), "utf8");
		return text
			.replaceAll("/usr/share/x2goweb/www/", `${this.file("www")}/`)
			.replaceAll("/usr/lib/x2goweb/x2goweb-fcgi", this.file("x2goweb-fcgi"))
			.replaceAll('"/usr/lib/x2goweb"', `"${this.directory}"`)
			.replaceAll("/run/x2goweb-fcgi.sock", this.file("web/fcgi.sock"))
			.replaceAll("/run/x2goweb/", `${this.file("run")}/`);
	}

	/** The packaged snippet, in a server of its own. */
	async nginxText() {
		const snippet = await this.packaged("nginx/x2goweb.conf");
		return `user ${WEB_USER};
worker_processes 1;
daemon off;
pid ${this.file("nginx.pid")};
error_log stderr notice;
events { worker_connections 1024; }
http {
	include /etc/nginx/mime.types;
	access_log ${this.file("nginx-access.log")};
	client_body_temp_path ${this.file("nginx/body")};
	proxy_temp_path ${this.file("nginx/proxy")};
	fastcgi_temp_path ${this.file("nginx/fastcgi")};
	uwsgi_temp_path ${this.file("nginx/uwsgi")};
	scgi_temp_path ${this.file("nginx/scgi")};
	gzip on;
	gzip_types text/css text/javascript application/javascript image/svg+xml;
	server {
		listen 127.0.0.1:${this.port} ssl http2;
		server_name localhost;
		ssl_certificate ${this.file("cert.pem")};
		ssl_certificate_key ${this.file("key.pem")};
${this.options.nginx ? await this.options.nginx(this) : ""}
${this.listen === "unix" ? snippet : nginxByPorts(snippet)}
	}
}
`;
	}

	async makeCertificate() {
		const { status, stderr } = await run("openssl", [
			...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
			...["-nodes", "-days", "30", "-subj", "/CN=localhost"],
			...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
			...["-keyout", this.file("key.pem"), "-out", this.file("cert.pem")],
		]);
		if (status !== 0) throw new Error(`openssl: ${stderr}`);
		await chmod(this.file("key.pem"), 0o600);
	}

	async startHost() {
		if (this.options.ownHost !== false) {
			const { status, stderr } = await this.host(
				"up",
				...(this.options.conditions ?? []).flatMap((name) => ["--with", name]),
			);
			if (status !== 0) throw new Error(`x2gohost up: ${stderr}`);
		}
		for (const type of ["ed25519", "ecdsa", "rsa"]) {
			const { stdout } = await this.host("gateway-key", type);
			const key = this.gatewayKey(type);
			await cp(stdout.trim(), key);
			await chmod(key, 0o600);
			await chown(key, BROKER_USER, BROKER_USER);
		}
		const known = await this.host("known-hosts");
		if (known.status !== 0) throw new Error(`x2gohost known-hosts: ${known.stderr}`);
		await writeFile(this.file("known_hosts"), known.stdout, { mode: 0o644 });
	}

	/** The broker's copy of a private key that some users of the X2Go server trust. */
	gatewayKey(type = "ed25519") {
		return this.file(`gateway_${type}`);
	}

	/** The server's keys are taken for these hosts, too. @param {string[]} names */
	async knowHostsAs(names) {
		const known = await readFile(this.file("known_hosts"), "utf8");
		const keys = known
			.split("\n")
			.filter((line) => line.startsWith(`[127.0.0.1]:${this.sshPort} `))
			.map((line) => line.split(" ").slice(1).join(" "));
		const more = names.flatMap((name) => keys.map((key) => `${name} ${key}\n`));
		await writeFile(this.file("known_hosts"), known + more.join(""));
	}

	/**
	 * Does something while the known hosts file holds this text.
	 * @template T
	 * @param {string} text
	 * @param {() => Promise<T>} action
	 */
	async withKnownHosts(text, action) {
		const known = await readFile(this.file("known_hosts"), "utf8");
		await writeFile(this.file("known_hosts"), text);
		try {
			return await action();
		} finally {
			await writeFile(this.file("known_hosts"), known);
		}
	}

	async startBroker() {
		await this.writeConfig();
		this.broker = new Process("x2goweb-brokerd", path.join(build, "bin/x2goweb-brokerd"), [
			...["-c", this.file("x2goweb.conf")],
			...["--session", path.join(build, "bin/x2goweb-session")],
		]);
		await this.broker.waitFor(/BROKER_STARTED/);
	}

	async startFcgi() {
		const web = idsOf(WEB_USER);
		// The binary may stand where only root can look; the web server's user runs a copy.
		await cp(path.join(build, "bin/x2goweb-fcgi"), this.file("x2goweb-fcgi"));
		this.fcgi = new Process(
			"x2goweb-fcgi",
			this.file("x2goweb-fcgi"),
			["--socket", this.file("web/fcgi.sock"), "--broker", this.file("run/broker.sock")],
			{ ...web, cwd: "/", env: {} },
		);
		await this.fcgi.waitFor(/ready/);
	}

	async startNginx() {
		await writeFile(this.file("nginx.conf"), await this.nginxText());
		this.nginx = new Process("nginx", "nginx", [
			"-c",
			this.file("nginx.conf"),
			"-p",
			this.directory,
		]);
		await this.nginx.waitFor(/start worker process /);
	}

	async start() {
		const web = idsOf(WEB_USER);
		this.port ||= await freePort();
		this.sshPort ||= await freePort();
		this.directory = await mkdtemp(path.join(tmpdir(), "x2goweb-"));
		running.add(this);
		await chmod(this.directory, 0o755);
		await mkdir(this.file("web"));
		await chown(this.file("web"), web.uid, web.gid);
		await mkdir(this.file("nginx"));
		await mkdir(this.file("accepted"));
		await chown(this.file("accepted"), BROKER_USER, BROKER_USER);
		const page = [path.join(build, "www"), path.join(root, "www")].find((place) =>
			existsSync(place),
		);
		await cp(/** @type {string} */ (page), this.file("www"), { recursive: true });
		try {
			this.progress("starting the X2Go server");
			await this.startHost();
			this.progress("starting broker, FastCGI responder and nginx");
			await this.makeCertificate();
			await this.startBroker();
			await this.startFcgi();
			await this.startNginx();
		} catch (error) {
			await this.stop();
			throw error;
		}
		return this;
	}

	/** Ends everything at once, without order. */
	kill() {
		for (const part of [this.nginx, this.fcgi, this.broker]) part?.kill();
		if (this.options.ownHost !== false)
			spawnSync(path.join(root, "tests/x2gohost/x2gohost"), ["down"], {
				env: { ...process.env, BUILD: build, X2GOHOST_NAME: this.hostName },
			});
		if (this.directory) rmSync(this.directory, { recursive: true, force: true });
		running.delete(this);
	}

	async stop() {
		await this.nginx?.stop();
		await this.fcgi?.stop();
		await this.broker?.stop();
		if (this.options.ownHost !== false) await this.host("down");
		if (this.directory) await rm(this.directory, { recursive: true, force: true });
		running.delete(this);
	}
}
