// SPDX-License-Identifier: ISC
/**
 * What a real X2Go server does to its clients, and what we do about it: docs/x2go-defences.md names
 * each of these tests. Other users suffer at the same time, so each test has users of its own.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";
import { brokerLogins } from "./lib/status.mjs";

const SIZE = { width: 800, height: 600 };

const stack = new Stack({
	conditions: ["extensions"],
	config: ({ sshPort }) => ({
		"server passwords": { address: "127.0.0.1", port: String(sshPort), methods: "password" },
		// An xauth that may not write takes 20 s, twice a start.
		deadlines: { start: "120" },
	}),
});

before(() => stack.start());
after(async () => {
	if (process.env.BROKER_LOG) await writeFile(process.env.BROKER_LOG, stack.broker?.log ?? "");
	await stack.stop();
});

/** As root. @param {string} command */
const asRoot = (command) => stack.onHost("root", command);

/** @param {string} user */
async function loggedIn(user) {
	const client = new Client(stack);
	await client.logIn(user);
	return client;
}

/**
 * A desktop with its first picture.
 * @param {Client} client
 * @param {object} [options]
 * @returns {Promise<{stream: Stream, id: string, display: number}>}
 */
async function started(client, options = {}) {
	const answer = await client.ok("start", { desktop: "ICEWM", ...SIZE, ...options });
	const stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
	return { stream, id: answer.session.id, display: answer.session.display };
}

/** @param {Client} client @param {string} id @param {object} [options] */
async function resumed(client, id, options = {}) {
	const answer = await client.ok("resume", { id, ...SIZE, ...options });
	return new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
}

/** A desktop that has been left. @param {string} user */
async function suspended(user) {
	const client = await loggedIn(user);
	const { stream, id } = await started(client);
	await client.ok("suspend", { id });
	await stream.closed();
	return { client, id };
}

/** The call fails. @param {Client} client @param {string} name @param {object} body */
async function refusal(client, name, body) {
	const { status, json } = await client.call(name, { login: client.login, ...SIZE, ...body });
	return [status, json.error?.code];
}

/** @param {Client} client @param {string} id */
const resumeRefusal = (client, id) => refusal(client, "resume", { id });

/** One of x2golistsessions' fields. @param {string} user @param {string} id @param {number} field */
const listed = async (user, id, field) =>
	(await stack.onHost(user, "x2golistsessions"))
		.split("\n")
		.find((line) => line.includes(id))
		?.split("|")[field - 1];

/** @param {string} user */
const agentsOf = async (user) =>
	(await asRoot(`pgrep -u ${user} x2gokdrive || true`)).split("\n").filter(Boolean);

/** Displays of agents that are still ending: their rows are gone, and the server gives the displays to
 * the next start, which then fails (row 15). We try again; other clients do not. */
const ending = () =>
	asRoot(
		"listed=$(x2golistsessions_root | cut -d'|' -f3); for lock in /tmp/.X*-lock; do " +
			'display=${lock#/tmp/.X}; display=${display%-lock}; kill -0 $(cat "$lock") 2>/dev/null && ' +
			'! echo "$listed" | grep -qx "$display" && echo "$display"; done; true',
	);

/** Starts a session as another client does. @param {string} user @param {string} kind K: KDrive, D: NX
 * @param {string} desktop */
async function startedElsewhere(user, kind, desktop) {
	await eventually(async () => (await ending()) === "", "the end of earlier agents").catch(
		() => {},
	);
	return stack.host(
		"ssh",
		user,
		`x2gostartagent 800x600 lan 16m-jpeg-9 unix-kde-depth_24 us pc105/us 1 ${kind} ${desktop} both`,
	);
}

/** Does something while X2Go's cleaner is stopped. @param {() => Promise<void>} action */
async function withoutCleaner(action) {
	await asRoot("pkill -STOP x2gocleansessio");
	try {
		await action();
	} finally {
		await asRoot("pkill -CONT x2gocleansessio");
	}
}

/**
 * Connects to an agent's port from inside the server as soon as there is one.
 * @param {string} user whose agent
 * @param {string} then what the connection is for, in Perl
 */
