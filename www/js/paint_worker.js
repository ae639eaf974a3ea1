/* SPDX-License-Identifier: ISC */
/* The paint worker's entry: what is seen of one stream, fed by the stream's worker. */

import { PaintHost } from "./stream/paint_host.js";

/** @typedef {import("./types.js").EngineMessage} EngineMessage */
/** @typedef {{canvas: OffscreenCanvas, engine: MessagePort}} Open */
/** @typedef {{onmessage: ((event: MessageEvent<Open>) => void) | null,
 *   postMessage: (message: EngineMessage) => void}} WorkerScope */

const scope = /** @type {WorkerScope} */ (/** @type {unknown} */ (globalThis));

scope.onmessage = ({ data: { canvas, engine } }) => {
	const host = new PaintHost(
		canvas,
		(message) => scope.postMessage(message),
		(report) => engine.postMessage(report),
	);
	engine.onmessage = ({ data }) => host.take(data);
};
