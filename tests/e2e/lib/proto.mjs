// SPDX-License-Identifier: ISC
/**
 * The protocol of proto/, for tests that stand in for one of the programs or speak to one in a way
 * that no program of ours would. Messages and fields come from proto/messages.def itself.
 */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** @typedef {{name: string, kind: "UINT" | "TEXT" | "SECRET" | "BYTES" | "LIST" | "LINES", bits: number, record: string}} Field */
/** @typedef {{type: string, id: number} & Record<string, any>} Message */

/** @param {string} name of a file in proto/ */
function read(name) {
	const here = path.dirname(fileURLToPath(import.meta.url));
	return readFileSync(path.join(here, "../../../proto", name), "utf8");
}

const HEADER_BYTES = 16;
const MAGIC = 0x58324757;
const VERSION = Number(read("messages.h").match(/PROTO_VERSION\s+(\d+)/)?.[1]);
const KINDS = { UINT: 1, TEXT: 2, SECRET: 3, BYTES: 4, LIST: 5, LINES: 6 };

const table = read("messages.def");

/** @type {Map<string, {number: number, fields: Field[]}>} by "LOGIN", or "record_session" */
const layouts = new Map();
/** @type {Map<number, string>} */
const names = new Map();

for (const [, word, list] of table.matchAll(/^\t?([A-Z_]+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)/gm)) {
	const [first, second, third] = list.split(",").map((part) => part.trim());
	const open = [...layouts.values()].at(-1);
	if (word === "RECORD") layouts.set(`record_${first}`, { number: 0, fields: [] });
	else if (word === "MESSAGE") {
		layouts.set(first, { number: Number(third), fields: [] });
		names.set(Number(third), first);
	} else if (word in KINDS)
		open?.fields.push({
			name: second,
			kind: /** @type {Field["kind"]} */ (word),
			bits: word === "UINT" ? Number(third) : 0,
			record: word === "LIST" ? `record_${third}` : "",
		});
}

/** @param {string} name */
function layout(name) {
	const found = layouts.get(name);
	if (!found) throw new Error(`proto: there is no ${name}`);
	return found;
}

/** @param {Field} field @param {any} value */
function encodeValue(field, value) {
	if (field.kind === "UINT") {
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64BE(BigInt(value ?? 0));
		return bytes.subarray(8 - field.bits / 8);
	}
	if (field.kind === "LIST") {
		const count = Buffer.alloc(2);
		count.writeUInt16BE((value ?? []).length);
		const records = (value ?? []).map((/** @type {any} */ one) =>
			encodeFields(field.record, one),
		);
		return Buffer.concat([count, ...records]);
	}
	return Buffer.from(value ?? "");
}

/** @param {string} name @param {Record<string, any>} values @returns {Buffer} */
function encodeFields(name, values) {
	return Buffer.concat(
		layout(name).fields.flatMap((field) => {
			const content = encodeValue(field, values[field.name]);
			const head = Buffer.alloc(5);
			head.writeUInt8(KINDS[field.kind]);
			head.writeUInt32BE(content.length, 1);
			return [head, content];
		}),
	);
}

/**
 * One frame. Fields that are not given are 0 or empty; nothing is checked against their bounds.
 * @param {string} type as "LOGIN"
 * @param {number} id request id
 * @param {Record<string, any>} [values]
 */
export function encode(type, id, values = {}) {
	const payload = encodeFields(type, values);
	const header = Buffer.alloc(HEADER_BYTES);
	header.writeUInt32BE(MAGIC);
	header.writeUInt16BE(VERSION, 4);
	header.writeUInt16BE(layout(type).number, 6);
	header.writeUInt32BE(payload.length, 8);
	header.writeUInt32BE(id, 12);
	return Buffer.concat([header, payload]);
}

/** @param {string} name @param {Buffer} bytes @returns {[Record<string, any>, number]} */
function decodeFields(name, bytes) {
	/** @type {Record<string, any>} */
	const values = {};
	let offset = 0;
	for (const field of layout(name).fields) {
		const length = bytes.readUInt32BE(offset + 1);
		const content = bytes.subarray(offset + 5, offset + 5 + length);
		if (bytes[offset] !== KINDS[field.kind] || content.length !== length)
			throw new Error(`proto: ${name}.${field.name} is malformed`);
		offset += 5 + length;
		if (field.kind === "UINT") values[field.name] = Number(`0x${content.toString("hex")}`);
		else if (field.kind === "BYTES") values[field.name] = Buffer.from(content);
		else if (field.kind !== "LIST") values[field.name] = content.toString("utf8");
		else {
			let at = 2;
			values[field.name] = Array.from({ length: content.readUInt16BE() }, () => {
				const [record, used] = decodeFields(field.record, content.subarray(at));
				at += used;
				return record;
			});
		}
	}
	return [values, offset];
}