function intruder(user, then) {
	return stack.hostProcess(
		"root",
		"perl",
		"-MIO::Socket::INET",
		"-e",
		`$| = 1; print "ready\\n"; while (1) {
			my ($port) = \`ss -Hltnp 2>/dev/null\` =~ /0\\.0\\.0\\.0:(\\d+)[^\\n]*x2gokdrive/;
			if ($port && \`ps -o user= -C x2gokdrive\` =~ /^${user}/m) {
				my $socket = IO::Socket::INET->new("127.0.0.1:$port") or next;
				print "connected\\n"; ${then}; exit 0;
			}
			select(undef, undef, undef, 0.01);
		}`,
	);
}

test("shells, noise, one channel, odd names: all of it works for each of them", async () => {
	/* Those whose names begin alike at the same time. */
	const users = ["dash", "dash-50-user", "tcsh", "noisy"];
	users.push("onechannel", "dot.user", "at@example.org");
	const work = async (/** @type {string} */ user) => {
		const client = await loggedIn(user);
		const { stream, id } = await started(client);
		const [row] = await client.sessions();
		assert.deepEqual(
			[row.id, row.desktop, row.status, row.kind, row.attached],
			[id, "ICEWM", "running", "desktop", true],
			user,
		);
		await client.ok("suspend", { id });
		await stream.closed();
		const again = await resumed(client, id, { layout: "de" });
		await client.ok("terminate", { id });
		await again.closed();
		assert.deepEqual(await client.sessions(), [], user);
		await client.ok("logout");
	};
	/* Not all at once: a start that takes longer than 10 s loses its row to the server's cleaner, and
	 * the cleaner suspends what takes 4 s to resume (rows 5 and 20). */
	const lane = async () => {
		for (let user; (user = users.shift()) !== undefined;) await work(user);
	};
	for (const end of await Promise.allSettled([lane(), lane()]))
		if (end.status === "rejected") throw end.reason;
});

test("accounts that run no commands, and expired ones, are told so", async () => {
	for (const user of ["nologin", "forced", "sftponly"]) {
		const client = new Client(stack);
		assert.deepEqual(
			await refusal(client, "login", loginOf(user, "demo")),
			[403, "commands_denied"],
			user,
		);
	}
	const client = new Client(stack);
	assert.deepEqual(await refusal(client, "login", loginOf("expired", "passwords")), [
		403,
		"password_expired",
	]);
});

/** For a call that is not to have what others have. @param {string} user @param {string} server */
const loginOf = (user, server) => ({
	login: undefined,
	width: undefined,
	height: undefined,
	server,
	user,
	password: "wonderland",
});

test("what a start and a resume can choose reaches the agent", async () => {
	const user = "u01";
	const client = await loggedIn(user);
	const { stream, id, display } = await started(client, {
		layout: "de",
		model: "jp106",
		dpi: 120,
		clipboard: "client",
		quality: 3,
	});
	const options = () => stack.onHost(user, `cat ~/.x2go/C-${id}/options`);
	assert.match(await options(), /,pack=16m-jpeg-3,.*,kbtype=jp106\/de,.*,clipboard=client,/);
	const inside = (/** @type {string} */ command) =>
		stack.onHost(user, `DISPLAY=:${display} ${command}`);
	assert.match(await inside("xdpyinfo"), /120x120 dots per inch/);
	assert.match(await inside("setxkbmap -query"), /model: +jp106\nlayout: +de/);
	await client.ok("suspend", { id });
	await stream.closed();
	const again = await resumed(client, id, {
		width: 1024,
		height: 768,
		layout: "ch(fr)",
		model: "pc104",
		dpi: 144,
		clipboard: "none",
		quality: 7,
	});
	assert.match(await options(), /,pack=16m-jpeg-7,.*,clipboard=none,/);
	assert.match(await inside("xdpyinfo"), /dimensions: +1024x768/);
	assert.match(await inside("setxkbmap -query"), /model: +pc104\nlayout: +ch\nvariant: +fr/);
	// The X server keeps its own; programs from now on go by this.
	assert.match(await inside("xrdb -query"), /^Xft\.dpi:\s*144$/m);
	again.socket.close();
	await client.ok("terminate", { id });
});

test("fact 3: suspending does not cost the connection that the start was sent over", async () => {
	const client = await loggedIn("dash");
	const { stream, id } = await started(client);
	// Nobody suspends it by command: the cleaner finds it suspended.
	stream.socket.close(1000);
	await eventually(async () => (await listed("dash", id, 5)) === "S", "the session suspended");
	await new Promise((resolve) => setTimeout(resolve, 3000));
	assert.equal((await client.sessions()).length, 1);
	await client.ok("terminate", { id });
});

