// SPDX-License-Identifier: ISC
/**
 * Records what a real KDrive agent sends while scene.sh happens on its desktop: the stream that the
 * client bench replays. See --help.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { updateEvent } from "../../www/js/stream/kdrive_send.js";
import { Client, Stream } from "../e2e/lib/rpc.mjs";
import { root, Stack } from "../e2e/lib/stack.mjs";
import { assemble, save } from "./recording.mjs";

const HELP = `usage: BUILD=build node tests/bench/record.mjs [--output FILE] [--scene FILE]

Records a desktop's stream for the client bench. Starts a gateway and an X2Go server of its own,
logs in, starts an IceWM desktop of 1024x768, connects as a browser does, and runs the scene (a
shell script) on it. All that the server sends, from its first byte, goes to FILE.kdrive; sizes,
counts and times go to FILE.json. Needs root and what \`make demo\` needs; takes about 40 seconds.

  --output FILE  without ending; default tests/bench/recordings/desktop
  --scene FILE   default tests/bench/scene.sh

A new recording changes what the bench measures: figures of before and after do not compare.
`;
const SCREEN = { width: 1024, height: 768 };
/** As the browser: a whole-screen picture is asked for again, by its size, to get it sharp. */
const SHARPEN_AFTER_MS = 1000;

const { values } = parseArgs({
	options: {
		output: { type: "string", default: path.join(root, "tests/bench/recordings/desktop") },
		scene: { type: "string", default: path.join(root, "tests/bench/scene.sh") },
		help: { type: "boolean", default: false },
	},
});
if (values.help) {
	console.log(HELP);
	process.exit(0);
}

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

const stack = new Stack({ config: { broker: { log_level: "info" } } });
try {
	await stack.start();
	const scene = await readFile(values.scene, "utf8");
	const client = new Client(stack);
	await client.logIn();
	const { session, ws } = await client.ok("start", { desktop: "ICEWM", ...SCREEN });
	const stream = new Stream(stack, ws, { cookie: client.cookie });
	/** @type {{at: number, bytes: Buffer}[]} */
	const chunks = [];
	stream.socket.on("message", (data, binary) => {
		if (binary) chunks.push({ at: performance.now(), bytes: /** @type {Buffer} */ (data) });
	});
	await stream.picture();
	await pause(SHARPEN_AFTER_MS);
	stream.socket.send(updateEvent({ x: 0, y: 0, ...SCREEN }));
	const inside = `export DISPLAY=:${session.display} XAUTHORITY=$HOME/.Xauthority LC_ALL=C.UTF-8`;
	/* What the scene has started may outlive it, and must not hold our pipe open. */
	const log = "/tmp/scene.log";
	await stack.onHost(
		"alice",
		`${inside}\n(${scene}) >${log} 2>&1 || { cat ${log} >&2; exit 1; }`,
	);
	await client.ok("terminate", { id: session.id });
	await client.ok("logout");

	const recording = assemble(chunks, SCREEN);
	await save(values.output, recording);
	const { bytes, durationMs, messages } = recording.info;
	console.log(`${values.output}.kdrive: ${bytes} bytes, ${durationMs} ms`, messages);
} finally {
	await stack.stop();
}
