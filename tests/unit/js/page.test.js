/* SPDX-License-Identifier: ISC */
/* What of the page needs no browser: its states, its sizes, its calls, its texts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	clipRect,
	nativeDensity,
	placeScreen,
	remoteSize,
	screenPoint,
	wholeDensity,
} from "../../../www/js/geometry.js";
import { setLogLevel } from "../../../www/js/log.js";
import { PageState } from "../../../www/js/page_state.js";
import { isLoginOver, messageOf, Rpc, RpcError } from "../../../www/js/rpc.js";
import { TEXT } from "../../../www/js/text/text.js";
import { sessionRow } from "../../e2e/standin/gateway.mjs";

setLogLevel("error");

/** @typedef {import("../../../www/js/page_state.js").PageStateName} Name */

function pageState() {
	/** @type {{dataset: DOMStringMap}} */
	const element = { dataset: {} };
	/** @type {Name[]} */
	const seen = [];
	return { element, seen, state: new PageState(element, (name) => seen.push(name)) };
}

test("the page's state starts at the form and is on the element at each change", () => {
	const { element, seen, state } = pageState();
	assert.equal(element.dataset.state, "form");
	const steps =
		"authenticating form authenticating sessions starting running reconnecting running " +
		"sessions starting error starting ended starting error form authenticating prompt " +
		"authenticating starting ended sessions form";
	const way = /** @type {Name[]} */ (steps.split(" "));
	for (const name of way) {
		state.set(name);
		assert.equal(element.dataset.state, name);
		assert.equal(state.value, name);
	}
	assert.deepEqual(seen, way);
});

test("ways that do not exist are refused, and the state stays", () => {
	/** @type {[Name[], Name][]} */
	const table = [
		[[], "running"],
		[[], "sessions"],
		[["authenticating"], "running"],
		[["authenticating", "starting", "running"], "starting"],
		[["authenticating", "starting", "running"], "authenticating"],
		[["authenticating", "starting", "error"], "running"],
	];
	for (const [way, wrong] of table) {
		const { element, state } = pageState();
		way.forEach((name) => state.set(name));
		const before = element.dataset.state;
		assert.throws(() => state.set(wrong), /no way/);
		assert.equal(element.dataset.state, before);
	}
});

test("rectangles are clipped to the screen", () => {
	/** @type {[number[], number[] | null][]} */
	const table = [
		[
			[0, 0, 10, 10],
			[0, 0, 10, 10],
		],
		[
			[-5, -5, 10, 10],
			[0, 0, 5, 5],
		],
		[
			[95, 45, 10, 10],
			[95, 45, 5, 5],
		],
		[
			[-5, -5, 1000, 1000],
			[0, 0, 100, 50],
		],
		[[100, 0, 10, 10], null],
		[[-10, 0, 10, 10], null],
		[[0, 50, 10, 10], null],
	];
	for (const [[x, y, width, height], inside] of table) {
		const clipped = clipRect({ x, y, width, height }, 100, 50);
		assert.deepEqual(clipped && Object.values(clipped), inside);
	}
});

test("the size to ask for is whole, native and within every limit", () => {
	const limits = { width_min: 320, width_max: 2000, height_min: 64, height_max: 8192 };
	const table = [
		[remoteSize({ width: 1280.6, height: 754.4 }, 1), 1280, 754],
		[remoteSize({ width: 390, height: 700 }, 2), 780, 1400],
		[remoteSize({ width: 10, height: 0 }, 1), 64, 64],
		[remoteSize({ width: 9000, height: 9000 }, 1), 8192, 8192],
		[remoteSize({ width: 100, height: 100 }, 1, limits), 320, 100],
		[remoteSize({ width: 3000, height: 100 }, 1, limits), 2000, 100],
		[remoteSize({ width: 1, height: 1 }, 1, { ...limits, height_min: 1 }), 320, 64],
	];
	for (const [size, width, height] of table) assert.deepEqual(size, { width, height });
});

test("a remote pixel is a whole number of the display's own", () => {
	const ratios = [1, 1.25, 1.5, 2, 2.0000000476, 2.625, 3, 4, 0.5, NaN];
	const densities = [1, 1.25, 1.5, 2, 2.0000000476, 1.3125, 1.5, 2, 0.5, 1];
	assert.deepEqual(ratios.map(nativeDensity), densities);
});

