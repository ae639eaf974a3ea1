// SPDX-License-Identifier: ISC
/**
 * What has to hold of the gateway behind every web server of packaging/: the page and its headers,
 * calls, streams, proxies in front, and that nothing else of the host can be reached through it.
 */
import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { Client, eventually, request, Stream } from "./rpc.mjs";
import { Stack } from "./stack.mjs";
import { brokerLogins } from "./status.mjs";
import { Front } from "./web_servers.mjs";

export const SCREEN = { width: 800, height: 600 };
/** Whom the web servers believe what it says of others, and one of those. */
export const PROXY = "127.0.0.2";
const CLIENT = "203.0.113.7";

/** Where streams are, by the way to them. */
export const PLACES = { sockets: /^\/x2gows\/[0-9a-f]{32}$/, ports: /^\/x2gows\/20[0-4]\d\d$/ };

/** A service of the host that is nobody's business, and who has been there. */
export class Victim {
	visits = 0;
	port = 0;
	server = net.createServer((socket) => {
		this.visits++;
		socket.on("error", () => {});
		socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret");
	});

	async start() {
		await new Promise((resolve) =>
			this.server.listen(0, "127.0.0.1", () => resolve(undefined)),
		);
		this.port = /** @type {net.AddressInfo} */ (this.server.address()).port;
	}
}

/** Stacks with streams by sockets and by ports that share one X2Go server, and what stands before
 * them. */
export class Site {
	sockets = new Stack({ listen: "unix", config: { compat: { enabled: "yes" } } });
	/** @type {Stack} */ ports = this.sockets;
	/** The one desktop that all of them show. */
	desktop = "";
	victim = new Victim();
	/** @type {Front[]} */ fronts = [];

	async start() {
		await this.sockets.start();
		this.ports = new Stack({
			...this.sockets.options,
			hostName: this.sockets.hostName,
			sshPort: this.sockets.sshPort,
			ownHost: false,
			listen: "127.0.0.1",
		});
		await this.ports.start();
		const client = new Client(this.sockets);
		await client.logIn();
		this.desktop = (await client.ok("start", { ...SCREEN, desktop: "ICEWM" })).session.id;
		await client.ok("logout");
		await this.victim.start();
	}

	async stop() {
		this.victim.server.close();
		for (const front of this.fronts) await front.stop();
		await this.ports.stop();
		if (this.sockets !== this.ports) await this.sockets.stop();
	}

	/** @param {Stack} stack @param {import("./web_servers.mjs").WebServer} server */
	async inFront(stack, server) {
		const compat = await stack.packaged(`${server.snippets}/compat.conf`);
		const more = `${server.trust(PROXY)}\n${compat}`;
		const front = await new Front(stack, server, { more }).start();
		this.fronts.push(front);
		return front;
	}
}

/** @param {Front} front */
export async function checkPage(front) {
	const page = await request(front, "/x2go/");
	assert.equal(page.status, 200);
	assert.match(page.text, /<!doctype html>/i);
	for (const [name, value] of /** @type {const} */ ([
		["content-security-policy", /^default-src 'none'; script-src 'self'/],
		["cache-control", /^no-cache$/],
		["cross-origin-opener-policy", /^same-origin$/],
		["permissions-policy", /camera=\(\)/],
		["referrer-policy", /^no-referrer$/],
		["x-content-type-options", /^nosniff$/],
	]))
		assert.match(String(page.headers[name]), value, name);
	const moved = await request(front, "/x2go");
	assert.equal(moved.status, 301);
	assert.match(String(moved.headers.location), /\/x2go\/$/);
	const script = page.text.match(/src="([^"]+\.js)"/)?.[1] ?? "js/app.js";
	const { status, headers } = await request(front, `/x2go/${script.replace(/^\.?\//, "")}`);
	assert.equal(status, 200);
	assert.match(String(headers["content-type"]), /^(text|application)\/javascript/);
	assert.match(String(headers["content-security-policy"]), /^default-src 'none'/);
}

