// SPDX-License-Identifier: ISC
/**
 * Where the relay is measured without a desktop's own noise: the whole gateway, and as its X2Go
 * server an sshd of our own whose X2Go commands only pretend and whose agent is bench_source. What a
 * user would pick instead goes through the same sshd to the same agent.
 */
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Client } from "../../e2e/lib/rpc.mjs";
import { build, freePort, isLibraryNew, Process, run, Stack } from "../../e2e/lib/stack.mjs";
import { brokerLogins } from "../../e2e/lib/status.mjs";

const USER = "root"; /* exists everywhere; only our own sshd takes the key */
const FRAME_BYTES = 32 * 1024; /* as of a region of a busy desktop */
const SCREEN = { width: 1024, height: 768 };
/** Names and addresses of one server: a user's starts on a server wait for each other. */
const SERVERS = ["demo", "b", "c", "d", "e", "f", "g", "h"];
const ADDRESSES = SERVERS.map((_, i) => `127.0.0.${i + 1}`);
export const KDRIVE_COOKIE = "0123456789abcdef0123456789abcdef";

/** @typedef {Record<string, string | number>} ClientArguments of bench_client */
/** A way to the agent. @typedef {{name: string, to: ClientArguments, pids: number[],
 *   close: () => Promise<unknown>}} Way */

const { SSH_AUTH_SOCK: _unused, ...environment } = process.env;

