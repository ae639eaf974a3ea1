// SPDX-License-Identifier: ISC
/**
 * Two gateways behind HAProxy, as packaging/haproxy sets them up: logins stay where they are, go on
 * while their gateway is drained, and after its loss their users go on with the same desktops on the
 * other one.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch, logIn, open, state } from "../e2e/lib/browser.mjs";
import { Client, eventually, Stream } from "../e2e/lib/rpc.mjs";
import { freePort, Process, root, Stack } from "../e2e/lib/stack.mjs";
import { brokerctl, brokerLogins } from "../e2e/lib/status.mjs";
import { checkHeads, Victim } from "../e2e/lib/web_checks.mjs";

const SCREEN = { width: 800, height: 600 };
const options = { listen: "unix", config: { deadlines: { stop: "2" } } };
/** Their web servers believe HAProxy, which is on this host, too. */
class Gateway extends Stack {
	/** @override */
	async nginxText() {
		return (await super.nginxText()).replace(
			"server_name localhost;",
			"$& set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;",
		);
	}
}

const one = new Gateway(options);
/** @type {Gateway} */
let two;
/** @type {Gateway[]} */
let gateways;
const front = { port: 0, origin: "", url: "" };
/** @type {Process} */
let haproxy;

/** The packaged configuration with this test's places in it. */
async function haproxyText() {
	const text = await readFile(path.join(root, "packaging/haproxy/x2goweb.cfg"), "utf8");
	const pem = one.file("haproxy.pem");
	await writeFile(
		pem,
		(await readFile(one.file("cert.pem"), "utf8")) +
			(await readFile(one.file("key.pem"), "utf8")),
	);
	await chmod(pem, 0o600);
	const authorities = one.file("gateways-ca.pem");
	await writeFile(
		authorities,
		(await readFile(one.file("cert.pem"), "utf8")) +
			(await readFile(two.file("cert.pem"), "utf8")),
	);
	return text
		.replace(/^\tlog \/dev\/log.*$/m, "\tlog stderr format raw local0")
		.replace(/^\tuser .*\n\tgroup .*\n/m, "")
		.replace("/run/haproxy/admin.sock", one.file("haproxy.sock"))
		.replace(/^\tbind :80\n/m, "")
		.replace("bind :443", `bind 127.0.0.1:${front.port}`)
		.replace("/etc/haproxy/x2goweb.pem", pem)
		.replace("/etc/haproxy/gateways-ca.pem", authorities)
		.replace("192.0.2.11:443", `127.0.0.1:${one.port}`)
		.replace("192.0.2.12:443", `127.0.0.1:${two.port}`)
		.replace(/verifyhost \S+/g, "verifyhost localhost");
}

/** A word for HAProxy's own socket. @param {string} command @returns {Promise<string>} */
function ask(command) {
	return new Promise((resolve, reject) => {
		let text = "";
		const socket = net.connect(one.file("haproxy.sock"), () => socket.write(`${command}\n`));
		socket.on("data", (data) => (text += data));
		socket.on("end", () => resolve(text));
		socket.on("error", reject);
	});
}

/** "UP", "DOWN"..., as HAProxy sees it. @param {string} name */
async function health(name) {
	const rows = (await ask("show stat")).split("\n").map((row) => row.split(","));
	const column = rows[0].indexOf("status");
	return rows.find(([proxy, server]) => proxy === "gateways" && server === name)?.[column] ?? "";
}

/** On which gateway somebody's logins are. @param {string} user */
async function whereabouts(user) {
	const lists = await Promise.all(gateways.map((gateway) => brokerLogins(gateway)));
	return lists.flatMap((list, i) => list.filter((login) => login.user === user).map(() => i));
}

/** A client that keeps all cookies, as a browser does, HAProxy's among them. */
class Visitor extends Client {
	/** @type {Map<string, string>} */ jar = new Map();

	/** @override @param {string} name @param {object} body */
	async call(name, body) {
		this.headers = { Cookie: this.cookies };
		this.cookie = "";
		const answer = await super.call(name, body);
		for (const line of answer.headers["set-cookie"] ?? []) {
			const [pair] = line.split(";");
			const [key, value] = [
				pair.slice(0, pair.indexOf("=")),
				pair.slice(pair.indexOf("=") + 1),
			];
			if (value === "") this.jar.delete(key);
			else this.jar.set(key, value);
		}
		return answer;
	}

