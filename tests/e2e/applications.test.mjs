// SPDX-License-Identifier: ISC
/**
 * Published applications: the real x2gogetapps lists them, and what it lists can be started.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const SCREEN = { width: 800, height: 600 };

/** Beside those of the test server's packages. @type {Record<string, string>} */
const ENTRIES = {
	"clock.desktop":
		"Name=Clock\nName[de]=Uhr\nExec=xclock -update 1 %U\nCategories=Utility;Clock;",
	"env.desktop": "Name=Environment\nExec=/usr/bin/env PROOF=here xterm -name published\n",
	"top.desktop": "Name=top\nExec=top\nTerminal=true\nCategories=System;Monitor;",
	"hidden.desktop": "Name=Hidden\nExec=xeyes\nNoDisplay=true",
	"shell.desktop": 'Name=Shell\nExec=sh -c "xeyes; reboot"',
	"markup.desktop": "Name=<img src=x onerror=alert(1)>\nExec=xlogo\nCategories=Nonsense;",
};

const stack = new Stack();
const client = new Client(stack);

/** @type {{command: string, title: string, group: string}[]} */
let published;

/** @param {string} title */
const command = (title) => published.find((one) => one.title === title)?.command ?? "";

/** Starts it, calls action with its display, ends it.
 * @param {string} program @param {(inside: (command: string) => Promise<string>) => Promise<void>} action */
async function running(program, action) {
	const answer = await client.ok("start", { command: program, ...SCREEN });
	const stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
	await action((line) =>
		stack.onHost("alice", `export DISPLAY=:${answer.session.display}; ${line}`),
	);
	await client.ok("terminate", { id: answer.session.id });
	await stream.closed();
}

before(async () => {
	await stack.start();
	const folder = ".x2go/applications";
	for (const [name, text] of Object.entries(ENTRIES)) {
		const lines = `[Desktop Entry]\nType=Application\n${text}\n`;
		const file = Buffer.from(lines).toString("base64");
		await stack.onHost(
			"alice",
			`cd; mkdir -p ${folder}; echo ${file} | base64 -d >${folder}/${name}`,
		);
	}
	await client.logIn();
});
after(() => stack.stop());

test("what the server publishes is listed, sorted, and only what can be started", async () => {
	published = (await client.ok("applications")).applications;
	assert.deepEqual(published, [
		{ command: "xlogo", title: "<img src=x onerror=alert(1)>", group: "Other" },
		{ command: "xclock -update 1", title: "Clock", group: "Utility" },
		{
			command: "/usr/bin/env PROOF=here xterm -name published",
			title: "Environment",
			group: "Other",
		},
		{ command: "xterm -e top", title: "top", group: "System" },
		{ command: "uxterm", title: "UXTerm", group: "System" },
		{ command: "xterm", title: "XTerm", group: "System" },
	]);
});

test("a published application with arguments runs on a desktop of its own", () =>
	running(command("Clock"), async (inside) => {
		await eventually(() => inside("xdotool search --class xclock || true"), "the clock");
		assert.match(await inside("pgrep -a -u alice -x xclock"), /^\d+ xclock -update 1$/);
	}));

test("one that begins with env gets its environment", () =>
	running(command("Environment"), async (inside) => {
		await eventually(
			() => inside("xdotool search --classname ^published$ || true"),
			"the window",
		);
		const environment = await inside(
			"tr '\\0' '\\n' </proc/$(pgrep -n -u alice -x xterm)/environ | grep ^PROOF=",
		);
		assert.equal(environment, "PROOF=here");
	}));

test("one for a terminal runs in one", () =>
	running(command("top"), async (inside) => {
		await eventually(() => inside("pgrep -u alice -x top || true"), "top");
		assert.ok(await inside("xdotool search --class xterm"));
	}));

test("the end of the application ends its session", async () => {
	const answer = await client.ok("start", { command: command("Clock"), ...SCREEN });
	const stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
	await eventually(
		() => stack.onHost("alice", "pkill -u alice -x xclock && echo gone || true"),
		"the clock",
	);
	await stream.closed();
	assert.match(stream.words.join("\n"), /^bye ended /m);
});

test("a server without x2gogetapps publishes nothing", async () => {
	const path = "$(command -v x2gogetapps)";
	await stack.onHost("root", `chmod 0 ${path}`);
	assert.deepEqual(await client.ok("applications"), { applications: [] });
});