test("a session of another density keeps its size as nearly as it stays sharp", () => {
	/** @type {[number, number, number][]} the display's, the session's, as it is shown */
	const table = [
		[1, 1, 1],
		[2, 2, 2],
		[2, 1, 1],
		[1, 2, 2],
		[1.25, 1, 1.25],
		[1.5, 1, 1.5],
		[1, 1.5, 1],
		[3, 1.5, 1.5],
		[3, 1, 1],
		[1.25, 2, 2.5],
		[NaN, 1, 1],
	];
	for (const [ratio, session, shown] of table)
		assert.equal(wholeDensity(ratio, session), shown, `${session} on ${ratio}`);
});

test("the screen stands pixel for pixel where it fits, else as large as it can", () => {
	const box = { width: 1000, height: 500 };
	/** @type {[number, number, number, number[]][]} */
	const table = [
		[1000, 500, 1, [0, 0, 1000, 500]],
		[800, 400, 1, [100, 50, 800, 400]],
		[2000, 1000, 2, [0, 0, 1000, 500]],
		[2000, 500, 1, [0, 125, 1000, 250]],
		[1000, 1000, 1, [250, 0, 500, 500]],
		[1001, 500, 1, [0, 0, 1001, 500]],
	];
	for (const [width, height, density, place] of table)
		assert.deepEqual(Object.values(placeScreen(box, { width, height }, { density })), place);
});

test("fitted, pixel for pixel, magnified; the corner is on a device pixel", () => {
	const box = { width: 1000, height: 500 };
	/** @typedef {Parameters<typeof placeScreen>[2]} How */
	/** @type {[number, number, Partial<How>, number[]][]} */
	const table = [
		[500, 250, { placement: "fit" }, [0, 0, 1000, 500]],
		[800, 250, { placement: "fit" }, [0, 93, 1000, 312.5]],
		[2000, 500, { placement: "fit" }, [0, 125, 1000, 250]],
		[1000, 500, { placement: "fit", magnify: 2 }, [0, 0, 2000, 1000]],
		[2000, 600, { placement: "actual" }, [0, 0, 2000, 600]],
		[400, 600, { placement: "actual" }, [300, 0, 400, 600]],
		[400, 100, { magnify: 4 }, [0, 50, 1600, 400]],
		[401, 101, { devicePixelRatio: 2, density: 2 }, [399.5, 224.5, 200.5, 50.5]],
	];
	for (const [width, height, how, place] of table)
		assert.deepEqual(
			Object.values(placeScreen(box, { width, height }, { density: 1, ...how })),
			place,
			`${width}x${height} ${JSON.stringify(how)}`,
		);
});

test("a point of the page is the pixel under it, and never off the screen", () => {
	const shown = { left: 100, top: 50, width: 400, height: 300 };
	const screen = { width: 800, height: 600 };
	/** @type {[number, number, number, number][]} */
	const table = [
		[100, 50, 0, 0],
		[300, 200, 400, 300],
		[499.9, 349.9, 799, 599],
		[0, 0, 0, 0],
		[900, 900, 799, 599],
	];
	for (const [clientX, clientY, x, y] of table)
		assert.deepEqual(screenPoint(shown, screen, clientX, clientY), { x, y });
	assert.deepEqual(screenPoint({ ...shown, width: 0 }, screen, 5, 5), { x: 0, y: 0 });
});

/** @param {number} status @param {unknown} body undefined: no JSON at all */
function rpcThatAnswers(status, body) {
	/** @type {{url: string, init: any}[]} */
	const requests = [];
	const fetcher = /** @type {typeof fetch} */ (
		async (url, init) => {
			requests.push({ url: String(url), init });
			if (status === 0) throw new TypeError("no network");
			return new Response(body === undefined ? "<html>" : JSON.stringify(body), { status });
		}
	);
	return { requests, rpc: new Rpc("https://host/x2go/rpc/", fetcher) };
}

