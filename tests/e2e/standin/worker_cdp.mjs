/* SPDX-License-Identifier: ISC */
/* The developer tools' protocol to a page and to the workers that it has. */

/** @typedef {(method: string, params?: object) => Promise<any>} Send */

/** @param {import("playwright-core").Page} page
 * @returns {Promise<{page: Send, stream: Send, paint: Send}>} */
export async function connectToWorkers(page) {
	const cdp = /** @type {any} */ (await page.context().newCDPSession(page));
	/** @param {string} script @returns {Promise<string>} */
	const attached = (script) =>
		new Promise((resolve) =>
			cdp.on("Target.attachedToTarget", (/** @type {any} */ { targetInfo, sessionId }) => {
				if (targetInfo.url.endsWith(script)) resolve(sessionId);
			}),
		);
	const workers = Promise.all([attached("/worker.js"), attached("/paint_worker.js")]);
	/** @type {Map<number, (answer: any) => void>} */
	const waiting = new Map();
	cdp.on("Target.receivedMessageFromTarget", (/** @type {{message: string}} */ { message }) => {
		const answer = JSON.parse(message);
		waiting.get(answer.id)?.(answer);
		waiting.delete(answer.id);
	});
	/* Playwright has no sessions of workers; this older way has messages within messages. */
	await cdp.send("Target.setAutoAttach", {
		autoAttach: true,
		waitForDebuggerOnStart: false,
		flatten: false,
	});
	let id = 0;
	/** @param {string} sessionId @returns {Send} */
	const to = (sessionId) => async (method, params) => {
		id += 1;
		const message = JSON.stringify({ id, method, params });
		const answered = new Promise((resolve) => waiting.set(id, resolve));
		await cdp.send("Target.sendMessageToTarget", { sessionId, message });
		const { result, error } = await answered;
		if (error) throw new Error(`${method}: ${error.message}`);
		if (result.exceptionDetails) throw new Error(result.exceptionDetails.text);
		return result;
	};
	const [stream, paint] = (await workers).map(to);
	return { page: (method, params) => cdp.send(method, params), stream, paint };
}
