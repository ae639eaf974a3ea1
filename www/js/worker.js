/* SPDX-License-Identifier: ISC */
/* The worker's entry: an engine, fed by the page's messages. One worker serves one stream. */

import { Engine } from "./stream/engine.js";

/** @typedef {import("./types.js").PageMessage} PageMessage */
/** @typedef {import("./types.js").EngineMessage} EngineMessage */
/** @typedef {{onmessage: ((event: MessageEvent<PageMessage>) => void) | null,
 *   postMessage: (message: EngineMessage) => void}} WorkerScope */

const scope = /** @type {WorkerScope} */ (/** @type {unknown} */ (globalThis));

/** @type {Engine | null} */
let engine = null;

scope.onmessage = ({ data }) => {
	if (data.type === "open") engine = new Engine(data, (message) => scope.postMessage(message));
	else engine?.tell(data);
};
