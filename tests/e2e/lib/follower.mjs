// SPDX-License-Identifier: ISC
/**
 * A client that follows a stream over as many WebSockets as it takes, by docs/stream.md and not by the
 * page's code: it counts both directions, says how far it is, and sends again what was not taken.
 */
import { randomBytes } from "node:crypto";
import WebSocket from "ws";

export class Follower {
	/**
	 * @param {object} options
	 * @param {import("./rpc.mjs").Client} options.client that has logged in
	 * @param {string} options.path of the WebSocket, as the call gave it
	 * @param {number} options.port to connect to
	 * @param {(bytes: Buffer) => void} options.onBytes
	 * @param {() => void} options.onFresh what follows begins with a whole message
	 */
	constructor({ client, path, port, onBytes, onFresh }) {
		this.url = `wss://127.0.0.1:${port}${path}`;
		this.page = randomBytes(8).toString("hex");
		this.attempt = 0;
		this.options = {
			rejectUnauthorized: false,
			origin: client.stack.origin,
			headers: { Host: `localhost:${client.stack.port}`, Cookie: client.cookie },
		};
		this.onBytes = onBytes;
		this.onFresh = onFresh;
		this.stream = "-";
		this.down = 0;
		this.up = 0; /* sent */
		this.taken = 0;
		/** @type {{end: number, bytes: Uint8Array}[]} not known to be taken */
		this.kept = [];
		this.greeted = false;
		this.done = false;
		this.bye = "";
		/** @type {Record<string, number>} how it was received */
		this.welcomes = { start: 0, resume: 0, fresh: 0 };
		/** @type {string[]} rules that the relay broke */
		this.faults = [];
		/** @type {number[]} from a connection's loss to the next greeting */
		this.gapsMs = [];
		this.lostAt = performance.now();
		this.ackPending = false;
		/** @type {WebSocket | null} none: what the one before still says is not heard */
		this.socket = this.connect();
	}

	connect() {
		const { stream, down, page } = this;
		const hello = `hello.1.${stream}.${down}.${page}.${++this.attempt}.shown`;
		const socket = new WebSocket(`${this.url}?${hello}`, ["x2goweb.v1"], this.options);
		const mine = () => socket === this.socket;
		this.greeted = false;
		socket.on("message", (data, binary) => {
			if (!mine()) return;
			if (binary) this.take(/** @type {Buffer} */ (data));
			else this.hear(String(data));
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			if (mine() && !this.done) this.reconnect();
		});
		return socket;
	}

	/** Whatever the line thinks of itself. */
	reconnect() {
		if (this.bye) {
			this.done = true;
			return;
		}
		if (this.greeted) this.lostAt = performance.now();
		const old = this.socket;
		this.socket = null;
		this.greeted = false;
		/* An attempt that is cut as well must not spin. */
		setTimeout(() => {
			if (this.socket === null && !this.done) this.socket = this.connect();
			old?.terminate();
		}, 5);
	}

	/** @param {Buffer} data */
	take(data) {
		if (!this.greeted) this.faults.push("bytes before hello");
		this.down += data.length;
		this.onBytes(data);
		if (this.ackPending) return;
		this.ackPending = true;
		setImmediate(() => {
			this.ackPending = false;
			this.say(`ack ${this.down} ${this.down}`);
		});
	}

	/** @param {string} text */
	hear(text) {
		const words = text.split(" ");
		if (words[0] === "hello") this.welcome(words.slice(2));
		else if (words[0] === "ack") this.forget(Number(words[1]));
		else if (words[0] === "bye") this.bye = text;
	}

	/** @param {string[]} words */
	welcome([stream, downText, upText, how]) {
		const [down, up] = [Number(downText), Number(upText)];
		const first = this.stream === "-";
		this.welcomes[how] += 1;
		if (!first && stream !== this.stream) this.faults.push(`another stream: ${stream}`);
		if ((how === "start") !== first) this.faults.push(`${how}, ${first ? "first" : "later"}`);
		if (how === "resume" && down !== this.down)
			this.faults.push(`resumed at ${down}, not at ${this.down}`);
		if (how === "start" && (down !== 0 || up !== 0)) this.faults.push("start not at 0");
		this.stream = stream;
		this.forget(up);
		if (how === "fresh") {
			this.down = down;
			this.onFresh();
		}
		this.greeted = true;
		this.gapsMs.push(performance.now() - this.lostAt);
		for (const { bytes } of this.kept) this.socket?.send(bytes);
	}

	/** @param {number} position that the relay has taken all before */
	forget(position) {
		if (position < this.taken || position > this.up)
			this.faults.push(`taken up to ${position} of ${this.taken} to ${this.up}`);
		this.taken = Math.max(this.taken, position);
		while (this.kept.length > 0 && this.kept[0].end <= position) this.kept.shift();
		const [next] = this.kept;
		if (next && next.end - next.bytes.length < position)
			this.faults.push(`taken up to ${position}, within a message`);
	}

	/** @param {Uint8Array} bytes whole events */
	send(bytes) {
		this.up += bytes.length;
		this.kept.push({ end: this.up, bytes });
		if (this.greeted && this.socket?.readyState === WebSocket.OPEN) this.socket.send(bytes);
	}

	/** @param {string} text */
	say(text) {
		if (this.greeted && this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
	}

	close() {
		this.done = true;
		this.socket?.close(1000);
	}
}