/**
 * The first frame of bytes, or undefined while it is incomplete. Throws at nonsense.
 * @param {Buffer} bytes
 * @returns {{message: Message, used: number} | undefined}
 */
export function decode(bytes) {
	if (bytes.length < HEADER_BYTES) return undefined;
	const type = names.get(bytes.readUInt16BE(6));
	const used = HEADER_BYTES + bytes.readUInt32BE(8);
	if (bytes.readUInt32BE() !== MAGIC || bytes.readUInt16BE(4) !== VERSION || !type)
		throw new Error(`proto: not a frame: ${bytes.subarray(0, HEADER_BYTES).toString("hex")}`);
	if (bytes.length < used) return undefined;
	const [values] = decodeFields(type, bytes.subarray(HEADER_BYTES, used));
	return { message: { ...values, type, id: bytes.readUInt32BE(12) }, used };
}

/** One connection, from either end. */
export class Conn {
	/**
	 * @param {net.Socket} socket
	 * @param {string} program whom we play
	 */
	constructor(socket, program) {
		this.socket = socket;
		this.buffer = Buffer.alloc(0);
		/** @type {Message[]} */ this.messages = [];
		/** @type {(message: Message) => void} */ this.onMessage = () => {};
		this.ended = false;
		/** @type {Promise<void>} */
		this.closed = new Promise((resolve) =>
			socket.on("close", () => {
				this.ended = true;
				resolve();
			}),
		);
		socket.on("error", () => {});
		socket.on("end", () => socket.destroy());
		socket.on("data", (data) => this.take(data));
		this.send("HELLO", 0, { program, release: "test" });
	}

	/** @param {Buffer} data */
	take(data) {
		this.buffer = Buffer.concat([this.buffer, data]);
		for (let frame; (frame = decode(this.buffer));) {
			this.buffer = this.buffer.subarray(frame.used);
			this.messages.push(frame.message);
			if (frame.message.type !== "HELLO") this.onMessage(frame.message);
		}
	}

	/** @param {string} type @param {number} id @param {Record<string, any>} [values] */
	send(type, id, values) {
		this.socket.write(encode(type, id, values));
	}
}

/**
 * Stands in for the broker on a socket of its own: what it answers is up to the test.
 */
export class StandInBroker {
	/**
	 * @param {string} socketPath
	 * @param {(message: Message, conn: Conn) => void} answer
	 */
	constructor(socketPath, answer) {
		this.path = socketPath;
		this.answer = answer;
		/** @type {Set<Conn>} */ this.conns = new Set();
		/** @type {Message[]} */ this.asked = [];
		/** @type {Set<() => void>} */ this.watchers = new Set();
		this.server = net.createServer((socket) => {
			const conn = new Conn(socket, "broker");
			this.conns.add(conn);
			conn.onMessage = (message) => {
				this.asked.push(message);
				this.answer(message, conn);
				for (const watcher of this.watchers) watcher();
			};
			void conn.closed.then(() => {
				this.conns.delete(conn);
				for (const watcher of this.watchers) watcher();
			});
		});
	}

	async start() {
		await rm(this.path, { force: true });
		await new Promise((resolve) => this.server.listen(this.path, () => resolve(undefined)));
		return this;
	}

	/** As if it were killed. */
	async stop() {
		for (const conn of this.conns) conn.socket.destroy();
		await new Promise((resolve) => this.server.close(resolve));
	}

	/** @param {() => boolean} condition @param {string} what */
	until(condition, what, timeout = 10000) {
		return /** @type {Promise<void>} */ (
			new Promise((resolve, reject) => {
				const check = () => {
					if (!condition()) return;
					clearTimeout(timer);
					this.watchers.delete(check);
					resolve();
				};
				const timer = setTimeout(() => {
					this.watchers.delete(check);
					reject(new Error(`broker: never: ${what}`));
				}, timeout);
				this.watchers.add(check);
				check();
			})
		);
	}

	/** The latest message of this type, once there are as many of it. @param {string} type */
	async request(type, count = 1) {
		const all = () => this.asked.filter((message) => message.type === type);
		await this.until(() => all().length >= count, `${count} ${type}`);
		return /** @type {Message} */ (all().at(-1));
	}
}