test("facts 4, rows 6 and 7: a stray connection uses the listener up, a silent one keeps it", async () => {
	for (const [user, then] of [
		["u02", "close $socket"],
		["u03", "sleep 60"],
	]) {
		const stranger = intruder(user, then);
		await stranger.waitFor(/ready/);
		const client = await loggedIn(user);
		const { id } = await started(client);
		assert.match(stranger.log, /connected/, "the stranger was first");
		assert.match(await stack.onHost(user, `cat ~/.x2go/C-${id}/state`), /^RUNNING/);
		assert.equal(
			await stack.onHost(user, `pgrep -c -u ${user} -x icewm-session`),
			"1",
			"one desktop",
		);
		await client.ok("terminate", { id });
		stranger.kill();
	}
});

test("fact 6, row 3: a resume waits while another connection has the session's port", async () => {
	const { client, id } = await suspended("u04");
	const port = await listed("u04", id, 9);
	const thief = stack.hostProcess(
		"root",
		"perl",
		"-MIO::Socket::INET",
		"-e",
		`$| = 1; my $far = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
		my $near = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $far->sockport,
			LocalAddr => "127.0.0.1", LocalPort => ${port}, ReuseAddr => 1) or die "no: $!";
		print "stolen\\n"; sleep 60`,
	);
	await thief.waitFor(/stolen/);
	const answer = resumed(client, id);
	const broker = stack.broker;
	await broker?.waitFor(/port \d+ is taken/, { from: 0 });
	thief.kill();
	await answer;
	assert.equal((await agentsOf("u04")).length, 1);
	await client.ok("terminate", { id });
});

test("fact 7, row 4: without Encode::Locale a resume works, and the journal says what is wrong", async () => {
	const { client, id } = await suspended("u05");
	const file = "/usr/share/perl5/Encode/Locale.pm";
	await asRoot(`mv ${file} ${file}.away`);
	try {
		await resumed(client, id);
		await stack.broker?.waitFor(/libencode-locale-perl/);
	} finally {
		await asRoot(`mv ${file}.away ${file}`);
	}
	await client.ok("terminate", { id });
});

test("rows 11 to 13: dead agents, with the cleaner stopped, and missing state files", async () => {
	await withoutCleaner(async () => {
		const { client, id } = await suspended("u06");
		await asRoot("pkill -KILL -u u06 x2gokdrive");
		assert.equal((await client.sessions()).length, 1, "the server does not know yet");
		assert.deepEqual(await resumeRefusal(client, id), [404, "no_such_session"]);
		assert.deepEqual(await client.sessions(), []);
	});
	const { client, id } = await suspended("u07");
	const state = `~/.x2go/C-${id}/state`;
	const word = await stack.onHost("u07", `cat ${state}; rm ${state}`);
	assert.deepEqual(await resumeRefusal(client, id), [502, "resume_failed"]);
	assert.equal((await agentsOf("u07")).length, 1, "no harm was done");
	await stack.onHost("u07", `printf ${word} >${state}`);
	await resumed(client, id);
	await client.ok("terminate", { id });
});

test("a cleaner that does not run: start, suspend, resume and terminate all the same", async () => {
	await withoutCleaner(async () => {
		const { client, id } = await suspended("u08");
		assert.equal((await client.sessions())[0].status, "suspended");
		const stream = await resumed(client, id);
		await client.ok("terminate", { id });
		await stream.closed();
		assert.deepEqual(await client.sessions(), []);
	});
});

