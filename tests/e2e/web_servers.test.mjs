// SPDX-License-Identifier: ISC
/**
 * The gateway behind each web server of packaging/, the way its snippet has it: streams by UNIX
 * sockets, or by ports where it cannot do with those. tests/nightly has the other ways.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, eventually, request } from "./lib/rpc.mjs";
import { run } from "./lib/stack.mjs";
import {
	checkCalls,
	checkHole,
	checkPage,
	checkProxies,
	checkStream,
	PLACES,
	SCREEN,
	Site,
} from "./lib/web_checks.mjs";
import { nginxWith, webServers } from "./lib/web_servers.mjs";

const site = new Site();

before(() => site.start());
after(() => site.stop());

for (const server of webServers)
	test(server.name, async (t) => {
		const way = server.sockets ? "sockets" : "ports";
		const front = await site.inFront(site[way], server);
		await t.test("a stream", () => checkStream(site, front, PLACES[way]));
		await t.test("nothing else of the host", () => checkHole(site, front));
		await t.test("the page", () => checkPage(front));
		await t.test("calls", () => checkCalls(front));
		await t.test("proxies in front", () => checkProxies(front));
	});

test("upstream's snippet leads to any port of the host", async () => {
	const front = await site.inFront(
		site.ports,
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
	site.victim.visits = 0;
	const { text } = await request(front, `/x2gows/${site.victim.port}`);
	assert.equal(text, "secret");
	assert.equal(site.victim.visits, 1);
});

test("the sockets are for the web server alone, and go with their logins", async () => {
	const client = new Client(site.sockets);
	await client.logIn();
	const { ws } = await client.ok("resume", { id: site.desktop, ...SCREEN });
	const name = ws.replace("/x2gows/", "");
	const folder = site.sockets.file("run/streams");
	const { status, stdout } = await run("stat", ["-c", "%a %G", folder]);
	assert.deepEqual([status, stdout.trim()], [0, "710 www-data"]);
	const denied = await run("setpriv", ["--reuid=nobody", "--clear-groups", "ls", folder]);
	assert.notEqual(denied.status, 0);
	const listed = await run("setpriv", [
		...["--reuid=www-data", "--regid=www-data", "--clear-groups", "ls", folder],
	]);
	assert.notEqual(listed.status, 0);
	assert.equal((await run("ls", [folder])).stdout.trim(), `${name}.sock`);
	await client.ok("suspend", { id: site.desktop });
	await client.ok("logout");
	await eventually(async () => (await run("ls", [folder])).stdout === "", "the socket has gone");
});
