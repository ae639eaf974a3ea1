// SPDX-License-Identifier: ISC
/**
 * Upstream's client as the gateway sees it, written from the contract's facts (docs/compat.md), not
 * from its code: form values as they are, `__STARTJSON__{`, a WebSocket at the host's usual port with
 * the cookie first, messages 0 to 6 of KDrive and nothing else. What it is told stands in `told`.
 */
"use strict";

(() => {
	const HEADER = 56;
	const REGION = 64;
	const EVENT = 41;
	const RPC = "./assets/rpc/x2gorpc.cgi";

	/** @type {Record<string, any>} for the tests to look at */
	const told = { alerts: [], frames: 0, cursors: 0, version: 0, unknown: [], state: "form" };
	/** @type {any} */ (window).told = told;
	/** @type {WebSocket | undefined} */
	let socket;
	let session = "";
	/** The bytes that are not a whole message yet. */
	let rest = new Uint8Array(0);

	const input = (/** @type {string} */ id) =>
		/** @type {HTMLInputElement} */ (document.getElementById(id)).value;
	const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("canvas"));

	/** @param {string} text */
	function alert(text) {
		told.alerts.push(text);
		told.state = "form";
	}

	// --- the RPC -----------------------------------------------------------------------------

	/** Who asks, in upstream's order, with "the same as on the server" ticked. */
	function account() {
		const [user, pass, proxy, server] = ["user", "pass", "proxy", "server"].map(input);
		return `&user=${user}&pass=${pass}&proxy=${proxy}&server=${server}`;
	}

	const proxyAccount = () => `&proxyuser=${input("user")}&proxypass=${input("pass")}`;

	/** @param {string} form @param {(answer: any) => void} done */
	function ask(form, done) {
		const request = new XMLHttpRequest();
		request.open("POST", RPC, true);
		request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
		request.onload = () => {
			if (request.status !== 200) {
				alert(`HTTP ${request.status}`);
				return;
			}
			const mark = "__STARTJSON__{";
			const text = request.response;
			const answer = JSON.parse(text.substring(text.indexOf(mark) + mark.length - 1));
			told.answer = answer;
			// As upstream compares: 0 and "0" are good.
			if (Number(answer.status) !== 0) alert(answer.err);
			else done(answer);
		};
		request.onerror = () => alert("no answer");
		request.send(form);
	}

	function start() {
		told.state = "connecting";
		const size = `${canvas.clientWidth}x${canvas.clientHeight}`;
		ask(
			`action=start${account()}&cmd=${input("cmd")}&geometry=${size}` +
				`&compression=JPEG/PNG${proxyAccount()}`,
			(answer) => {
				if (answer.stdout.indexOf("X2GORUNCOMMAND ERR NOEXEC") !== -1)
					alert("no such command");
				session = answer.session.id;
				if (!session) alert("X2Go is not installed");
				connect(
					`wss://${location.hostname}/x2gows/${answer.session.wsport}`,
					answer.session.cookie,
				);
			},
		);
	}

	/** @param {string} action */
	function leave(action) {
		ask(`action=${action}&sid=${session}${account()}${proxyAccount()}`, () => {
			told.left = action;
		});
	}

	// --- the stream --------------------------------------------------------------------------

	/** @param {number} type @param {number[]} [shorts] from offset 4 on */
	function event(type, shorts = []) {
		const view = new DataView(new ArrayBuffer(EVENT));
		view.setUint32(0, type, true);
		shorts.forEach((value, index) => view.setUint16(4 + 2 * index, value, true));
		return view;
	}

	/** @param {string} url @param {string} cookie */
	function connect(url, cookie) {
		rest = new Uint8Array(0);
		Object.assign(told, { frames: 0, cursors: 0, version: 0, screen: undefined });
		socket = new WebSocket(url, ["binary"]);
		socket.binaryType = "arraybuffer";
		socket.onopen = () => {
			socket?.send(new TextEncoder().encode(cookie).buffer);
			socket?.send(event(7, [canvas.clientWidth, canvas.clientHeight]).buffer);
			socket?.send(event(10, [4, 3]).buffer);
			told.state = "running";
		};
		socket.onmessage = ({ data }) => take(new Uint8Array(data));
		socket.onclose = ({ code, reason }) => {
			told.close = { code, reason };
			alert("Connection is closed");
		};
		socket.onerror = () => alert("Error opening web socket");
	}

	/** @param {DataView} view @param {number} at of the header @returns {number} bytes, -1: more are
	 * needed to know, -2: unknown */
	function lengthOf(view, at) {
		const number = (/** @type {number} */ offset) => view.getUint32(at + offset, true);
		if (view.byteLength < at + HEADER) return -1;
		switch (number(0)) {
			case 0: {
				let end = HEADER;
				for (let regions = number(20); regions > 0; regions--) {
					if (view.byteLength < at + end + REGION) return -1;
					end += REGION + (number(end) === 0 ? number(end + 28) : 0);
				}
				return end;
			}
			case 1:
			case 3:
				return HEADER + 4 * number(4);
			case 2:
				return HEADER + number(24);
			case 4:
				return HEADER + (number(24) || number(12));
			case 5:
			case 6:
				return HEADER;
			default:
				return -2;
		}
	}

	/** @param {Uint8Array} more */
	function take(more) {
		const all = new Uint8Array(rest.length + more.length);
		all.set(rest);
		all.set(more, rest.length);
		const view = new DataView(all.buffer);
		let at = 0;
		while (at < all.length) {
			const length = lengthOf(view, at);
			if (length === -2) {
				told.unknown.push(view.getUint32(at, true));
				socket?.close();
				return;
			}
			if (length < 0 || at + length > all.length) break;
			show(new DataView(all.buffer, at, length));
			at += length;
		}
		rest = all.slice(at);
	}

	/** @param {DataView} message */
	function show(message) {
		const number = (/** @type {number} */ offset) => message.getUint32(offset, true);
		if (number(0) === 5) told.version = message.getUint16(4, true);
		if (number(0) === 2) told.cursors++;
		if (number(0) !== 0) return;
		told.frames++;
		const whole = number(24) === 0 && number(12) === 0xffffffff && number(16) === 0xffffffff;
		if (whole) told.screen = [number(4), number(8)];
		if (number(24) !== 0 || number(20) !== 1 || number(HEADER) !== 0) return;
		const image = new Uint8Array(
			message.buffer,
			message.byteOffset + HEADER + REGION,
			number(HEADER + 28),
		);
		void createImageBitmap(new Blob([image.slice()])).then((bitmap) => {
			canvas.getContext("2d")?.drawImage(bitmap, number(HEADER + 12), number(HEADER + 16));
			told.painted = [bitmap.width, bitmap.height];
		});
	}

	/** A whole selection at once, a message for each 41 bytes of it. @param {string} text */
	function copy(text) {
		const bytes = new TextEncoder().encode(text);
		const head = new Uint8Array(EVENT);
		const view = new DataView(head.buffer);
		view.setUint32(0, 9, true);
		view.setUint32(4, bytes.length, true);
		head.set([1, 1, 1, 1], 8);
		view.setUint32(16, bytes.length, true);
		head.set(bytes.subarray(0, EVENT - 20), 20);
		socket?.send(head.buffer);
		for (let at = EVENT - 20; at < bytes.length; at += EVENT) {
			const block = new Uint8Array(EVENT);
			block.set(bytes.subarray(at, at + EVENT));
			socket?.send(block.buffer);
		}
	}

	/** @param {number} width @param {number} height */
	function resize(width, height) {
		canvas.style.width = `${width}px`;
		canvas.style.height = `${height}px`;
		[canvas.width, canvas.height] = [width, height];
		socket?.send(event(7, [canvas.clientWidth, canvas.clientHeight]).buffer);
	}

	Object.assign(told, { copy, resize, drop: () => socket?.close() });
	document.getElementById("start")?.addEventListener("click", start);
	for (const action of ["suspend", "terminate"])
		document.getElementById(action)?.addEventListener("click", () => leave(action));
})();