test("calls carry JSON and the login; config is a GET", async () => {
	const { requests, rpc } = rpcThatAnswers(200, { login: "00ff", sessions: [] });
	await rpc.config();
	const { login } = await rpc.login({ server: "demo", user: "alice", password: "wonderland" });
	rpc.use(login);
	await rpc.start({ desktop: "ICEWM", width: 800, height: 600, dpi: 96, layout: "de" });
	assert.deepEqual(
		requests.map(({ url, init }) => [url, init.method ?? "GET"]),
		[
			["https://host/x2go/rpc/config", "GET"],
			["https://host/x2go/rpc/login", "POST"],
			["https://host/x2go/rpc/start", "POST"],
		],
	);
	assert.equal(requests[2].init.headers["Content-Type"], "application/json");
	assert.deepEqual(JSON.parse(requests[2].init.body), {
		login: "00ff",
		desktop: "ICEWM",
		width: 800,
		height: 600,
		dpi: 96,
		layout: "de",
	});
	assert.ok(!JSON.stringify(rpc).includes("wonderland"), "the password is kept");
});

test("faults reach the user in our words, with what only the gateway knows", async () => {
	const fault = { error: { code: "auth_failed", message: "Wrong." } };
	const key = { error: { code: "host_key_changed", message: "Another key. (SHA256:abc)" } };
	const busy = { error: { code: "draining", message: "Busy.", retry_after: 30 } };
	const newer = { error: { code: "of_tomorrow", message: "The gateway says so." } };
	/** @type {[number, unknown, string, RegExp][]} */
	const table = [
		[401, fault, "auth_failed", /^The user name or the password is wrong\.$/],
		[502, key, "host_key_changed", /host key.* administrator .* \(SHA256:abc\)$/],
		[503, busy, "draining", /serviced.* Try again in 30 seconds\.$/],
		[500, newer, "of_tomorrow", /^The gateway says so\.$/],
		[502, undefined, "gateway_fault", /\(status 502\)$/],
		[200, undefined, "gateway_fault", /\(status 200\)$/],
		[500, { error: "text" }, "gateway_fault", /\(status 500\)$/],
		[0, null, "unreachable", /cannot be reached/],
	];
	for (const [status, body, code, message] of table) {
		const { rpc } = rpcThatAnswers(status, body);
		const error = await rpc.sessions().catch((thrown) => thrown);
		assert.ok(error instanceof RpcError);
		assert.equal(error.code, code);
		assert.match(messageOf(error), message);
	}
	assert.ok(isLoginOver(new RpcError("not_logged_in", "")));
	assert.ok(!isLoginOver(new RpcError("auth_failed", "")));
	assert.ok(!isLoginOver(new Error("not_logged_in")));
});

test("a gateway that is being renewed is asked again, where that does no harm", async () => {
	/** @param {number} failures @param {(rpc: Rpc) => Promise<unknown>} call */
	const asked = async (failures, call) => {
		let requests = 0;
		/** @type {number[]} */ const pauses = [];
		const fetcher = /** @type {typeof fetch} */ (
			async () =>
				requests++ < failures
					? new Response(
							JSON.stringify({
								error: {
									...{ code: "broker_unavailable", message: "Not ready." },
									retry_after: 1,
								},
							}),
							{ status: 503 },
						)
					: new Response("{}")
		);
		const rpc = new Rpc("https://host/", fetcher, async (ms) => pauses.push(ms));
		const error = await call(rpc).then(
			() => "",
			(thrown) => thrown.code,
		);
		return [requests, pauses.length, error];
	};
	assert.deepEqual(await asked(2, (rpc) => rpc.sessions()), [3, 2, ""]);
	assert.deepEqual(await asked(1, (rpc) => rpc.suspend("a")), [2, 1, ""]);
	assert.deepEqual(await asked(99, (rpc) => rpc.config()), [6, 5, "broker_unavailable"]);
	/* What it may have begun is not begun twice. */
	const credentials = { server: "demo", user: "alice", password: "wonderland" };
	assert.deepEqual(await asked(1, (rpc) => rpc.login(credentials)), [1, 0, "broker_unavailable"]);
	const size = { width: 800, height: 600, layout: "" };
	const start = (/** @type {Rpc} */ rpc) => rpc.start({ desktop: "ICEWM", dpi: 0, ...size });
	assert.deepEqual(await asked(1, start), [1, 0, "broker_unavailable"]);
});

test("ages are told in a unit that fits", () => {
	/** @type {[number, RegExp][]} */
	const table = [
		[-3, /started 0 seconds ago/],
		[59, /started 59 seconds ago/],
		[60, /started 1 minute ago/],
		[7199, /started 1 hour ago/],
		[172_799, /started 47 hours ago/],
		[172_800, /started 2 days ago/],
	];
	for (const [age, words] of table) assert.match(TEXT.sessionDetails(sessionRow({ age })), words);
});
