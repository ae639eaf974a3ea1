/* SPDX-License-Identifier: ISC */
/*
 * Takes a picture of the page in each of its states, in two sizes and two colour schemes, against
 * the stand-in gateway. Output: $OUT or build/screenshots/<state>-<desktop|phone>-<light|dark>.png
 */

import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "./standin/browser.mjs";
import { fault, sessionRow, StandinGateway } from "./standin/gateway.mjs";
import { version, wholeScreen } from "./standin/messages.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./standin/gateway.mjs").StandinAgent} StandinAgent */
/** @typedef {{gateway: StandinGateway, page: Page, agent: () => StandinAgent}} Scene */

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OUT = process.env.OUT ?? `${ROOT}build/screenshots`;
const ONLY = process.argv.slice(2);
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const SCHEMES = /** @type {const} */ (["light", "dark"]);
const NEVER = new Promise(() => {});

/** @param {Page} page @param {string} state */
async function inState(page, state) {
	await page.waitForSelector(`html[data-state="${state}"]`);
}

/** @param {Page} page */
async function logIn(page) {
	await page.fill("#username", "alice");
	await page.fill("#password", "wonderland");
	await page.click("#connect");
}

/** @param {Scene} scene */
async function run({ page }) {
	await logIn(page);
	await inState(page, "running");
}

/** @param {Scene} scene */
async function listSessions({ gateway, page }) {
	gateway.sessions = [
		sessionRow({ status: "suspended", age: 93_000, attached: false }),
		sessionRow({ id: "alice-51", desktop: "XFCE", display: 51, age: 4_000, attached: false }),
		sessionRow({ id: "alice-52", desktop: "gimp", kind: "nx", display: 52, age: 240 }),
	];
	await logIn(page);
	await inState(page, "sessions");
}

/** How to get to each state. @type {Record<string, (scene: Scene) => Promise<void>>} */
const STATES = {
	form: async ({ page }) => page.fill("#username", "alice"),
	"form-error": async ({ gateway, page }) => {
		const message = "User name or password is wrong.";
		gateway.overrides.login = () => fault(401, "auth_failed", message);
		await logIn(page);
		await page.waitForSelector("#form-error:not([hidden])");
	},
	authenticating: async ({ gateway, page }) => {
		gateway.overrides.login = () => /** @type {Promise<any>} */ (NEVER);
		await logIn(page);
		await inState(page, "authenticating");
	},
	sessions: listSessions,
	"sessions-terminate": async (scene) => {
		await listSessions(scene);
		await scene.page.click("#session-list li:first-child .danger");
		await scene.page.waitForSelector("#confirm[open]");
	},
	starting: async ({ gateway, page }) => {
		gateway.overrides.start = () => /** @type {Promise<any>} */ (NEVER);
		await logIn(page);
		await inState(page, "starting");
	},
	running: run,
	"running-stats": async (scene) => {
		await run(scene);
		await scene.page.click("#stats");
		await scene.page.waitForSelector("#stats-panel dd");
	},
	ended: async (scene) => {
		await run(scene);
		scene.agent().bye("replaced", "taken over");
		await inState(scene.page, "ended");
	},
	error: async (scene) => {
		await run(scene);
		scene
			.agent()
			.bye("agent_lost", "The session's screen on the server has stopped answering.");
		await inState(scene.page, "error");
	},
};

/** The stand-in desktop as JPEG, in any size. @param {import("playwright-core").Browser} browser */
async function desktopPainter(browser) {
	const page = await browser.newPage();
	const html = await readFile(new URL("./standin/desktop.html", import.meta.url), "utf8");
	await page.setContent(html);
	/** @type {Map<string, Promise<Buffer>>} */
	const made = new Map();
	return (/** @type {{width: number, height: number}} */ size) => {
		const key = `${size.width}x${size.height}`;
		const draw = async () => {
			await page.setViewportSize(size);
			return page.screenshot({ type: "jpeg", quality: 90 });
		};
		if (!made.has(key)) made.set(key, draw());
		return /** @type {Promise<Buffer>} */ (made.get(key));
	};
}

const browser = await launchBrowser();
await mkdir(OUT, { recursive: true });
const drawDesktop = await desktopPainter(browser);

for (const [sizeName, viewport] of Object.entries(SIZES)) {
	for (const colorScheme of SCHEMES) {
		for (const [state, enter] of Object.entries(STATES)) {
			if (ONLY.length > 0 && !ONLY.includes(state)) continue;
			/** @type {StandinAgent[]} */
			const agents = [];
			const gateway = new StandinGateway({
				www: `${ROOT}www`,
				onStream: async (agent) => {
					agents.push(agent);
					const start = gateway.calls.findLast(({ call }) => call === "start");
					const { width, height } = start?.body;
					agent.send(version(8));
					agent.send(wholeScreen(width, height, await drawDesktop({ width, height })));
				},
			});
			const context = await browser.newContext({
				viewport,
				colorScheme,
				deviceScaleFactor: sizeName === "phone" ? 2 : 1,
				hasTouch: sizeName === "phone",
			});
			const page = await context.newPage();
			page.on("pageerror", (error) => console.error(`${state}: ${error}`));
			page.on("console", (message) => {
				if (message.type() === "error") console.error(`${state}: ${message.text()}`);
			});
			await page.goto(await gateway.listen());
			await page.waitForSelector("#connect:enabled");
			await enter({ gateway, page, agent: () => agents[agents.length - 1] });
			await page.waitForTimeout(300); /* transitions */
			const path = `${OUT}/${state}-${sizeName}-${colorScheme}.png`;
			await page.screenshot({ path });
			await context.close();
			await gateway.close();
			console.log(path);
		}
	}
}
await browser.close();
