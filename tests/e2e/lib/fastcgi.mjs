// SPDX-License-Identifier: ISC
/**
 * The web server's side of FastCGI, for tests of the responder: proper requests, and parts of
 * requests for those that are not.
 */
import net from "node:net";

export const BEGIN_REQUEST = 1;
export const ABORT_REQUEST = 2;
export const END_REQUEST = 3;
export const PARAMS = 4;
export const STDIN = 5;
export const STDOUT = 6;
export const GET_VALUES = 9;

/** @typedef {{status: number, headers: Record<string, string>, text: string, json: any}} Answer */

/**
 * @param {number} type
 * @param {Buffer | string} [content]
 * @param {{id?: number, padding?: number, version?: number}} [options]
 */
export function record(type, content = "", { id = 1, padding = 0, version = 1 } = {}) {
	const bytes = Buffer.from(content);
	const header = Buffer.from([version, type, id >> 8, id & 255, 0, 0, padding, 0]);
	header.writeUInt16BE(bytes.length, 4);
	return Buffer.concat([header, bytes, Buffer.alloc(padding, 0x2a)]);
}

/** @param {Record<string, string>} params */
export function pairs(params) {
	const size = (/** @type {number} */ n) =>
		n < 128 ? Buffer.from([n]) : Buffer.from([(n >> 24) | 128, n >> 16, n >> 8, n]);
	return Buffer.concat(
		Object.entries(params).flatMap(([name, value]) => {
			const [a, b] = [Buffer.from(name), Buffer.from(value)];
			return [size(a.length), size(b.length), a, b];
		}),
	);
}

export const begin = () => record(BEGIN_REQUEST, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0]));

/** Content as records of at most 65535 bytes, and the empty one that ends the stream. */
function stream(/** @type {number} */ type, /** @type {Buffer} */ content) {
	const parts = [];
	for (let at = 0; at < content.length; at += 65535)
		parts.push(record(type, content.subarray(at, at + 65535)));
	return Buffer.concat([...parts, record(type)]);
}

/**
 * A whole request. CONTENT_LENGTH is the body's, unless params say otherwise.
 * @param {Record<string, string>} params
 * @param {Buffer | string} [body]
 */
export function whole(params, body = "") {
	return Buffer.concat([
		begin(),
		stream(PARAMS, pairs({ CONTENT_LENGTH: String(Buffer.byteLength(body)), ...params })),
		stream(STDIN, Buffer.from(body)),
	]);
}

/** A connection to the responder. */
export class Connection {
	/** @param {string} path of its socket */
	constructor(path) {
		this.received = Buffer.alloc(0);
		this.socket = net.connect({ path, allowHalfOpen: true });
		this.socket.on("data", (data) => (this.received = Buffer.concat([this.received, data])));
		this.socket.on("error", () => {});
		this.socket.on("end", () => this.socket.end());
		/** @type {Promise<void>} */
		this.closed = new Promise((resolve) => this.socket.on("close", () => resolve()));
	}

	/** @param {Buffer} bytes */
	send(bytes) {
		this.socket.write(bytes);
		return this;
	}

	/** No more comes from us, but we listen. */
	finish() {
		this.socket.end();
		return this;
	}

	abandon() {
		this.socket.destroy();
		return this;
	}

	/**
	 * What the responder answered before it closed the connection; undefined if nothing.
	 * @returns {Promise<Answer | undefined>}
	 */
	async answer() {
		await this.closed;
		if (this.received.length === 0) return undefined;
		let output = Buffer.alloc(0);
		let ended = false;
		for (let at = 0; at < this.received.length;) {
			const length = this.received.readUInt16BE(at + 4);
			const content = this.received.subarray(at + 8, at + 8 + length);
			if (this.received[at + 1] === STDOUT) output = Buffer.concat([output, content]);
			if (this.received[at + 1] === END_REQUEST) ended = true;
			at += 8 + length + this.received[at + 6];
		}
		if (!ended) throw new Error("fastcgi: the response has no end");
		const border = output.indexOf("\r\n\r\n");
		const headers = Object.fromEntries(
			output
				.subarray(0, border)
				.toString()
				.split("\r\n")
				.map((line) => {
					const colon = line.indexOf(": ");
					return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
				}),
		);
		const text = output.subarray(border + 4).toString();
		return { status: Number(headers.status), headers, text, json: JSON.parse(text) };
	}
}

/**
 * One proper request and its answer.
 * @param {string} path
 * @param {Record<string, string>} params
 * @param {Buffer | string} [body]
 */
export async function ask(path, params, body = "") {
	const answer = await new Connection(path).send(whole(params, body)).answer();
	if (!answer) throw new Error("fastcgi: no answer");
	return answer;
}