	get cookies() {
		return [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
	}
}

before(async () => {
	await one.start();
	two = new Gateway({ ...options, hostName: one.hostName, sshPort: one.sshPort, ownHost: false });
	await two.start();
	gateways = [one, two];
	front.port = await freePort();
	front.origin = `https://localhost:${front.port}`;
	front.url = `${front.origin}/x2go/`;
	await writeFile(one.file("haproxy.cfg"), await haproxyText());
	haproxy = new Process("haproxy", "haproxy", ["-db", "-f", one.file("haproxy.cfg")]);
	await eventually(
		async () =>
			(await health("one").catch(() => "")) === "UP" && (await health("two")) === "UP",
		`both gateways are up`,
	).catch((error) => {
		throw new Error(`${error}\n${haproxy.log}`);
	});
});
after(async () => {
	await haproxy?.stop();
	await two?.stop();
	await one.stop();
});

test("logins go to both gateways, and each stays where it is", async () => {
	const visitors = await Promise.all(
		["u01", "u02", "u03", "u04"].map(async (user) => {
			const visitor = new Visitor(front);
			await visitor.logIn(user);
			return visitor;
		}),
	);
	const lists = await Promise.all(gateways.map((gateway) => brokerLogins(gateway)));
	assert.equal(lists.flat().length, 4);
	for (const list of lists) assert.notEqual(list.length, 0);
	for (let round = 0; round < 3; round++)
		for (const visitor of visitors) assert.deepEqual(await visitor.sessions(), []);
	// The browser's address, as HAProxy sees it, and not what the browser says of it.
	for (const { client } of lists.flat()) assert.equal(client, "127.0.0.1");
	for (const visitor of visitors) await visitor.ok("logout");
});

test("what a browser says of its address is nothing to go by", async () => {
	const liar = new Client(front, { headers: { "X-Forwarded-For": "203.0.113.9" } });
	await liar.logIn("u05");
	const [login] = (await Promise.all(gateways.map((gateway) => brokerLogins(gateway)))).flat();
	assert.equal(login.client, "127.0.0.1");
	const [gateway] = (await whereabouts("u05")).map((i) => gateways[i]);
	await brokerctl(gateway, "kill", login.login);
});

test("a gateway that is drained keeps its logins and gets no new ones", async () => {
	const alice = new Visitor(front);
	await alice.logIn("alice");
	const [home] = await whereabouts("alice");
	const { ws } = await alice.ok("start", { ...SCREEN, desktop: "ICEWM" });
	const stream = await new Stream(front, ws, { cookie: alice.cookies }).picture();
	const { status, stderr } = await brokerctl(gateways[home], "drain");
	assert.equal(status, 0, stderr);
	const name = ["one", "two"][home];
	await eventually(async () => (await health(name)).startsWith("DOWN"), `${name} is drained`);

	const bob = new Visitor(front);
	await bob.logIn("bob", "builder");
	assert.deepEqual(await whereabouts("bob"), [1 - home]);
	await bob.ok("logout");
	// Hers goes on: calls, stream and all.
	stream.socket.send("ping 1");
	await stream.until(({ words }) => words.includes("pong 1"), "a pong");
	const [session] = await alice.sessions();
	await alice.ok("suspend", { id: session.id });
	await stream.closed();
	const again = await alice.ok("resume", { ...SCREEN, id: session.id });
	const second = await new Stream(front, again.ws, { cookie: alice.cookies }).picture();
	assert.deepEqual(await whereabouts("alice"), [home]);
	await alice.ok("terminate", { id: session.id });
	await second.closed();
	await alice.ok("logout");

	await brokerctl(gateways[home], "undrain");
	await eventually(async () => (await health(name)) === "UP", `${name} is back`);
});

test("after the loss of a gateway its users go on with their desktops on the other", async () => {
	const browser = await launch();
	try {
		const { page } = await open(browser, front);
		await logIn(page, { desktop: "ICEWM" });
		await state(page, "running", 60000);
		const [home] = await whereabouts("alice");
		const lost = gateways[home];
		const other = gateways[1 - home];
		// Work that must not be lost: a program within the desktop.
		const [display] = (await lost.onHost("alice", "x2golistsessions")).split("|").slice(2, 3);
		await lost.onHost("alice", `DISPLAY=:${display} setsid xclock >/dev/null 2>&1 & echo`);
		const programs = () => lost.onHost("alice", "pgrep -u alice -x xclock || true");
		const before = await eventually(programs, "the program runs");

		// As if the machine had lost its power, but for TCP's sake with ends to its connections.
		const pids = (await brokerLogins(lost)).map(({ pid }) => pid);
		for (const part of [lost.nginx, lost.fcgi, lost.broker]) part?.kill();
		for (const pid of pids) process.kill(pid, "SIGKILL");

		await state(page, ["form", "ended", "error"], 120000);
		const visitor = new Visitor(front);
		await visitor.logIn("alice");
		assert.equal((await brokerLogins(other)).length, 1);
		const rows = await visitor.sessions();
		assert.equal(rows.length, 1);
		const { ws } = await visitor.ok("resume", { ...SCREEN, id: rows[0].id });
		const stream = await new Stream(front, ws, { cookie: visitor.cookies }).picture();
		assert.equal(await programs(), before);
		stream.socket.close();
		await visitor.ok("logout");

		// The page's own way: it logs in again, though its cookies are of the gateway that is gone.
		await page.goto(front.url);
		await state(page, "form");
		await logIn(page, { desktop: "ICEWM" });
		await state(page, ["sessions", "running"], 60000);
		assert.equal(await programs(), before);
	} finally {
		await browser.close();
	}
});

test("one request within another, and others that no client would make", async () => {
	const victim = new Victim();
	await victim.start();
	try {
		await checkHeads(victim, front);
	} finally {
		victim.server.close();
	}
});

test("the page over HTTP/2, with what HAProxy adds", async () => {
	const session = http2.connect(front.origin, { rejectUnauthorized: false });
	try {
		const stream = session.request({ ":path": "/x2go/" });
		const [headers] = await once(stream, "response");
		stream.resume();
		assert.equal(headers[":status"], 200);
		assert.equal(headers["strict-transport-security"], "max-age=31536000");
		assert.match(headers["content-security-policy"], /^default-src 'none'/);
	} finally {
		session.destroy();
	}
});
