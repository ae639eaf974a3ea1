// SPDX-License-Identifier: ISC
//
// The smallest KDrive client: proves that an agent answers. Runs the command of its arguments,
// which must connect its standard input and output to the agent (ssh -W), reads the cookie as
// the first line of its own standard input, asks for a screen of 1024x768 and prints one line
// for each of: "version N", the first "frame WIDTHxHEIGHT", and "eof" when the agent closes.
// Ends after "eof", or when its own standard input ends.
//
// Message numbers and offsets are those of the KDrive wire protocol, all little-endian.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const EVENT_BYTES = 41;
const EVENT_GEOMETRY = 7;
const EVENT_CLIENT_VERSION = 10;
const HEADER_BYTES = 56;
const REGION_BYTES = 64;
const MESSAGE_FRAME = 0;
const MESSAGE_CURSOR = 2;
const MESSAGE_SERVER_VERSION = 5;

function clientVersionEvent() {
	const event = Buffer.alloc(EVENT_BYTES);
	event.writeUInt32LE(EVENT_CLIENT_VERSION, 0);
	event.writeUInt16LE(8, 4);
	event.writeUInt16LE(3, 6); // a web client
	return event;
}

function geometryEvent(width, height) {
	const event = Buffer.alloc(EVENT_BYTES);
	event.writeUInt32LE(EVENT_GEOMETRY, 0);
	event.writeUInt16LE(width, 4);
	event.writeUInt16LE(height, 6);
	event.writeUInt16LE(width, 9); // one screen at 0,0
	event.writeUInt16LE(height, 11);
	return event;
}

// Reads the messages up to the first whole frame from an iterator of chunks.
async function readFirstFrame(chunks) {
	let pending = Buffer.alloc(0);
	const take = async (size) => {
		while (pending.length < size) {
			const { value, done } = await chunks.next();
			if (done) return null;
			pending = Buffer.concat([pending, value]);
		}
		const taken = pending.subarray(0, size);
		pending = pending.subarray(size);
		return taken;
	};
	for (;;) {
		const header = await take(HEADER_BYTES);
		if (!header) return;
		switch (header.readUInt32LE(0)) {
			case MESSAGE_SERVER_VERSION:
				console.log(`version ${header.readUInt16LE(4)}`);
				break;
			case MESSAGE_CURSOR:
				if (!(await take(header.readUInt32LE(24)))) return;
				break;
			case MESSAGE_FRAME:
				for (let left = header.readUInt32LE(20); left > 0; left--) {
					const region = await take(REGION_BYTES);
					if (!region || !(await take(region.readUInt32LE(28)))) return;
				}
				console.log(`frame ${header.readUInt32LE(4)}x${header.readUInt32LE(8)}`);
				return;
			default:
				throw new Error(`message ${header.readUInt32LE(0)} was not expected yet`);
		}
	}
}

const [command, ...args] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });
const cookie = (await lines[Symbol.asyncIterator]().next()).value;
const link = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
process.stdin.on("end", () => link.stdin.end());
link.stdin.write(
	Buffer.concat([Buffer.from(cookie), clientVersionEvent(), geometryEvent(1024, 768)]),
);
const chunks = link.stdout[Symbol.asyncIterator]();
await readFirstFrame(chunks);
while (!(await chunks.next()).done);
console.log("eof");
process.exit(0);