test("fact 2, rows 9 and 19: a broken and a locked database are no empty list", async () => {
	const { client, id } = await suspended("u09");
	const file = "/var/lib/x2go/x2go_sessions";
	await asRoot(`cp -p ${file} ${file}.away; : >${file}`);
	try {
		assert.deepEqual(await refusal(client, "sessions", NOTHING), [502, "x2go_fault"]);
		const other = new Client(stack);
		assert.deepEqual(await refusal(other, "login", loginOf("u10", "demo")), [
			502,
			"x2go_fault",
		]);
	} finally {
		await asRoot(`cat ${file}.away >${file}; rm ${file}.away`);
	}
	const lock = (/** @type {number} */ seconds) =>
		stack.hostProcess(
			"root",
			"perl",
			"-MDBI",
			"-e",
			`$| = 1; my $db = DBI->connect("dbi:SQLite:${file}", "", "", {RaiseError => 1});
			$db->do("BEGIN EXCLUSIVE"); print "locked\\n"; sleep ${seconds}; $db->do("ROLLBACK")`,
		);
	const brief = lock(4);
	await brief.waitFor(/locked/);
	assert.equal((await client.sessions()).length, 1, "the list was tried again");
	await brief.ended;
	const long = lock(60);
	await long.waitFor(/locked/);
	assert.deepEqual(await refusal(client, "sessions", NOTHING), [502, "x2go_fault"]);
	long.kill();
	const { json } = await client.call("terminate", { login: client.login, id });
	assert.equal(json.session.status, "terminated");
});

const NOTHING = { width: undefined, height: undefined };

test("NX sessions are listed, suspended and ended, but not shown", async () => {
	const user = "u11";
	// By SSH: x2golistsessions later signals the process above x2gostartagent's parent.
	const { status, stdout, stderr } = await startedElsewhere(user, "D", "KDE");
	const id = stdout.split("\n")[3] ?? "";
	assert.match(id, /_stDKDE_dp24$/, `x2gostartagent: ${status}: ${stdout}${stderr}`);
	const client = await loggedIn(user);
	const [row] = await client.sessions();
	assert.deepEqual([row.id, row.kind, row.desktop], [id, "nx", "KDE"]);
	assert.deepEqual(await resumeRefusal(client, id), [422, "not_showable"]);
	// The signal would end an NX agent that still awaits its first client.
	assert.deepEqual(await refusal(client, "suspend", { id, ...NOTHING }), [409, "session_busy"]);
	// What it says when that has come and gone.
	await stack.onHost(user, `printf SUSPENDED >~/.x2go/C-${id}/state`);
	const { session } = await client.ok("suspend", { id });
	assert.deepEqual([session.status, session.kind], ["suspended", "nx"]);
	assert.deepEqual(await resumeRefusal(client, id), [422, "not_showable"]);
	await client.ok("terminate", { id });
	assert.deepEqual(await client.sessions(), []);
});

test("a start of another client is understood in each of its phases", async () => {
	const user = "u12";
	const client = await loggedIn(user);
	const other = startedElsewhere(user, "K", "ICEWM");
	/** @type {Set<string>} */
	const seen = new Set();
	let busy;
	while (!seen.has("running")) {
		const [row] = await client.sessions();
		if (row) seen.add(row.status);
		if (row?.status === "starting") busy ??= await resumeRefusal(client, row.id);
	}
	assert.deepEqual([...seen], ["starting", "running"]);
	assert.ok(busy !== undefined && [200, 409].includes(Number(busy[0])), `${busy}`);
	await other;
	const [{ id }] = await client.sessions();
	await client.ok("terminate", { id });
});

test("a start that was cut off leaves a session whose desktop comes with its resume", async () => {
	const user = "u13";
	const client = await loggedIn(user);
	const start = client.call("start", { login: client.login, desktop: "ICEWM", ...SIZE });
	const [login] = (await brokerLogins(stack)).filter((one) => one.user === user);
	// Before that, what the server has begun may end with the connection.
	await eventually(async () => (await agentsOf(user)).length === 1, "an agent");
	process.kill(login.pid, "SIGKILL");
	assert.notEqual((await start).status, 200);
	const again = await loggedIn(user);
	const { id, status } = await eventually(
		async () => (await again.sessions()).find((row) => row.status !== "starting"),
		"a complete row",
	);
	assert.match(status, /running|suspended/);
	// Nobody connects: it is suspended within half a minute, but a user would not wait for that.
	await stack.onHost(user, `x2gosuspend-session ${id}`);
	await resumed(again, id);
	await eventually(
		async () => (await asRoot(`pgrep -c -u ${user} -x icewm-session || true`)) === "1",
		"the desktop",
	);
	await again.ok("terminate", { id });
});

