// SPDX-License-Identifier: ISC
/**
 * Every layout that is offered, on the real X server: what its keys mean there is what our table
 * says, and each of its characters, typed as the page types it, arrives in a terminal.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KeyMap } from "../../www/js/input/key_map.js";
import { LAYOUT_TABLES } from "../../www/js/input/layout_tables.js";
import { LAYOUTS } from "../../www/js/input/layouts.js";
import { AgentProbe } from "../../www/js/stream/agent_probe.js";
import { KdriveReader } from "../../www/js/stream/kdrive_read.js";
import { keyEvent, levelledTap } from "../../www/js/stream/kdrive_send.js";
import { SendQueue } from "../../www/js/stream/send_queue.js";
import { keysymReader, levelsOf } from "./lib/keymap.mjs";
import { Client, eventually, Stream } from "./lib/rpc.mjs";
import { Stack } from "./lib/stack.mjs";

const LINE = 40;
const EACH_ACCENT = 3;
/** Letters that two keys compose: Latin with accents, Greek. */
const COMPOSED = [range(0xc0, 0x17f), range(0x386, 0x3ce)].flat();

const stack = new Stack();
const client = new Client(stack);
/** @type {import("./lib/rpc.mjs").Row} */
let session;
/** @type {Stream} */
let stream;
const setTimer = (/** @type {() => void} */ run, /** @type {number} */ ms) => setTimeout(run, ms);
const probe = new AgentProbe({ send: (bytes) => stream.socket.send(bytes), setTimer });
const queue = new SendQueue({
	send: (bytes) => stream.socket.send(bytes),
	now: () => performance.now(),
	setTimer,
	probe: () => probe.ask(),
});
const reader = new KdriveReader((message) => {
	if (message.type === "frame") probe.pictureCame(message);
});
/** @type {import("./lib/stack.mjs").Process | undefined} */
let output;
/** @type {(name: string) => string} */
let charOf;

/** A command of alice's inside her desktop. @param {string} command */
const inside = (command) =>
	stack.onHost(
		"alice",
		`export DISPLAY=:${session.display} XAUTHORITY=$HOME/.Xauthority LANG=C.UTF-8; ${command}`,
	);

before(async () => {
	charOf = await keysymReader();
	await stack.start();
	await client.logIn();
	const answer = await client.ok("start", { desktop: "ICEWM", width: 800, height: 600 });
	session = answer.session;
	stream = new Stream(stack, answer.ws, { cookie: client.cookie });
	stream.socket.on("message", (data, binary) => {
		if (binary) reader.push(new Uint8Array(/** @type {Buffer} */ (data)));
	});
	await stream.picture();
	/* While it starts it takes the focus from whoever has it. */
	await eventually(
		() => inside("xprop -root _NET_SUPPORTING_WM_CHECK | grep '#' || true"),
		"IceWM",
	);
	await inside("mkfifo /tmp/layouts-typed");
	output = stack.hostProcess("alice", "cat", "/tmp/layouts-typed");
	await inside(
		"setsid xterm -u8 -class KeyTest -e sh -c " +
			"'stty -echo; exec >/tmp/layouts-typed; echo ready; exec cat' >/dev/null 2>&1 &",
	);
	const window = await eventually(
		() => inside("xdotool search --onlyvisible --class KeyTest || true"),
		"a terminal",
	);
	await inside(`xdotool windowfocus --sync ${window}`);
	await output.waitFor(/^ready$/m);
});
after(async () => {
	output?.kill();
	await stack.stop();
});

/** All that stands on a layout's keys, and some of what each of its dead keys composes; in lines
 * that a terminal takes. @param {string} layout */
function everySign(layout) {
	const map = new KeyMap(layout);
	const direct = new Set(LAYOUT_TABLES[layout].flatMap((level) => [...level]));
	const composed = COMPOSED.filter((sign) => !direct.has(sign) && map.tapsFor(sign));
	/** @type {Map<string, string[]>} by accent */
	const some = new Map();
	for (const sign of composed) {
		const accent = sign.normalize("NFD").slice(1);
		some.set(accent, [...(some.get(accent) ?? []), sign].slice(-EACH_ACCENT));
	}
	const signs = [...direct].filter((sign) => map.tapsFor(sign)).concat(...some.values());
	const lines = [];
	for (let at = 0; at < signs.length; at += LINE)
		lines.push(signs.slice(at, at + LINE).join("") + "\n");
	return lines;
}

/** As the page does. @param {string} layout @param {string} text */
function type(layout, text) {
	const map = new KeyMap(layout);
	for (const { keycode, mask } of [...text].flatMap((sign) => map.tapsFor(sign) ?? []))
		queue.pushMasked(mask ? levelledTap(keycode, mask) : keyEvent(true, keycode, mask), mask);
}

let typed = 0;
for (const layout of LAYOUTS)
	test(`${layout}: its table, and every character of it`, async () => {
		await client.ok("layout", { id: session.id, layout });
		const map = await inside("xmodmap -pke");
		assert.deepEqual(levelsOf(map, charOf), LAYOUT_TABLES[layout]);
		for (const line of everySign(layout)) {
			const from = output?.log.length;
			type(layout, line);
			const match = await output?.waitFor(/^.*\n/, { from });
			assert.equal(match?.[0], line);
			typed += [...line].length;
		}
	});

test("that was a lot", (context) => {
	context.diagnostic(`${typed} characters typed in ${LAYOUTS.length} layouts`);
	assert.ok(typed > 5000, `${typed}`);
});

/** @param {number} first @param {number} last */
function range(first, last) {
	return Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i));
}