/** @param {Front} front */
export async function checkCalls(front) {
	const config = await request(front, "/x2go/rpc/config");
	assert.equal(config.status, 200, config.text);
	assert.match(String(config.headers["cache-control"]), /no-store/);
	const health = await request(front, "/x2go/health");
	assert.deepEqual([health.status, JSON.parse(health.text).state], [200, "ok"]);
	// All of this test's addresses are among those that may read them.
	const metrics = await request(front, "/x2go/metrics");
	assert.equal(metrics.status, 200);
	assert.match(metrics.text, /^x2goweb_/m);
	const client = new Client(front);
	const wrong = await client.call("sessions", { login: "0123456789abcdef" });
	assert.equal(wrong.status, 401);
	assert.equal(wrong.json.error.code, "not_logged_in");
	const large = await request(front, "/x2go/rpc/login", {
		method: "POST",
		headers: { "Content-Type": "application/json", Origin: front.origin },
		body: "x".repeat(20000),
	});
	assert.equal(large.status, 413);
	// What a web server makes a program's arguments of.
	const options = await request(front, "/x2go/rpc/config?--broker+/nonexistent");
	assert.equal(options.status, 200, options.text);
	const foreign = await request(front, "/x2go/rpc/login", {
		method: "POST",
		headers: { "Content-Type": "application/json", Origin: "https://evil.example" },
		body: "{}",
	});
	assert.equal(foreign.status, 403);
}

/** Logs in and shows the desktop, which nobody else can.
 * @param {Site} site @param {Front} front @param {RegExp} place */
export async function checkStream(site, front, place) {
	const client = new Client(front);
	await client.logIn();
	const other = new Client(front);
	await other.logIn("carol");
	const { ws } = await client.ok("resume", { id: site.desktop, ...SCREEN });
	assert.match(ws, place);
	for (const options of [
		{},
		{ cookie: other.cookie },
		{ cookie: other.cookie.replace(other.login, client.login) },
		{ cookie: client.cookie, origin: "https://localhost" },
	]) {
		const stranger = new Stream(front, ws, options);
		await stranger.until(({ refusal }) => refusal !== undefined, "refused");
		assert.equal(stranger.refusal, 403);
	}
	await other.ok("logout");
	const stream = await new Stream(front, ws, { cookie: client.cookie }).picture();
	stream.socket.send("ping 7");
	await stream.until(({ words }) => words.includes("pong 7"), "a pong");
	await client.ok("suspend", { id: site.desktop });
	await stream.closed();
	await client.ok("logout");
	// The relay has gone, and with it its place.
	await eventually(async () => {
		const answer = await request(front, ws, {
			headers: { Upgrade: "websocket", Connection: "upgrade" },
		});
		return answer.status >= 500;
	}, "the place is empty");
}

/** Upstream's client: a desktop of its own, shown to who has its cookie, and terminated.
 * @param {Front} front @param {RegExp} place */
export async function checkCompat(front, place) {
	/** @param {string} form */
	const ask = async (form) => {
		const { status, text } = await request(front, "/classic/assets/rpc/x2gorpc.cgi", {
			method: "POST",
			headers: {
				"Content-Type": "application/x-www-form-urlencoded",
				Origin: front.origin,
			},
			body: `${form}&user=bob&pass=builder&server=127.0.0.1`,
		});
		assert.equal(status, 200, text);
		const json = JSON.parse(text.replace("__STARTJSON__", ""));
		assert.equal(json.status, 0, text);
		return json.session;
	};
	const session = await ask("action=start&cmd=ICEWM&geometry=800x600");
	assert.match(`/x2gows/${session.wsport}`, place);
	const stream = new Stream(front, `/x2gows/${session.wsport}`, {
		protocols: ["binary"],
		hello: "",
	});
	await stream.until(({ open }) => open, "open");
	stream.socket.send(Buffer.from(session.cookie));
	await stream.picture();
	await ask(`action=terminate&sid=${session.id}`);
	await stream.closed();
}

/** Who the broker takes the client for.
 * @param {Front} front @param {string} from @param {string} said of the address @param {string} expected */
async function checkAddress(front, from, said, expected) {
	const client = new Client(front, {
		from,
		headers: { "X-Forwarded-For": said, "X-Real-IP": CLIENT, Forwarded: `for=${CLIENT}` },
	});
	await client.logIn();
	const logins = await brokerLogins(front.stack);
	assert.deepEqual(
		logins.filter(({ login }) => login === client.login).map((one) => one.client),
		[expected],
	);
	await client.ok("logout");
}

/** @param {Front} front */
export async function checkProxies(front) {
	await checkAddress(front, "127.0.0.3", CLIENT, "127.0.0.3");
	await checkAddress(front, PROXY, CLIENT, CLIENT);
	// What the proxy adds counts, and not what its client claims.
	await checkAddress(front, PROXY, `198.51.100.1, ${CLIENT}`, CLIENT);
}

