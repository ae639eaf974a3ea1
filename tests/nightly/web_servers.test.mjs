// SPDX-License-Identifier: ISC
/**
 * The gateway behind each web server of packaging/, by the ways that tests/e2e leaves out: streams by
 * ports, from another machine, over HTTP/2, of a browser, and of upstream's client.
 */
import assert from "node:assert/strict";
import { chown, cp, readFile, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import path from "node:path";
import { after, before, test } from "node:test";
import tls from "node:tls";
import { launch, logIn, open, state } from "../e2e/lib/browser.mjs";
import { Client, eventually } from "../e2e/lib/rpc.mjs";
import { build, freePort, idsOf, Process } from "../e2e/lib/stack.mjs";
import {
	checkCompat,
	checkHole,
	checkStream,
	PLACES,
	SCREEN,
	Site,
} from "../e2e/lib/web_checks.mjs";
import { remoteWebServers, webServers } from "../e2e/lib/web_servers.mjs";

/** @typedef {import("../e2e/lib/web_servers.mjs").Front} Front */

const TLS_USER = 64300;

const site = new Site();
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
	await site.start();
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await site.stop();
});

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
	// First, since web servers soon hang up when they are asked nothing.
	const client = new Client(front);
	let ws = "";
	if (front.server.h2Streams) {
		await client.logIn();
		({ ws } = await client.ok("resume", { id: site.desktop, ...SCREEN }));
	}
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
	} finally {
		session.destroy();
		if (ws) {
			await client.ok("suspend", { id: site.desktop });
			await client.ok("logout");
		}
	}
}

/** @param {Front} front */
async function checkBrowser(front) {
	const { page, complaints } = await open(browser, front);
	await logIn(page);
	await state(page, "sessions");
	await page.click(`li[data-session="${site.desktop}"] [data-action="resume"]`);
	await state(page, "running");
	await page.click("#suspend");
	await state(page, "sessions");
	assert.deepEqual(complaints, []);
	await page.context().close();
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
	test(server.name, async (t) => {
		const byPorts = await site.inFront(site.ports, server);
		const way = server.sockets ? "sockets" : "ports";
		const front = server.sockets ? await site.inFront(site.sockets, server) : byPorts;
		await t.test("a browser", () => checkBrowser(front));
		if (server.sockets) {
			await t.test("a stream to a port", () => checkStream(site, byPorts, PLACES.ports));
			await t.test("nothing else of the host", () => checkHole(site, byPorts));
		}
		// The rest is the same, however the calls come.
		if (server.cgi) return;
		await t.test("upstream's client", () => checkCompat(front, PLACES[way]));
		await t.test("HTTP/2", () => checkHttp2(byPorts));
	});

test("a web server on another machine reaches the relays by TLS", async (t) => {
	const tlsPort = await freePort();
	const { sockets } = site;
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
				const front = await site.inFront(sockets, { ...server, start: edit });
				await checkStream(site, front, PLACES.sockets);
				await checkHole(site, front);
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
