/* SPDX-License-Identifier: ISC */
/* The developer tools' protocol to a page and to the worker that it has. */

/** @typedef {(method: string, params?: object) => Promise<any>} Send */

/** @param {import("playwright-core").Page} page @returns {Promise<{page: Send, worker: Send}>} */
export async function connectToWorker(page) {
	const cdp = /** @type {any} */ (await page.context().newCDPSession(page));
	/** @type {Promise<string>} */
	const attached = new Promise((resolve) =>
		cdp.on("Target.attachedToTarget", (/** @type {any} */ { targetInfo, sessionId }) => {
			if (targetInfo.type === "worker") resolve(sessionId);
		}),
	);
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
	const sessionId = await attached;
	let id = 0;
	return {
		page: (method, params) => cdp.send(method, params),
		worker: async (method, params) => {
			id += 1;
			const message = JSON.stringify({ id, method, params });
			const answered = new Promise((resolve) => waiting.set(id, resolve));
			await cdp.send("Target.sendMessageToTarget", { sessionId, message });
			const { result, error } = await answered;
			if (error) throw new Error(`${method}: ${error.message}`);
			if (result.exceptionDetails) throw new Error(result.exceptionDetails.text);
			return result;
		},
	};
}