/** Paths by which somebody might try to get elsewhere. @param {string} port */
function attempts(port) {
	const encoded = [...port].map((digit) => `%3${digit}`).join("");
	const name = "0123456789abcdef0123456789abcdef";
	return [
		...[
			port,
			`0${port}`,
			`${port}/`,
			`/${port}`,
			encoded,
			`${port}%0a`,
			`${port}%00`,
			`:${port}`,
		],
		...[
			`20001@127.0.0.1:${port}`,
			`127.0.0.1:${port}`,
			`20001/../${port}`,
			`20001%2f..%2f${port}`,
		],
		...[`x@localhost:${port}/20001`, `20001?x=${port}`, `20001;${port}`, `20001%23:${port}`],
		...["19999", "20500", "2000", "200000", "22", "-1", "%32%30%35%30%30", ""],
		...["../broker.sock", "..%2fbroker.sock", `../${name}`, `${name}.sock`, `${name}/..`],
		...[`${name}%00`, `${name.slice(1)}`, `${name}0`, name.toUpperCase(), `..%2f..%2f${name}`],
		...[`${name}|http:%2f%2f127.0.0.1:${port}`, `${name}%7chttp://127.0.0.1:${port}/`],
	];
}

/** Requests by which somebody might try it that no client would make. @param {string} port */
function heads(port) {
	const host = `localhost`;
	const upgrade = "Upgrade: websocket\r\nConnection: Upgrade, close";
	const inner = `GET /x2gows/${port} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
	/** @param {string} line @param {string[]} more */
	const head = (line, ...more) => [line, ...more, "Connection: close", "", ""].join("\r\n");
	const call = "POST /x2go/rpc/config HTTP/1.1";
	return [
		head(`GET http://127.0.0.1:${port}/ HTTP/1.1`, `Host: 127.0.0.1:${port}`),
		head(`GET http://127.0.0.1:${port}/x2gows/20001 HTTP/1.1`, `Host: ${host}`, upgrade),
		head(`GET //127.0.0.1:${port}/ HTTP/1.1`, `Host: ${host}`),
		head(`GET /x2gows/20001@127.0.0.1:${port} HTTP/1.1`, `Host: ${host}`, upgrade),
		head(`GET /x2gows/20001\t:${port} HTTP/1.1`, `Host: ${host}`, upgrade),
		head(`GET /x2gows/20001 HTTP/1.1`, `Host: 127.0.0.1:${port}`, upgrade),
		head(`GET /x2gows/20001 HTTP/1.1`, `Host: ${host}`, `Host: 127.0.0.1:${port}`, upgrade),
		head(`GET /x2go/ HTTP/1.1`, `Host: ${host}`, `X-Original-URL: /x2gows/${port}`),
		head(`CONNECT 127.0.0.1:${port} HTTP/1.1`, `Host: 127.0.0.1:${port}`),
		// One request within another, by bodies whose ends can be seen in two ways.
		...[
			[`Content-Length: ${inner.length}`, "Transfer-Encoding: chunked"],
			["Content-Length: 0", `Content-Length: ${inner.length}`],
			["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
			["Transfer-Encoding : chunked"],
			["Transfer-Encoding: xchunked", "Content-Length: 5"],
		].flatMap((lengths) => [
			`${head(call, `Host: ${host}`, ...lengths)}0\r\n\r\n${inner}`,
			`${head("GET /x2gows/20001 HTTP/1.1", `Host: ${host}`, upgrade, ...lengths)}0\r\n\r\n${inner}`,
		]),
	];
}

/** All that comes back until the web server hangs up.
 * @param {import("./rpc.mjs").Place} place @param {string} head */
function answerTo(place, head) {
	return new Promise((resolve, reject) => {
		let text = "";
		const socket = tls.connect(
			{ port: place.port, host: "127.0.0.1", rejectUnauthorized: false },
			() => socket.write(head),
		);
		socket.setTimeout(30000, () => reject(new Error(`no end of the answer to ${head}`)));
		socket.on("data", (data) => (text += data));
		socket.on("close", () => resolve(text));
		socket.on("error", () => {});
	});
}

/** None of them gets anywhere, nor into the way of the next one.
 * @param {Victim} victim @param {import("./rpc.mjs").Place} place */
export async function checkHeads(victim, place) {
	for (const head of heads(String(victim.port))) {
		assert.doesNotMatch(await answerTo(place, head), /secret/, head);
		const { status, text } = await request(place, "/x2go/rpc/config");
		assert.equal(status, 200, head);
		assert.ok(JSON.parse(text).servers, head);
	}
	assert.equal(victim.visits, 0);
}

/** @param {Site} site @param {Front} front */
export async function checkHole({ victim }, front) {
	for (const attempt of attempts(String(victim.port))) {
		const { status, text } = await request(front, `/x2gows/${attempt}`, {
			headers: { Upgrade: "websocket", Connection: "upgrade" },
		});
		assert.ok(status >= 400, `${attempt}: ${status}`);
		assert.doesNotMatch(text, /secret/, attempt);
	}
	await checkHeads(victim, front);
}
