/* SPDX-License-Identifier: ISC */
/* The stream worker's entry: an engine, fed by the page's messages and, through a port, by the
 * paint worker's reports. One worker serves one stream. */

import { Engine } from "./stream/engine.js";

/** @typedef {import("./types.js").PageMessage} PageMessage */
/** @typedef {import("./types.js").EngineMessage} EngineMessage */
/** @typedef {{type: "open", url: string, width: number, height: number, paint: MessagePort}} Open */
/** @typedef {{onmessage: ((event: MessageEvent<Open | PageMessage>) => void) | null,
 *   postMessage: (message: EngineMessage) => void}} WorkerScope */

const scope = /** @type {WorkerScope} */ (/** @type {unknown} */ (globalThis));

/** @type {Engine | null} */
let engine = null;

scope.onmessage = ({ data }) => {
	if (data.type === "open") engine = open(data);
	else engine?.tell(data);
};

/** @param {Open} options */
function open({ url, width, height, paint }) {
	const opened = new Engine(
		{ url, width, height },
		(message) => scope.postMessage(message),
		(orders, transfer) => paint.postMessage(orders, transfer),
	);
	paint.onmessage = ({ data }) => opened.painted(data);
	return opened;
}
