// SPDX-License-Identifier: ISC
/**
 * Keyboard layouts, asked for by the calls of the page and looked at on the X server itself: by what
 * it was told, and by what its keys mean.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const SCREEN = { width: 800, height: 600 };
/** X keycodes by their place on a us keyboard. */
const KEYS = { q: 24, y: 29, leftBracket: 34, backslash: 51 };

const stack = new Stack();
const client = new Client(stack);
/** @type {import("./lib/rpc.mjs").Row} */
let session;
/** @type {Stream} */
let stream;

/** A command of alice's inside her desktop. @param {string} command */
const inside = (command) => stack.onHost("alice", `export DISPLAY=:${session.display}; ${command}`);

/** What the X server was told, and the first keysyms of some keys. */
async function keyboard() {
	const said = await inside("setxkbmap -query; xmodmap -pke");
	const value = (/** @type {string} */ name) =>
		said.match(new RegExp(`^${name}: +(\\S+)$`, "m"))?.[1] ?? "";
	const symbol = (/** @type {number} */ code) =>
		said.match(new RegExp(`^keycode +${code} = (\\S+)`, "m"))?.[1];
	return {
		layout: value("layout") + (value("variant") && `(${value("variant")})`),
		model: value("model"),
		keys: Object.values(KEYS).map(symbol).join(" "),
	};
}

/** Opens a session by start or resume and takes its stream, as the page does.
 * @param {string} call @param {object} body */
async function show(call, body) {
	const answer = await client.ok(call, { ...SCREEN, ...body });
	session = answer.session;
	stream = await new Stream(stack, answer.ws, { cookie: client.cookie }).picture();
}

/** @param {string} layout */
const setLayout = (layout) =>
	client.call("layout", { login: client.login, id: session.id, layout });

/** Presses and releases the key at Q as the page would: one message each. */
async function pressQ() {
	for (const type of [2, 3]) {
		const event = Buffer.alloc(41);
		event.writeUInt32LE(type, 0);
		event.writeUInt32LE(KEYS.q, 8);
		stream.socket.send(event);
	}
	const before = stream.bytes;
	await stream.until((now) => now.bytes > before, "an answer to the key");
}

before(async () => {
	await stack.start();
	await client.logIn();
});
after(() => stack.stop());

describe("at a start", () => {
	const table = {
		de: "q z udiaeresis numbersign",
		"ch(fr)": "q z egrave dollar",
	};
	for (const [layout, keys] of Object.entries(table))
		test(`${layout} is in force when the desktop is there`, async () => {
			await show("start", { desktop: "ICEWM", layout });
			await eventually(
				() => inside("xdotool search --class icewm || true"),
				"the window manager",
			);
			assert.deepEqual(await keyboard(), { layout, model: "pc105", keys });
			await client.ok("terminate", { id: session.id });
		});
});

test("while a session runs, the layout is what was asked for last", async () => {
	const table = {
		us: "q y bracketleft backslash",
		fr: "a y dead_circumflex asterisk",
		"de(nodeadkeys)": "q z udiaeresis numbersign",
		jp: "q y at bracketright",
		br: "q y dead_acute bracketright",
		"us(altgr-intl)": "q y bracketleft backslash",
		gb: "q y bracketleft numbersign",
	};
	await show("start", { desktop: "ICEWM", layout: "us" });
	for (const [layout, keys] of Object.entries(table)) {
		const { status, json } = await setLayout(layout);
		assert.deepEqual([status, json], [200, {}], layout);
		assert.deepEqual(await keyboard(), { layout, model: "pc105", keys });
	}
});

test("a layout that the server does not know changes nothing and says so", async () => {
	for (const layout of ["nope", "de(nope)"]) {
		const { status, json } = await setLayout(layout);
		assert.equal(`${status} ${json.error.code}`, "422 layout_unknown");
	}
	for (const layout of ["", "US", "us,de", "de;reboot", "ch(fr", "x".repeat(33)]) {
		const { status, json } = await setLayout(layout);
		assert.equal(`${status} ${json.error.code}`, "400 bad_request");
	}
	assert.equal((await keyboard()).layout, "gb");
});

test("a resume brings the layout of the place where the user is now", async () => {
	await setLayout("us");
	await client.ok("suspend", { id: session.id });
	const { status, json } = await setLayout("de");
	assert.equal(`${status} ${json.error.code}`, "400 bad_request");
	await show("resume", { id: session.id, layout: "fr" });
	assert.deepEqual(await keyboard(), {
		layout: "fr",
		model: "pc105",
		keys: "a y dead_circumflex asterisk",
	});
	await pressQ();
	assert.equal((await keyboard()).keys, "a y dead_circumflex asterisk", "after a key");
});

test("a resume that names none leaves the layout alone", async () => {
	await client.ok("suspend", { id: session.id });
	await show("resume", { id: session.id });
	assert.equal((await keyboard()).layout, "fr");
});

test("nobody sets the layout of what is not theirs", async () => {
	const other = new Client(stack);
	await other.logIn("bob", "builder");
	const { status, json } = await other.call("layout", {
		login: other.login,
		id: session.id,
		layout: "de",
	});
	assert.equal(`${status} ${json.error.code}`, "404 no_such_session");
	assert.equal((await keyboard()).layout, "fr");
});