test("fact 8, row 5: a start that the server loses sight of leaves no orphan", async () => {
	const folder = "/usr/lib/x2go/extensions/pre-start.d";
	// Longer than the ten seconds after which the server's cleaner forgets a row without an agent,
	// and than its own pace.
	await asRoot(
		`mkdir -p ${folder}; printf '#!/bin/sh\\ntest $(id -un) != u14 || sleep 18\\n' ` +
			`>${folder}/010_slow; chmod 755 ${folder}/010_slow`,
	);
	const slow = await loggedIn("u14");
	const quick = await loggedIn("u15");
	const answer = refusal(slow, "start", { desktop: "ICEWM" });
	const { id } = await started(quick);
	await quick.ok("terminate", { id });
	assert.deepEqual(await answer, [502, "start_failed"]);
	await eventually(async () => (await agentsOf("u14")).length === 0, "no agent left");
	assert.deepEqual(await slow.sessions(), []);
});

test("fact 9, rows 14 and 29: unprotected displays and frozen agents do not stay", async () => {
	await asRoot("chmod 555 /home/u16");
	const unwritable = await loggedIn("u16");
	const start = refusal(unwritable, "start", { desktop: "ICEWM" });

	const client = await loggedIn("u17");
	const { id } = await started(client);
	const [pid] = await agentsOf("u17");
	await withoutCleaner(async () => {
		await asRoot(`kill -STOP ${pid}`);
		const { session } = await client.ok("terminate", { id });
		assert.equal(session.status, "terminated");
		assert.deepEqual(await agentsOf("u17"), [pid], "it does not hear");
		assert.deepEqual(await client.sessions(), []);
		await client.ok("logout");
		await eventually(
			async () => (await agentsOf("u17")).length === 0,
			"no agent, though nobody is logged in",
			60000,
		);
		assert.deepEqual(await start, [502, "start_failed"]);
		await eventually(async () => (await agentsOf("u16")).length === 0, "no open display");
	});
});

test("row 23: without forwarding the session that was started is ended", async () => {
	const client = await loggedIn("noforward");
	assert.deepEqual(await refusal(client, "start", { desktop: "ICEWM" }), [
		502,
		"forwarding_denied",
	]);
	assert.deepEqual(await client.sessions(), []);
	await eventually(async () => (await agentsOf("noforward")).length === 0, "no agent");
});

test("row 15: a stale lock costs a second try, and leaves no row", async () => {
	const client = await loggedIn("u19");
	await withoutCleaner(async () => {
		const free = (
			await asRoot(
				`used=$(x2golistsessions_root | cut -d'|' -f3; ls /tmp/.X11-unix | tr -d X)
			for n in $(seq 50 90); do echo "$used" | grep -qx $n || echo $n; done`,
			)
		).split("\n");
		const lock = (/** @type {string} */ display) =>
			asRoot(`printf '%10d\\n' 4194304 >/tmp/.X${display}-lock`);
		await lock(free[0]);
		const { id } = await started(client);
		const before = (await client.sessions()).map((row) => row.id);
		await lock(free[2]);
		await lock(free[3]);
		assert.deepEqual(await refusal(client, "start", { desktop: "ICEWM" }), [
			502,
			"start_failed",
		]);
		assert.deepEqual([before, (await client.sessions()).map((row) => row.id)], [[id], [id]]);
		await client.ok("terminate", { id });
	});
});

test("two clicks do it once", async () => {
	const client = await loggedIn("u18");
	const both = (/** @type {string} */ name, /** @type {object} */ body) =>
		Promise.all([1, 2].map(() => client.call(name, { login: client.login, ...body })));
	const starts = await both("start", { desktop: "ICEWM", ...SIZE });
	assert.deepEqual(starts.map(({ status }) => status).sort(), [200, 409]);
	const [{ id }] = await client.sessions();
	assert.equal((await client.sessions()).length, 1);
	for (const { status, json } of await both("suspend", { id }))
		assert.deepEqual([status, json.session?.status], [200, "suspended"]);
	const resumes = await both("resume", { id, ...SIZE });
	assert.ok(resumes.some(({ status }) => status === 200));
	assert.ok(resumes.every(({ status }) => status === 200 || status === 409));
	const once = await client.ok("resume", { id, ...SIZE });
	await new Stream(stack, once.ws, { cookie: client.cookie }).picture();
	for (const { status, json } of await both("terminate", { id }))
		assert.deepEqual([status, json.session?.status], [200, "terminated"]);
	assert.deepEqual(await client.sessions(), []);
});
