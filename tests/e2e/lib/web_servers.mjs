// SPDX-License-Identifier: ISC
/**
 * The web servers that packaging/ has a snippet for, each in front of a stack that runs already, on
 * a port of its own. They run as the web server's user, as they do on Debian.
 */
import { chown, mkdir, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { apacheByCgi, apacheByPorts, apacheByTls, nginxByCgi, nginxByTls } from "./snippets.mjs";
import { freePort, idsOf, Process } from "./stack.mjs";

/** @typedef {import("./stack.mjs").Stack} Stack */

const WEB_USER = "www-data";

/**
 * @typedef {object} WebServer
 * @property {string} name
 * @property {string} snippets the folder in packaging/
 * @property {boolean} cgi whether a program of its own answers each call
 * @property {boolean} sockets whether it can pass streams on to UNIX sockets
 * @property {boolean} h2Streams whether it takes WebSockets over HTTP/2
 * @property {(address: string) => string} trust lines that make it believe a proxy in front of it
 * @property {(front: Front) => Promise<Process[]>} start
 */

/** @param {Front} front @param {(text: string) => string} [edit] of the snippet */
async function startNginx(front, edit = (text) => text) {
	const { stack, directory } = front;
	const own = (await stack.nginxText())
		.replaceAll(stack.file("nginx/"), `${directory}/`)
		.replace(stack.file("nginx.pid"), `${directory}/pid`)
		.replace(stack.file("nginx-access.log"), `${directory}/access.log`)
		.replace(`127.0.0.1:${stack.port} ssl`, `127.0.0.1:${front.port} ssl`);
	const config = path.join(directory, "nginx.conf");
	await writeFile(
		config,
		edit(own).replace("server_name localhost;", `server_name localhost;\n${front.more}`),
	);
	const nginx = new Process("nginx", "nginx", ["-c", config, "-p", directory]);
	await nginx.waitFor(/start worker process /);
	return [nginx];
}

/** The same, with the calls by fcgiwrap. @param {Front} front */
async function startFcgiwrap(front) {
	const { stack, directory } = front;
	const socket = path.join(directory, "fcgiwrap.socket");
	const wrap = new Process("fcgiwrap", "setpriv", [
		...[`--reuid=${WEB_USER}`, `--regid=${WEB_USER}`, "--clear-groups"],
		...["fcgiwrap", "-c", "4", "-s", `unix:${socket}`],
	]);
	front.processes = [wrap];
	const [nginx] = await startNginx(front, (text) =>
		nginxByCgi(text)
			.replace("/run/fcgiwrap.socket", socket)
			.replace(
				/fastcgi_param GATEWAY_INTERFACE/,
				`fastcgi_param X2GOWEB_BROKER ${stack.file("run/broker.sock")};\n\t$&`,
			),
	);
	return [nginx, wrap];
}

/** What the snippet asks for, and a server that speaks TLS. */
const APACHE_MODULES =
	"mpm_event authz_core mime dir ssl socache_shmcb http2 env remoteip alias headers proxy " +
	"proxy_fcgi proxy_http proxy_wstunnel cgid";

/** @param {Front} front @param {(text: string) => string} [edit] of the snippet */
async function startApache(front, edit = (text) => text) {
	const { stack, directory } = front;
	const config = path.join(directory, "apache.conf");
	const own = await stack.packaged("apache/x2goweb.conf");
	const snippet = edit(stack.listen === "unix" ? own : apacheByPorts(own));
	await writeFile(
		config,
		`ServerName localhost
ServerRoot ${directory}
PidFile ${directory}/pid
DefaultRuntimeDir ${directory}
Mutex file:${directory}
User ${WEB_USER}
Group ${WEB_USER}
ErrorLog ${directory}/error.log
LogLevel warn
Listen 127.0.0.1:${front.port}
${APACHE_MODULES.split(" ")
	.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
	.join("\n")}
ScriptSock ${directory}/cgid.sock
TypesConfig /etc/mime.types
StartServers 1
# As Debian's, which the snippet's conf-enabled is read after.
<Directory />
	Options FollowSymLinks
	AllowOverride None
	Require all denied
</Directory>
${snippet}
<VirtualHost *:${front.port}>
	DocumentRoot ${directory}
	SSLEngine on
	SSLCertificateFile ${stack.file("cert.pem")}
	SSLCertificateKeyFile ${stack.file("key.pem")}
	Protocols h2 http/1.1
	SetEnv X2GOWEB_BROKER ${stack.file("run/broker.sock")}
${front.more}
</VirtualHost>
`,
	);
	const apache = new Process("apache2", "apache2", [
		"-d",
		directory,
		"-f",
		config,
		"-DFOREGROUND",
	]);
	await front.answers(apache);
	return [apache];
}

/** @param {Front} front */
async function startLighttpd(front) {
	const { stack, directory } = front;
	const config = path.join(directory, "lighttpd.conf");
	await writeFile(
		config,
		`server.modules = ("mod_openssl", "mod_extforward")
server.document-root = "${directory}"
server.username = "${WEB_USER}"
server.groupname = "${WEB_USER}"
server.bind = "127.0.0.1"
server.port = ${front.port}
server.upload-dirs = ("${directory}")
ssl.engine = "enable"
ssl.pemfile = "${stack.file("cert.pem")}"
ssl.privkey = "${stack.file("key.pem")}"
mimetype.assign = (".html" => "text/html", ".js" => "text/javascript", ".css" => "text/css",
	".svg" => "image/svg+xml", "" => "application/octet-stream")
${front.more}
${await stack.packaged("lighttpd/x2goweb.conf")}
`,
	);
	const lighttpd = new Process("lighttpd", "lighttpd", ["-D", "-f", config]);
	await front.answers(lighttpd);
	return [lighttpd];
}

/** @param {string} address */
const nginxTrusts = (address) =>
	`set_real_ip_from ${address}; real_ip_header X-Forwarded-For; real_ip_recursive on;`;
/** @param {string} address */
const apacheTrusts = (address) =>
	`RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy ${address}`;
/** @param {string} address */
const lighttpdTrusts = (address) =>
	`extforward.headers = ("X-Forwarded-For")\nextforward.forwarder = ("${address}" => "trust")`;

/** @type {WebServer[]} */
export const webServers = [
	{
		name: "nginx",
		snippets: "nginx",
		cgi: false,
		sockets: true,
		h2Streams: false,
		trust: nginxTrusts,
		start: (front) => startNginx(front),
	},
	{
		name: "nginx with fcgiwrap",
		snippets: "nginx",
		cgi: true,
		sockets: true,
		h2Streams: false,
		trust: nginxTrusts,
		start: startFcgiwrap,
	},
	{
		name: "Apache",
		snippets: "apache",
		cgi: false,
		sockets: true,
		h2Streams: false,
		trust: apacheTrusts,
		start: (front) => startApache(front),
	},
	{
		name: "Apache with CGI",
		snippets: "apache",
		cgi: true,
		sockets: true,
		h2Streams: false,
		trust: apacheTrusts,
		start: (front) => startApache(front, apacheByCgi),
	},
	{
		name: "lighttpd",
		snippets: "lighttpd",
		cgi: false,
		sockets: false,
		h2Streams: true,
		trust: lighttpdTrusts,
		start: startLighttpd,
	},
];

/** nginx with another snippet than ours. @param {string} name @param {string} snippet
 * @returns {WebServer} */
export const nginxWith = (name, snippet) => ({
	...webServers[0],
	name,
	start: (front) =>
		startNginx(front, (text) => {
			const from = text.indexOf("# SPDX");
			return `${text.slice(0, from)}${snippet}\n}\n}\n`;
		}),
});

/**
 * Those that reach the relays by x2goweb-tls.
 * @param {string} place of x2goweb-tls
 * @param {string} authority its certificate's
 * @returns {[WebServer, (front: Front) => Promise<Process[]>][]}
 */
export const remoteWebServers = (place, authority) => [
	[webServers[0], (front) => startNginx(front, (text) => nginxByTls(text, place, authority))],
	[webServers[2], (front) => startApache(front, (text) => apacheByTls(text, place, authority))],
];

/** One of them in front of a stack: to rpc.mjs and browser.mjs the stack itself, elsewhere. */
export class Front {
	/**
	 * @param {Stack} stack
	 * @param {WebServer} server
	 * @param {{more?: string}} [options] more: lines for its TLS server
	 */
	constructor(stack, server, { more = "" } = {}) {
		this.stack = stack;
		this.server = server;
		this.more = more;
		this.port = 0;
		/** @type {Process[]} */ this.processes = [];
	}

	get directory() {
		return this.stack.file(`front-${this.port}`);
	}

	get origin() {
		return `https://localhost:${this.port}`;
	}

	get url() {
		return `${this.origin}/x2go/`;
	}

	async start() {
		this.port = await freePort();
		await mkdir(this.directory);
		const { uid, gid } = idsOf(WEB_USER);
		await chown(this.directory, uid, gid);
		try {
			this.processes = await this.server.start(this);
		} catch (error) {
			await this.stop();
			throw error;
		}
		return this;
	}

	/** Waits until somebody listens; a server that ends before is an error. @param {Process} process */
	async answers(process) {
		for (let pause = 10; ; pause = Math.min(pause * 2, 200)) {
			const connected = await new Promise((resolve) => {
				const socket = net.connect(this.port, "127.0.0.1", () => resolve(true));
				socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
			});
			if (connected) return;
			if (!process.running) throw new Error(`${process.name} ended: ${process.log}`);
			await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}

	async stop() {
		for (const process of this.processes) {
			await process.stop();
			// fcgiwrap leaves its children behind.
			process.kill();
		}
	}
}
