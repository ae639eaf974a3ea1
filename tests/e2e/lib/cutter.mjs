// SPDX-License-Identifier: ISC
/**
 * A network that fails on purpose: a TCP proxy before the web server, whose connections are cut in
 * every way that networks have, at once or within what is just passing through.
 */
import net from "node:net";

/** @typedef {"reset" | "close" | "silence" | "within down" | "within up"} Cut */
/** @typedef {{client: net.Socket, server: net.Socket, silent: boolean, cut: Cut | null}} Pair */

/** What can happen to connections; "within": in the middle of the next bytes of that direction. */
export const CUTS = /** @type {Cut[]} */ ([
	"reset",
	"close",
	"silence",
	"within down",
	"within up",
]);

export class Cutter {
	/** @param {number} target port */
	constructor(target) {
		this.target = target;
		this.port = 0;
		/** Nobody gets through. */
		this.away = false;
		/** Bytes a second that any connection carries to the browser; 0: all. */
		this.rate = 0;
		/** @type {Set<Pair>} */
		this.pairs = new Set();
		this.server = net.createServer((client) => this.accept(client));
	}

	async start() {
		await new Promise((resolve) => this.server.listen(0, "127.0.0.1", () => resolve(null)));
		this.port = /** @type {net.AddressInfo} */ (this.server.address()).port;
		return this;
	}

	stop() {
		for (const pair of this.pairs) drop(pair);
		this.server.close();
	}

	/** @param {net.Socket} client */
	accept(client) {
		if (this.away) {
			client.resetAndDestroy();
			return;
		}
		const server = net.connect(this.target, "127.0.0.1");
		/** @type {Pair} */
		const pair = { client, server, silent: false, cut: null };
		this.pairs.add(pair);
		this.carry(pair, client, server, "within up");
		this.carry(pair, server, client, "within down");
	}

	/** @param {Pair} pair @param {net.Socket} from @param {net.Socket} to @param {Cut} within */
	carry(pair, from, to, within) {
		from.setNoDelay(true);
		from.on("error", () => {});
		from.on("data", (data) => {
			if (pair.silent) return;
			if (pair.cut === within) {
				const part = data.subarray(0, Math.floor(Math.random() * data.length));
				to.write(part, () => drop(pair));
				pair.silent = true;
				return;
			}
			const wait = this.rate && within === "within down" ? data.length / this.rate : 0;
			if (to.write(data) && !wait) return;
			from.pause();
			if (wait) setTimeout(() => from.resume(), 1000 * wait);
			else to.once("drain", () => from.resume());
		});
		from.on("close", () => {
			if (!pair.silent) to.end();
			this.pairs.delete(pair);
		});
	}

	/** What there is of connections now; those that come after it work. @param {Cut} how */
	cut(how) {
		for (const pair of this.pairs) {
			if (how === "reset") drop(pair);
			else if (how === "silence") pair.silent = true;
			else if (how === "close") for (const end of [pair.client, pair.server]) end.end();
			else pair.cut = how;
		}
	}

	/** The network as a whole. @param {boolean} away */
	setAway(away) {
		this.away = away;
		if (away) this.cut("reset");
	}
}

/** @param {Pair} pair */
function drop({ client, server }) {
	for (const end of [client, server]) end.resetAndDestroy();
}
