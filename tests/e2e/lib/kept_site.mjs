// SPDX-License-Identifier: ISC
/**
 * The whole gateway before many desktops that only pretend, with agents that remember each byte they
 * sent and got; its broker is run by a stand-in for systemd's store of descriptors.
 */
import { createHash, randomBytes } from "node:crypto";
import net from "node:net";
import path from "node:path";
import { KDRIVE_COOKIE, Site } from "../../bench/relay/site.mjs";
import { eventually } from "./rpc.mjs";
import { build, Process, root } from "./stack.mjs";
import { brokerStatus } from "./status.mjs";

const COOKIE_BYTES = 32;
const EVENT_BYTES = 41;
const HEADER_BYTES = 56;
const REGION_BYTES = 64;
const EVENT_KEY_PRESS = 2;
const EVENT_KEY_RELEASE = 3;
const EVENT_GEOMETRY = 7;
const EVENT_UPDATE = 8;
const EVENT_CLIENT_VERSION = 10;
const EVENT_CACHE_REBUILD = 13;
const EVENT_DISCONNECT = 15;
const MESSAGE_FRAME = 0;
const MESSAGE_SERVER_VERSION = 5;
const MESSAGE_REINIT = 7;
/** Pictures of one agent. */
const PICTURES_PER_S = 20;

/** @param {number} type */
function plain(type) {
	const message = Buffer.alloc(HEADER_BYTES);
	message.writeUInt32LE(type);
	return message;
}

/** A part of the screen that never was seen before. @param {number} number @param {number} bytes */
function picture(number, bytes) {
	const message = Buffer.alloc(HEADER_BYTES + REGION_BYTES + bytes);
	randomBytes(bytes).copy(message, HEADER_BYTES + REGION_BYTES);
	message.writeUInt32LE(MESSAGE_FRAME);
	message.writeUInt32LE(64, 4);
	message.writeUInt32LE(48, 8);
	message.writeUInt32LE(1, 20);
	message.writeUInt32LE(number + 1, 24);
	message.writeUInt32LE(64, HEADER_BYTES + 20);
	message.writeUInt32LE(48, HEADER_BYTES + 24);
	message.writeUInt32LE(bytes, HEADER_BYTES + 28);
	return message;
}

/** What one connection to the agent was. */
class Conversation {
	/** @param {net.Socket} socket */
	constructor(socket) {
		this.socket = socket;
		this.sent = 0;
		this.hash = createHash("sha256");
		this.pictures = 0;
		/** @type {string[]} keys in their order */ this.keys = [];
		this.input = Buffer.alloc(0);
		this.known = false;
		this.ended = false;
		socket.on("data", (data) => this.take(data));
		socket.on("error", () => {});
		socket.on("close", () => (this.ended = true));
	}

	/** @param {Buffer} message */
	send(message) {
		this.sent += message.length;
		this.hash.update(message);
		this.socket.write(message);
	}

	draw() {
		if (this.known && !this.ended)
			this.send(picture(this.pictures++, 200 + Math.floor(Math.random() * 3000)));
	}

	/** @param {Buffer} data */
	take(data) {
		this.input = Buffer.concat([this.input, data]);
		if (!this.known) {
			if (this.input.length < COOKIE_BYTES) return;
			this.known = this.input.subarray(0, COOKIE_BYTES).toString() === KDRIVE_COOKIE;
			if (!this.known) return void this.socket.destroy();
			this.input = this.input.subarray(COOKIE_BYTES);
		}
		for (; this.input.length >= EVENT_BYTES; this.input = this.input.subarray(EVENT_BYTES))
			this.hear(this.input.subarray(0, EVENT_BYTES));
	}

	/** @param {Buffer} event */
	hear(event) {
		const type = event.readUInt32LE();
		if (type === EVENT_CLIENT_VERSION) {
			const answer = plain(MESSAGE_SERVER_VERSION);
			answer[4] = 8;
			this.send(answer);
		} else if (type === EVENT_GEOMETRY || type === EVENT_UPDATE) this.draw();
		else if (type === EVENT_CACHE_REBUILD) this.send(plain(MESSAGE_REINIT));
		else if (type === EVENT_KEY_PRESS || type === EVENT_KEY_RELEASE)
			this.keys.push(`${type - EVENT_KEY_PRESS}${event.readUInt32LE(8)}`);
		else if (type === EVENT_DISCONNECT) this.socket.end();
	}
}

export class KeptSite extends Site {
	constructor() {
		super();
		/** @type {Conversation[]} */ this.conversations = [];
		/** @type {net.Server | undefined} */ this.agents = undefined;
		/** @type {NodeJS.Timeout | undefined} */ this.drawing = undefined;
		/** Where the kernel says of the broker's processes. */ this.proc = "/proc";
	}

	/** @override */
	async checkReference() {}

	/** @override */
	async startSource() {
		const server = net.createServer((socket) => {
			socket.setNoDelay();
			this.conversations.push(new Conversation(socket));
		});
		this.agents = server;
		await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
		this.sourcePort = /** @type {net.AddressInfo} */ (server.address()).port;
		this.drawing = setInterval(() => {
			for (const conversation of this.conversations) conversation.draw();
		}, 1000 / PICTURES_PER_S);
	}

	stopDrawing() {
		clearInterval(this.drawing);
	}

	/** @override */
	async startBroker() {
		await this.writeConfig();
		this.broker = new Process("fdstore", path.join(root, "tests/e2e/lib/fdstore.py"), [
			this.file("notify"),
			path.join(build, "bin/x2goweb-brokerd"),
			...["-c", this.file("x2goweb.conf"), "--fd-store"],
			...["--session", path.join(build, "bin/x2goweb-session")],
		]);
		await this.broker.waitFor(/BROKER_STARTED/);
	}

	/** Of the broker that runs now. */
	get brokerPid() {
		const log = /** @type {Process} */ (this.broker).log;
		return Number([...log.matchAll(/^fdstore: \d+ descriptors for (\d+)$/gm)].at(-1)?.[1]);
	}

	/**
	 * Another broker comes, and it has taken over as many logins.
	 * @param {NodeJS.Signals} signal that the broker gets @param {number} logins
	 */
	async follow(signal, logins) {
		const broker = /** @type {Process} */ (this.broker);
		const from = broker.log.length;
		process.kill(this.brokerPid, signal);
		const [, count] = await broker.waitFor(/logins taken over: (\d+)/, {
			from,
			timeout: 60000,
		});
		if (Number(count) !== logins) throw new Error(`${count} logins after ${signal}`);
	}

	/** All are over, and nothing is left of them. @param {import("./rpc.mjs").Client[]} clients */
	async endLogins(clients) {
		for (const client of clients) await client.ok("logout");
		await eventually(async () => {
			const status = await brokerStatus(this);
			return status.logins === 0 && status.uids_used === 0;
		}, "an empty broker");
	}

	/** @override */
	killOwn() {
		this.stopDrawing();
		this.agents?.close();
		for (const { socket } of this.conversations) socket.destroy();
		super.killOwn();
	}
}
