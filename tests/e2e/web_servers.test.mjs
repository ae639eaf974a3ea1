// SPDX-License-Identifier: ISC
/**
 * The gateway behind each web server of packaging/, with streams by UNIX sockets and by ports: the
 * page and its headers, calls, a stream, proxies in front, HTTP/2, and that nothing else of the host
 * can be reached through them.
 */
import assert from "node:assert/strict";
import { chown, cp, readFile, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import tls from "node:tls";
import { launch, logIn, open, state } from "./lib/browser.mjs";
import { Client, eventually, request, Stream } from "./lib/rpc.mjs";
import { build, freePort, idsOf, Process, run, Stack } from "./lib/stack.mjs";
import { brokerLogins } from "./lib/status.mjs";
import { Front, nginxWith, remoteWebServers, webServers } from "./lib/web_servers.mjs";

const SCREEN = { width: 800, height: 600 };
const PROXY = "127.0.0.2";
const CLIENT = "203.0.113.7";
const TLS_USER = 64300;

const sockets = new Stack({ listen: "unix" });
/** @type {Stack} */
let ports;
/** The one desktop that all of them show. */
let desktop = "";

/** @type {net.Server} what a stranger would like to reach */
let victim;
let victimPort = 0;
let victimVisits = 0;

/** @type {import("playwright-core").Browser} */
let browser;

/** @type {Front[]} */
const fronts = [];

/** @param {Stack} stack @param {import("./lib/web_servers.mjs").WebServer} server */
async function inFront(stack, server) {
	const front = await new Front(stack, server, { more: server.trust(PROXY) }).start();
	fronts.push(front);
	return front;
}

before(async () => {
	await sockets.start();
	ports = new Stack({
		hostName: sockets.hostName,
		sshPort: sockets.sshPort,
		ownHost: false,
		listen: "127.0.0.1",
	});
	await ports.start();
	const client = new Client(sockets);
	await client.logIn();
	desktop = (await client.ok("start", { ...SCREEN, desktop: "ICEWM" })).session.id;
	await client.ok("logout");
	browser = await launch();
	victim = net.createServer((socket) => {
		victimVisits++;
		socket.on("error", () => {});
		socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret");
	});
	await new Promise((resolve) => victim.listen(0, "127.0.0.1", () => resolve(undefined)));
	victimPort = /** @type {net.AddressInfo} */ (victim.address()).port;
});
after(async () => {
	victim?.close();
	await browser?.close();
	for (const front of fronts) await front.stop();
	await ports?.stop();
	await sockets.stop();
});

/** @param {Front} front */
async function checkPage(front) {
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
async function checkCalls(front) {
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
	const wrong = await client.call("login", { server: "demo", user: "alice", password: "no" });
	assert.equal(wrong.status, 401);
	assert.equal(wrong.json.error.code, "auth_failed");
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

/** Logs in and opens the desktop. @param {Front} front @param {RegExp} place */
async function checkStream(front, place) {
	const client = new Client(front);
	await client.logIn();
	const { ws } = await client.ok("resume", { id: desktop, ...SCREEN });
	assert.match(ws, place);
	const stranger = new Stream(front, ws);
	await stranger.until(({ refusal }) => refusal !== undefined, "refused");
	assert.equal(stranger.refusal, 403);
	const stream = await new Stream(front, ws, { cookie: client.cookie }).picture();
	stream.socket.send("ping 7");
	await stream.until(({ words }) => words.includes("pong 7"), "a pong");
	await client.ok("suspend", { id: desktop });
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

/** Who the broker takes the client for. @param {Front} front @param {string} from */
async function checkProxies(front, from, expected = from) {
	const client = new Client(front, { from, headers: { "X-Forwarded-For": CLIENT } });
	await client.logIn();
	const logins = await brokerLogins(front.stack);
	assert.deepEqual(
		logins.filter(({ login }) => login === client.login).map((one) => one.client),
		[expected],
	);
	await client.ok("logout");
}

/** @param {http2.ClientHttp2Session} session @param {http2.OutgoingHttpHeaders} headers
 * @returns {Promise<{stream: http2.ClientHttp2Stream, answer: http2.IncomingHttpHeaders}>} */
function ask(session, headers) {
	return new Promise((resolve, reject) => {
		const stream = session.request(headers, { endStream: headers[":method"] !== "CONNECT" });
		stream.on("response", (answer) => resolve({ stream, answer }));
		stream.on("error", reject);
	});
}

/** @param {Front} front */
async function checkHttp2(front) {
	const session = http2.connect(`https://127.0.0.1:${front.port}`, { rejectUnauthorized: false });
	try {
		await new Promise((resolve, reject) => {
			session.on("remoteSettings", resolve);
			session.on("error", reject);
		});
		const authority = `localhost:${front.port}`;
		const { stream, answer } = await ask(session, {
			":path": "/x2go/rpc/config",
			":authority": authority,
		});
		stream.resume();
		assert.equal(answer[":status"], 200);
		const settings = /** @type {any} */ (session.remoteSettings);
		assert.equal(settings.enableConnectProtocol ?? false, front.server.h2Streams);
		if (!front.server.h2Streams) return;
		const client = new Client(front);
		await client.logIn();
		const { ws } = await client.ok("resume", { id: desktop, ...SCREEN });
		const tunnel = await ask(session, {
			":method": "CONNECT",
			":protocol": "websocket",
			":scheme": "https",
			":authority": authority,
			":path": `${ws}?hello.1.-.0.0123456789abcdef.1.shown`,
			origin: front.origin,
			cookie: client.cookie,
			"sec-websocket-version": "13",
			"sec-websocket-protocol": "x2goweb.v1",
		});
		assert.equal(tunnel.answer[":status"], 200);
		assert.equal(tunnel.answer["sec-websocket-protocol"], "x2goweb.v1");
		let bytes = 0;
		tunnel.stream.on("data", (/** @type {Buffer} */ data) => (bytes += data.length));
		await eventually(() => bytes > 1000, "a picture over HTTP/2");
		tunnel.stream.close();
		await client.ok("suspend", { id: desktop });
		await client.ok("logout");
	} finally {
		session.destroy();
	}
}

/** @param {Front} front */
async function checkBrowser(front) {
	const { page, complaints } = await open(browser, front);
	await logIn(page);
	await state(page, "sessions");
	await page.click(`li[data-session="${desktop}"] [data-action="resume"]`);
	await state(page, "running");
	await page.click("#suspend");
	await state(page, "sessions");
	assert.deepEqual(complaints, []);
	await page.context().close();
}

/** Addresses by which somebody might try to get elsewhere. */
function attempts() {
	const port = String(victimPort);
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

/** @param {Front} front */
async function checkHole(front) {
	victimVisits = 0;
	for (const attempt of attempts()) {
		const { status, text } = await request(front, `/x2gows/${attempt}`, {
			headers: { Upgrade: "websocket", Connection: "upgrade" },
		});
		assert.ok(status >= 400, `${attempt}: ${status}`);
		assert.doesNotMatch(text, /secret/, attempt);
	}
	assert.equal(victimVisits, 0);
}

/** The fingerprint of what is shown there. @param {number} port @returns {Promise<string>} */
function certificateAt(port) {
	return new Promise((resolve, reject) => {
		const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
			resolve(socket.getPeerCertificate().fingerprint256);
			socket.destroy();
		});
		socket.on("error", reject);
	});
}

for (const server of webServers)
	for (const way of server.sockets ? ["sockets", "ports"] : ["ports"])
		test(`${server.name}, with streams by ${way}`, async (t) => {
			const stack = way === "sockets" ? sockets : ports;
			const front = await inFront(stack, server);
			const place = way === "sockets" ? /^\/x2gows\/[0-9a-f]{32}$/ : /^\/x2gows\/20\d{3}$/;
			await t.test("a stream", () => checkStream(front, place));
			await t.test("nothing else of the host", () => checkHole(front));
			if (way === "sockets") return;
			await t.test("the page", () => checkPage(front));
			await t.test("calls", () => checkCalls(front));
			await t.test("proxies in front", async () => {
				await checkProxies(front, "127.0.0.3");
				await checkProxies(front, PROXY, CLIENT);
			});
			await t.test("HTTP/2", () => checkHttp2(front));
			await t.test("a browser", () => checkBrowser(front));
		});

test("upstream's snippet leads to any port of the host", async () => {
	const front = await inFront(
		ports,
		nginxWith(
			"nginx with upstream's snippet",
			`location ~ ^/x2gows/(.*)$ {
				proxy_pass http://127.0.0.1:$1;
				proxy_http_version 1.1;
				proxy_set_header Upgrade $http_upgrade;
				proxy_set_header Connection "upgrade";
			}`,
		),
	);
	victimVisits = 0;
	const { text } = await request(front, `/x2gows/${victimPort}`);
	assert.equal(text, "secret");
	assert.equal(victimVisits, 1);
});

test("the sockets are for the web server alone, and go with their logins", async () => {
	const client = new Client(sockets);
	await client.logIn();
	const { ws } = await client.ok("resume", { id: desktop, ...SCREEN });
	const name = ws.replace("/x2gows/", "");
	const folder = sockets.file("run/streams");
	const { status, stdout } = await run("stat", ["-c", "%a %G", folder]);
	assert.deepEqual([status, stdout.trim()], [0, "710 www-data"]);
	const denied = await run("setpriv", ["--reuid=nobody", "--clear-groups", "ls", folder]);
	assert.notEqual(denied.status, 0);
	const listed = await run("setpriv", [
		...["--reuid=www-data", "--regid=www-data", "--clear-groups", "ls", folder],
	]);
	assert.notEqual(listed.status, 0);
	assert.equal((await run("ls", [folder])).stdout.trim(), `${name}.sock`);
	await client.ok("suspend", { id: desktop });
	await client.ok("logout");
	await eventually(async () => (await run("ls", [folder])).stdout === "", "the socket has gone");
});

test("a web server on another machine reaches the relays by TLS", async (t) => {
	const tlsPort = await freePort();
	sockets.options.config = {
		relay: {
			listen: "unix",
			tls_listen: "127.0.0.1",
			tls_port: String(tlsPort),
			tls_certificate: sockets.file("relay-cert.pem"),
			tls_key: sockets.file("relay-key.pem"),
		},
	};
	await sockets.writeConfig();
	const { gid } = idsOf("www-data");
	for (const name of ["cert", "key"]) {
		await cp(sockets.file(`${name}.pem`), sockets.file(`relay-${name}.pem`));
		await chown(sockets.file(`relay-${name}.pem`), TLS_USER, TLS_USER);
	}
	await cp(path.join(build, "bin/x2goweb-tls"), sockets.file("x2goweb-tls"));
	const door = new Process(
		"x2goweb-tls",
		sockets.file("x2goweb-tls"),
		[...["-c", sockets.file("x2goweb.conf")]],
		{ uid: TLS_USER, gid, cwd: "/", env: {} },
	);
	try {
		await door.waitFor(/ready at/);
		for (const [server, edit] of remoteWebServers(
			`localhost:${tlsPort}`,
			sockets.file("cert.pem"),
		))
			await t.test(server.name, async () => {
				const front = await inFront(sockets, { ...server, start: edit });
				await checkStream(front, /^\/x2gows\/[0-9a-f]{32}$/);
				await checkHole(front);
			});
		await t.test("a new certificate counts at once, and a bad one does not", async () => {
			const before = await certificateAt(tlsPort);
			await writeFile(sockets.file("relay-cert.pem"), "nothing");
			door.child.kill("SIGHUP");
			await door.waitFor(/certificate not reloaded/);
			assert.equal(await certificateAt(tlsPort), before);
			await sockets.makeCertificate();
			for (const name of ["cert", "key"])
				await writeFile(
					sockets.file(`relay-${name}.pem`),
					await readFile(sockets.file(`${name}.pem`)),
				);
			door.child.kill("SIGHUP");
			await door.waitFor(/certificate reloaded/);
			assert.notEqual(await certificateAt(tlsPort), before);
		});
		await t.test("those who say nothing are sent away", async () => {
			const socket = tls.connect({
				port: tlsPort,
				host: "127.0.0.1",
				rejectUnauthorized: false,
			});
			socket.on("error", () => {});
			socket.resume();
			const begin = Date.now();
			await new Promise((resolve) => socket.on("close", resolve));
			assert.ok(Date.now() - begin < 15000);
		});
	} finally {
		await door.stop();
	}
});