/** @param {string} program @param {string[]} args */
async function must(program, ...args) {
	const { status, stderr, stdout } = await run(program, args, {
		...{ env: environment, timeout: GIVE_UP_MS },
	});
	if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}: ${stderr}`);
	return stdout;
}

/** Resolves when something listens there. @param {number} port @param {Process} by */
async function listening(port, by) {
	for (let i = 0; i < 400; i++) {
		if (!by.running) throw new Error(`${by.name} ended: ${by.log}`);
		const { stdout } = await run("ss", ["-Hltn", `sport = :${port}`]);
		if (stdout.trim()) return;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	throw new Error(`${by.name} does not listen: ${by.log}`);
}

/** A program of ours that writes its port first and ends with its input.
 * @param {string} name @param {(string | number)[]} args */
export async function startProgram(name, ...args) {
	const program = path.join(build, "bench", name);
	const child = new Process(name, program, args.map(String), {
		stdio: ["pipe", "pipe", "pipe"],
	});
	const port = Number((await child.waitFor(/^(\d+)\n/))[1]);
	return { child, port };
}

/** Nothing that is measured takes longer. */
const GIVE_UP_MS = 150_000;
const CLIENT = path.join(build, "bench/bench_client");

/** @param {ClientArguments} settings */
const clientArguments = (settings) =>
	Object.entries(settings).map(([key, value]) => `${key}=${value}`);

/**
 * @param {ClientArguments} settings
 * @param {string[]} [within] what it is started by
 * @returns {Promise<any>} what it has found
 */
export async function runClient(settings, within = []) {
	const [program, ...args] = [...within, CLIENT, ...clientArguments(settings)];
	const { status, stdout, stderr } = await run(program, args, { timeout: GIVE_UP_MS });
	if (status !== 0)
		throw new Error(
			`bench_client ${clientArguments(settings).join(" ")}: ${status}: ${stderr}`,
		);
	return JSON.parse(stdout);
}

/**
 * The same, and it stays: what is measured is there until it is killed, and its browser with it.
 * @param {ClientArguments} settings
 */
export async function leaveClient(settings) {
	const child = new Process("bench_client", CLIENT, clientArguments({ ...settings, stay: 1 }));
	await child.waitFor(/^\{.*\}\n/m);
	return child;
}

/** websockify as upstream starts it. @param {number} target port
 * @param {Site} site whose certificate it shows @param {boolean} tls */
export async function startWebsockify(target, site, tls) {
	const port = await freePort();
	const secret = ["--cert", site.file("cert.pem"), "--key", site.file("key.pem"), "--ssl-only"];
	const child = new Process("websockify", "websockify", [
		...(tls ? secret : []),
		`127.0.0.1:${port}`,
		`127.0.0.1:${target}`,
	]);
	site.helpers.add(child);
	await listening(port, child);
	return { child, port };
}

/** For OpenSSH, what the relay gets of an sshd of today (brokerd/session/ssh_algorithms.c). */
const relayCipher = () =>
	isLibraryNew() ? ["-c", "aes128-gcm@openssh.com"] : ["-c", "aes128-ctr", "-m", "hmac-sha2-256"];

export class Site extends Stack {
	constructor() {
		super({ ownHost: false });
		/** @type {Process | undefined} */ this.sshd = undefined;
		/** @type {Process | undefined} */ this.source = undefined;
		this.sourcePort = 0;
		this.started = 0;
		/** Of ways, which a failure may have left. @type {Set<Process>} */
		this.helpers = new Set();
		this.options.config = () => ({
			broker: { log_level: "info" },
			sessions: { uids: `${this.firstUid}-${this.firstUid + 699}` },
			/* More than the 500 that are held at a time: those before may still be ending, and
			 * another broker may have some of the ports. */
			relay: { listen: "127.0.0.1", raw: "yes", quarantine: "1", ports: "20000-20999" },
			limits: {
				...{ logins: "600", logins_per_user: "600", logins_per_client: "600" },
				...{ logins_per_server: "600", unfinished: "600:30:700" },
			},
			deadlines: { attach: "300", auth: "120", start: "300", idle: "3600" },
			...Object.fromEntries(
				SERVERS.map((name, i) => [
					`server ${name}`,
					{
						...{ title: name, address: ADDRESSES[i], port: String(this.sshPort) },
						...{ methods: "publickey", key: this.file("broker_key") },
						key_alone: "yes",
					},
				]),
			),
		});
	}

	/** X2Go's commands, as far as the gateway needs them: one desktop that is always there. */
	async writeCommands() {
		const id = `${USER}-50-1700000000_stKICEWM_dp24`;
		const state = `.x2go/C-${id}`;
		const commands = {
			x2gofeaturelist: "echo X2GOKDRIVE_BASE_SUPPORT",
			x2golistsessions: ":",
			x2gostartagent:
				`mkdir -p ${state}; printf RUNNING >${state}/state; ` +
				`printf '%s\\n' 50 ${KDRIVE_COOKIE} 99999 ${id} ${this.sourcePort} 30002 30003`,
			x2goruncommand: ":",
			"x2gosuspend-session": ":",
			"x2goterminate-session": ":",
		};
		await mkdir(this.file("x2go"));
		for (const [name, text] of Object.entries(commands)) {
			await writeFile(this.file(`x2go/${name}`), `#!/bin/sh\n${text}\n`);
			await chmod(this.file(`x2go/${name}`), 0o755);
		}
		await mkdir(this.file("home"));
		await writeFile(
			this.file("command"),
			`#!/bin/sh\ncd; PATH=${this.file("x2go")}:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"\n`,
		);
		await chmod(this.file("command"), 0o755);
	}

	async startSshd() {
		for (const name of ["host_key", "user_key"])
			await must("ssh-keygen", "-qt", "ed25519", "-N", "", "-f", this.file(name));
		await writeFile(
			this.file("sshd_config"),
			[
				...ADDRESSES.map((address) => `ListenAddress ${address}:${this.sshPort}`),
				`HostKey ${this.file("host_key")}`,
				`AuthorizedKeysFile ${this.file("user_key.pub")}`,
				`ForceCommand ${this.file("command")}`,
				/* Else each command begins with what the machine's root has in .bashrc. */
				`SetEnv HOME=${this.file("home")}`,
				...["PidFile none", "StrictModes no", "UsePAM no", "UseDNS no"],
				...["PermitRootLogin prohibit-password", "MaxStartups 600", "LogLevel ERROR"],
			].join("\n") + "\n",
		);
		/* Its own /run: sshd wants a folder there, which only a started service makes. */
		const script =
			"mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 755 /run/sshd && exec " +
			`/usr/sbin/sshd -D -e -f ${this.file("sshd_config")}`;
		this.sshd = new Process("sshd", "unshare", ["--mount", "sh", "-c", script]);
		await listening(this.sshPort, this.sshd);
	}

	/** That there is what the relay is compared with. */
	async checkReference() {
		await must("websockify", "--help").catch(() => {
			throw new Error("websockify is missing: make deps");
		});
	}

	/** The agent. */
	async startSource() {
		const source = await startProgram("bench_source", KDRIVE_COOKIE, FRAME_BYTES);
		this.source = source.child;
		this.sourcePort = source.port;
	}

	/** @override */
	async startHost() {
		await this.checkReference();
		await this.startSource();
		await this.writeCommands();
		await this.startSshd();
		const key = (await must("cat", this.file("host_key.pub"))).split(" ").slice(0, 2);
		const name = ADDRESSES.map((address) => `[${address}]:${this.sshPort}`).join();
		await writeFile(this.file("known_hosts"), `${name} ${key.join(" ")}\n`, { mode: 0o644 });
		await copyFile(this.file("user_key"), this.file("broker_key"));
		await must("chown", "64200:64200", this.file("broker_key"));
		await chmod(this.file("broker_key"), 0o600);
	}

	/** Upstream's documented form goes by the same web server. @override */
	async nginxText() {
		const text = (await super.nginxText())
			.replace(/worker_connections \d+/, "worker_connections 4096")
			.replace("x2gows/(20[0-4]", "x2gows/(20[0-9]");
		if (!text.includes("(20[0-9][0-9][0-9])"))
			throw new Error("the packaged configuration has other ports");
		const end = text.lastIndexOf("}", text.lastIndexOf("}") - 1);
		return `${text.slice(0, end)}
location ~ ^/upstream/([0-9]+)$ {
	proxy_pass https://127.0.0.1:$1/;
	proxy_http_version 1.1;
	proxy_set_header Host $http_host;
	proxy_set_header Upgrade $http_upgrade;
	proxy_set_header Connection "upgrade";
	proxy_buffering off;
	proxy_read_timeout 300s;
	proxy_send_timeout 300s;
}
${text.slice(end)}`;
	}

	/** @override */
	async stop() {
		await this.nginx?.stop();
		await this.fcgi?.stop();
		await this.broker?.stop();
		this.killOwn();
		await super.stop();
	}

	/** @override */
	kill() {
		this.killOwn();
		super.kill();
	}

	killOwn() {
		for (const process of this.helpers) process.kill();
		this.source?.kill();
		this.sshd?.kill();
	}

	get nginxPid() {
		return this.nginx?.pid ?? -1;
	}

	/** For a client that goes by the web server. */
	get tls() {
		return { port: this.port, tls: 1, header_host: `localhost:${this.port}` };
	}

	/** @returns {Promise<Way>} the client and the agent, with nothing between */
	async loopback() {
		return {
			...{ name: "loopback", pids: [], close: async () => {} },
			to: { port: this.sourcePort, kdrive: KDRIVE_COOKIE },
		};
	}

	/** One more login with its stream. */
	async logInAndStart() {
		const client = new Client(this);
		await client.logIn(USER, "", SERVERS[this.started++ % SERVERS.length]);
		const { ws } = await client.ok("start", { desktop: "ICEWM", ...SCREEN });
		const port = Number(ws.split("/").at(-1));
		return { client, ws, port };
	}

	/**
	 * Our relay: straight to it, or by the web server as browsers do.
	 * @param {{web?: boolean, protocol?: string}} [how] @returns {Promise<Way>}
	 */
	async ours({ web = false, protocol = "x2goweb.v1" } = {}) {
		const { client, ws, port } = await this.logInAndStart();
		const login = (await brokerLogins(this)).find((entry) => entry.port === port);
		if (!login) throw new Error("the broker knows nothing of the login");
		return {
			name: web ? "ours behind nginx" : "ours",
			to: {
				...(web ? this.tls : { port, header_host: `localhost:${this.port}` }),
				...{ path: ws, origin: this.origin, cookie: client.cookie },
				...{ protocol, kdrive: KDRIVE_COOKIE },
			},
			pids: [login.pid, ...(web ? [this.nginxPid] : [])],
			close: () => client.ok("logout"),
		};
	}

	/** @param {string[]} [options] */
	async startSsh(options = []) {
		const port = await freePort();
		const child = new Process(
			"ssh",
			"ssh",
			[
				...["-F", "none", "-N", "-i", this.file("user_key"), "-l", USER],
				...[
					"-p",
					String(this.sshPort),
					"-o",
					`UserKnownHostsFile=${this.file("known_hosts")}`,
				],
				...["-o", "IdentitiesOnly=yes", ...options],
				...["-L", `127.0.0.1:${port}:127.0.0.1:${this.sourcePort}`, "127.0.0.1"],
			],
			{ env: environment },
		);
		this.helpers.add(child);
		await listening(port, child);
		return { child, port };
	}

	/** @returns {Promise<Way>} */
	async ssh() {
		const { child, port } = await this.startSsh();
		return {
			...{ name: "ssh -L", pids: [child.pid], close: () => child.stop("SIGKILL") },
			to: { port, kdrive: KDRIVE_COOKIE },
		};
	}

	/**
	 * Upstream's chain: ssh -L and websockify; documented: with TLS, behind nginx with TLS.
	 * @param {{documented?: boolean, sameCipher?: boolean}} [how] sameCipher: as ours, not
	 * OpenSSH's own choice @returns {Promise<Way>}
	 */
	async chain({ documented = false, sameCipher = false } = {}) {
		const ssh = await this.startSsh(sameCipher ? relayCipher() : []);
		const websockify = await startWebsockify(ssh.port, this, documented);
		return {
			name: documented ? "upstream's documented form" : "ssh -L + websockify",
			to: {
				...(documented
					? { ...this.tls, path: `/upstream/${websockify.port}` }
					: { port: websockify.port, path: "/" }),
				...{ origin: this.origin, protocol: "binary", kdrive: KDRIVE_COOKIE },
			},
			pids: [ssh.child.pid, websockify.child.pid, ...(documented ? [this.nginxPid] : [])],
			close: async () => {
				await ssh.child.stop("SIGKILL");
				websockify.child.kill();
				await websockify.child.ended;
			},
		};
	}

	/** libssh2 alone. @param {"flood" | "echo"} mode @param {number} seconds @returns {Promise<any>} */
	async minimal(mode, seconds) {
		const out = await must(
			path.join(build, "bench/bench_minimal"),
			...[String(this.sshPort), USER, this.file("user_key"), String(this.sourcePort)],
			...[KDRIVE_COOKIE, mode, String(seconds)],
		);
		return JSON.parse(out);
	}
}
