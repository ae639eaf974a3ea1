/* SPDX-License-Identifier: ISC */
/*
 * How to get the page into each of its states, before the stand-in gateway: for the screenshots and
 * for the tests that look at every state. A scene whose button the page does not show answers false.
 */

import { readFile } from "node:fs/promises";
import { fault, sessionRow, StandinGateway } from "./gateway.mjs";
import { version, wholeScreen } from "./messages.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("./gateway.mjs").StandinAgent} StandinAgent */
/** @typedef {{gateway: StandinGateway, page: Page, agent: () => StandinAgent,
 *   picture: (size: {width: number, height: number}) => Promise<Uint8Array>}} Scene */
/** @typedef {(scene: Scene) => Promise<void | boolean>} Way */

export const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const NEVER = new Promise(() => {});

/** @param {Page} page @param {string} state */
export async function inState(page, state) {
	await page.waitForSelector(`html[data-state="${state}"]`);
}

/** @param {Page} page */
export async function logIn(page) {
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
		sessionRow({
			...{ id: "alice-52", desktop: "gimp", kind: "application" },
			...{ display: 52, age: 240, attached: false },
		}),
		sessionRow({
			...{ id: "alice-53", desktop: "MATE", kind: "nx", status: "suspended" },
			...{ display: 53, age: 700_000, attached: false },
		}),
		sessionRow({ id: "alice-54", desktop: "LXQT", status: "starting", display: 54, age: 3 }),
	];
	await logIn(page);
	await inState(page, "sessions");
}

/** A button of the bar, also when it has folded away. @param {Page} page @param {string} id
 * @returns {Promise<boolean>} whether there is one */
export async function pressTool(page, id) {
	const button = page.locator(`#${id}`);
	if ((await button.getAttribute("hidden")) !== null) return false;
	if (!(await button.isVisible())) await page.click("#more");
	await button.click();
	return true;
}

const PROGRAMS = [
	["Office", "LibreOffice Writer", "LibreOffice Calc", "Document Viewer"],
	["Network", "Firefox", "Thunderbird", "Remote Desktop Viewer"],
	["Graphics", "GIMP", "Inkscape", "Image Viewer"],
	["Utility", "Text Editor", "Calculator", "Archive Manager"],
	["System", "XTerm", "Task Manager"],
];

const WARNINGS = [
	"Wartung um 17:30 Uhr: bitte sichern.",
	"The gateway stops in five minutes. Your session goes on and can be resumed afterwards.",
];

/** @param {Page} page */
const language = (page) => page.evaluate(() => document.documentElement.lang);

/** @param {string} id of a button that opens a panel @returns {Way} */
const withPanel = (id) => async (scene) => {
	await run(scene);
	if (!(await pressTool(scene.page, id))) return false;
	await scene.page.waitForSelector(`#${id}[aria-expanded="true"]`, { state: "attached" });
	return true;
};

const HOST_KEY = {
	type: "ssh-ed25519",
	fingerprint: "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
};

/** @param {Partial<import("../../../www/js/types.js").PromptReply>} prompt of a login
 * @returns {Way} */
const asked =
	(prompt) =>
	async ({ gateway, page }) => {
		gateway.prompts = [prompt];
		await logIn(page);
		await inState(page, "prompt");
	};

/** @param {import("../../../www/js/types.js").ClipboardDirection} direction @returns {Way} */
const clipboardOneWay = (direction) => async (scene) => {
	const options = { "Demo server": { clipboard: direction } };
	await scene.page.evaluate(
		(value) => localStorage.setItem("x2goweb.options", value),
		JSON.stringify(options),
	);
	return withPanel("clipboard")(scene);
};

/** @type {Record<string, Way>} */
export const SCENES = {
	form: async ({ page }) => page.fill("#username", "alice"),
	"form-other-server": async ({ gateway, page }) => {
		Object.assign(gateway.config, { other_jumps: true, other_servers: true });
		await page.reload();
		await page.waitForSelector("#connect:enabled");
		await page.selectOption("#server", "");
		await page.fill("#other-server", "lab7.example.org:2222");
		await page.fill("#username", "alice");
		await page.click("#proxy summary");
		await page.fill("#proxy-host", "gate.example.org");
		await page.locator("#connect").scrollIntoViewIfNeeded();
	},
	"form-jump": async ({ gateway, page }) => {
		gateway.config.servers[0].jump = { title: "gate.example.org", user: true };
		await page.reload();
		await page.waitForSelector("#connect:enabled");
		await page.fill("#username", "alice");
		await page.click("#proxy summary");
	},
	"form-native": async ({ gateway, page }) => {
		gateway.config.native_mode = true;
		await page.goto(`${page.url()}?user=alice&password=x&lang=${await language(page)}`);
		await page.waitForSelector("#connect:enabled");
		await page.click("#native summary");
		await page.locator("#native-file").scrollIntoViewIfNeeded();
	},
	"form-kiosk": async ({ gateway, page }) => {
		gateway.config.kiosk = true;
		await page.goto(`${page.url()}?user=alice`);
		await page.waitForSelector("#connect:enabled");
	},
	"form-error": async ({ gateway, page }) => {
		gateway.overrides.login = () => fault(401, "auth_failed", "x");
		await logIn(page);
		await page.waitForSelector("#form-error:not([hidden])");
	},
	"error-penalty": async ({ gateway, page }) => {
		gateway.overrides.login = () => fault(429, "too_many_attempts", "x", { retry_after: 45 });
		await logIn(page);
		await page.waitForSelector("#form-error:not([hidden])");
	},
	"error-draining": async ({ gateway, page }) => {
		gateway.overrides.login = () => fault(503, "draining", "x", { retry_after: 60 });
		await logIn(page);
		await page.waitForSelector("#form-error:not([hidden])");
	},
	"error-jump": async ({ gateway, page }) => {
		gateway.overrides.login = () => fault(502, "host_unreachable", "x", { hop: "jump" });
		await logIn(page);
		await page.waitForSelector("#form-error:not([hidden])");
	},
	"prompt-code": asked({ host: "demo.example.org" }),
	"prompt-two-questions": asked({
		title: "Two-factor login",
		instruction: "Your hardware token shows a number.\nIt changes every 30 seconds.",
		notice: "Authorised use only. All access is logged.",
		prompts: [
			{ text: "The door is open until 18:00.\nNumber of your token: ", echo: true },
			{ text: "PIN: ", echo: false },
		],
	}),
	"prompt-password": asked({ kind: "password" }),
	"prompt-new-password": asked({
		kind: "new_password",
		instruction: "Your password has expired. You must change it now.",
	}),
	"prompt-new-password-error": async (scene) => {
		await asked({ kind: "new_password" })(scene);
		await scene.page.fill("#prompt-answer-0", "one");
		await scene.page.fill("#prompt-repeat", "two");
		await scene.page.click("#prompt-submit");
		await scene.page.waitForSelector("#prompt-error:not([hidden])");
	},
	"prompt-host-key": asked({ kind: "host_key", host: "lab7.example.org", host_key: HOST_KEY }),
	"prompt-host-key-jump": asked({
		...{ kind: "host_key", hop: "jump", host: "[gate.example.org]:2222" },
		host_key: { ...HOST_KEY, type: "sk-ssh-unknown@example.org" },
	}),
	"prompt-jump": asked({
		...{ hop: "jump", host: "gate.example.org" },
		title: "Gate of the institute",
		prompts: [{ text: "One-time password (OATH) for `alice': ", echo: true }],
	}),
	"prompt-long": asked({
		title: "A server that has much to say ".repeat(6),
		instruction: "Without a break ".repeat(20) + "x".repeat(300),
		prompts: [1, 2, 3].map((n) => ({ text: `${n}. ${"why ".repeat(60)}?`, echo: n > 1 })),
	}),
	"prompt-answering": async (scene) => {
		await asked({})(scene);
		scene.gateway.overrides.answer = () => /** @type {Promise<any>} */ (NEVER);
		await scene.page.fill("#prompt-answer-0", "123456");
		await scene.page.keyboard.press("Enter");
		await inState(scene.page, "authenticating");
	},
	authenticating: async ({ gateway, page }) => {
		gateway.overrides.login = () => /** @type {Promise<any>} */ (NEVER);
		await logIn(page);
		await inState(page, "authenticating");
	},
	sessions: listSessions,
	applications: async ({ gateway, page }) => {
		gateway.applications = PROGRAMS.flatMap(([group, ...titles]) =>
			titles.map((title) => ({ command: title.toLowerCase(), title, group })),
		);
		gateway.sessions = [sessionRow({ age: 4_000 })];
		await logIn(page);
		await page.waitForSelector("#application-list h3");
		await page.locator("#applications").scrollIntoViewIfNeeded();
	},
	"sessions-empty": async (scene) => {
		await run(scene);
		scene.gateway.sessions = [];
		await scene.page.evaluate(() => document.getElementById("disconnect")?.click());
		await inState(scene.page, "sessions");
		await scene.page.waitForSelector("#no-sessions:not([hidden])");
	},
	"sessions-error": async (scene) => {
		await listSessions(scene);
		scene.gateway.overrides.suspend = () => fault(409, "session_busy", "x");
		await scene.page.click('[data-session="alice-51"] [data-action="suspend"]');
		await scene.page.click("#confirm-yes");
		await scene.page.waitForSelector("#sessions-error:not([hidden])");
	},
	"sessions-message": async (scene) => {
		await listSessions(scene);
		const { sessions } = scene.gateway;
		scene.gateway.overrides.sessions = () => ({ body: { sessions, said: WARNINGS[1] } });
		await scene.page.click("#refresh");
		await scene.page.waitForSelector("#admin-message li");
	},
	"sessions-offered": async ({ gateway, page }) => {
		gateway.sessions = [sessionRow({ status: "suspended", age: 93_000, attached: false })];
		await logIn(page);
		await inState(page, "sessions");
	},
	notice: async (scene) => {
		scene.gateway.notice = "Your password expires in 3 days.\nChange it with: passwd";
		await listSessions(scene);
	},
	options: async (scene) => {
		scene.gateway.sessions = [sessionRow({ status: "suspended", age: 93_000 })];
		await logIn(scene.page);
		await inState(scene.page, "sessions");
		await scene.page.click("#options summary");
		await scene.page.selectOption("#option-clipboard", "client");
		await scene.page.selectOption("#option-quality", "5");
		await scene.page.locator("#options .hint").scrollIntoViewIfNeeded();
	},
	"starting-notice": async ({ gateway, page }) => {
		gateway.overrides.start = () => /** @type {Promise<any>} */ (NEVER);
		gateway.notice = "Your password expires in 3 days.";
		await logIn(page);
		await inState(page, "starting");
	},
	"sessions-terminate": async (scene) => {
		await listSessions(scene);
		await scene.page.click("#session-list li:first-child .danger");
		await scene.page.waitForSelector("#confirm[open]");
	},
	"sessions-take-over": async (scene) => {
		await listSessions(scene);
		await scene.page.click('[data-session="alice-51"] [data-action="takeOver"]');
		await scene.page.waitForSelector("#confirm[open]");
	},
	starting: async ({ gateway, page }) => {
		gateway.overrides.start = () => /** @type {Promise<any>} */ (NEVER);
		await logIn(page);
		await inState(page, "starting");
	},
	running: run,
	clipboard: withPanel("clipboard"),
	"clipboard-out": clipboardOneWay("server"),
	"clipboard-off": clipboardOneWay("none"),
	keys: withPanel("keys"),
	size: withPanel("size"),
	"size-custom": async (scene) => {
		await withPanel("size")(scene);
		await scene.page.selectOption("#screen-size", "custom");
	},
	detached: async (scene) => {
		await run(scene);
		const opened = scene.page.waitForEvent("popup");
		if (!(await pressTool(scene.page, "detach"))) return false;
		await inState(await opened, "running");
		await inState(scene.page, "ended");
		return true;
	},
	touching: async (scene) => {
		await run(scene);
		const raw = await scene.page.context().newCDPSession(scene.page);
		const touchPoints = [{ x: 180, y: 320, id: 0 }];
		await raw.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints });
		await scene.page.waitForSelector(".touch-ring:not([hidden])");
		await scene.page.waitForTimeout(500);
	},
	help: withPanel("help"),
	more: async (scene) => {
		await run(scene);
		if (!(await scene.page.isVisible("#more"))) return false;
		await scene.page.click("#more");
		return true;
	},
	statistics: async (scene) => {
		await run(scene);
		await pressTool(scene.page, "stats");
		/* Something to draw: a screen whose picture changes now fast, now slowly. */
		const screen = await scene.page.$eval("#screen", ({ dataset }) => ({
			width: Number(dataset.width),
			height: Number(dataset.height),
		}));
		const image = await scene.picture(screen);
		for (const pause of [60, 30, 90, 300, 120, 40, 25, 200])
			for (let i = 0; i < 700 / pause; i++) {
				scene.agent().send(wholeScreen(screen.width, screen.height, image));
				await scene.page.waitForTimeout(pause);
			}
		await scene.page.waitForSelector("#stats-figures dd");
	},
	"bar-hidden": async (scene) => {
		await run(scene);
		await pressTool(scene.page, "pin");
		await scene.page.mouse.move(200, 300);
		await scene.page.click("#screen", { position: { x: 100, y: 200 } });
		await scene.page.waitForSelector('[data-bar="hidden"]');
	},
	"status-fault": async (scene) => {
		await run(scene);
		scene.gateway.overrides.suspend = () => fault(504, "timeout", "x");
		await pressTool(scene.page, "suspend");
		await scene.page.waitForSelector("#status.fault");
	},
	message: async (scene) => {
		await run(scene);
		const { length } = scene.agent().words;
		for (const text of WARNINGS) scene.agent().say(`say ${encodeURIComponent(text)}`);
		await scene.page.waitForSelector("#admin-message li:nth-child(2)");
		if (scene.agent().words.length !== length) throw new Error("the page answers");
	},
	drained: async (scene) => {
		await run(scene);
		scene.agent().say(`say ${encodeURIComponent(WARNINGS[1])}`);
		await scene.page.waitForSelector("#admin-message li");
		scene.agent().bye("draining", "");
		await inState(scene.page, "error");
	},
	reconnecting: async (scene) => {
		await run(scene);
		scene.gateway.setLine("away");
		await inState(scene.page, "reconnecting");
	},
	"reconnecting-statistics": async (scene) => {
		await run(scene);
		await pressTool(scene.page, "stats");
		await scene.page.waitForSelector("#stats-figures dd");
		scene.gateway.setLine("away");
		await inState(scene.page, "reconnecting");
	},
	"reconnecting-fault": async (scene) => {
		await run(scene);
		scene.gateway.setLine("away");
		await inState(scene.page, "reconnecting");
		await pressTool(scene.page, "suspend");
		await scene.page.waitForSelector("#status.fault");
	},
	"reconnecting-suspended": async (scene) => {
		await run(scene);
		scene.gateway.sessions = [sessionRow({ status: "suspended", attached: false })];
		scene.gateway.setLine("gone");
		await inState(scene.page, "ended");
	},
	"reconnecting-in-vain": async (scene) => {
		await run(scene);
		scene.gateway.sessions = [sessionRow({ attached: false })];
		scene.gateway.setLine("gone");
		await inState(scene.page, "error");
	},
	reconnected: async (scene) => {
		await run(scene);
		scene.gateway.setLine("away");
		await inState(scene.page, "reconnecting");
		scene.gateway.setLine("there");
		await inState(scene.page, "running");
	},
	"reconnected-without": async (scene) => {
		await run(scene);
		scene.gateway.setLine("away");
		await inState(scene.page, "reconnecting");
		await scene.page.keyboard.type("x");
		scene.agent().how = "foreign";
		scene.gateway.setLine("there");
		await scene.page.waitForSelector("#status.fault");
	},
	ended: async (scene) => {
		await run(scene);
		scene.agent().bye("replaced", "taken over");
		await inState(scene.page, "ended");
	},
	error: async (scene) => {
		await run(scene);
		scene.agent().bye("agent_lost", "The display has ended. (x2gokdriveagent)");
		await inState(scene.page, "error");
	},
};

/** The stand-in desktop as JPEG, in any size. @param {Browser} browser */
export async function desktopPainter(browser) {
	const page = await browser.newPage();
	const html = await readFile(new URL("./desktop.html", import.meta.url), "utf8");
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

/**
 * A fresh page before a fresh gateway, taken to a state.
 * @param {object} options
 * @param {Browser} options.browser
 * @param {string} options.www
 * @param {string} options.name of SCENES
 * @param {import("playwright-core").BrowserContextOptions} options.context
 * @param {(size: {width: number, height: number}) => Promise<Uint8Array>} options.drawDesktop
 * @param {(scene: Scene & {complaints: string[]}) => Promise<void>} look at the page in that state
 * @param {object} [config] of the gateway
 */
export async function visit({ browser, www, name, context, drawDesktop }, look, config = {}) {
	/** @type {StandinAgent[]} */
	const agents = [];
	const gateway = new StandinGateway({
		www,
		onStream: async (agent) => {
			agents.push(agent);
			const { width, height } = gateway.calls.findLast(
				({ call }) => call === "start" || call === "resume",
			)?.body;
			agent.send(version(8));
			agent.send(wholeScreen(width, height, await drawDesktop({ width, height })));
		},
	});
	Object.assign(gateway.config, config);
	const opened = await browser.newContext(context);
	const page = await opened.newPage();
	/** @type {string[]} */
	const complaints = [];
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("console", (message) => {
		/* A refused call is in the browser's own log, as it should be. */
		if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
			complaints.push(message.text());
	});
	try {
		await page.goto(await gateway.listen());
		await page.waitForSelector("#connect:enabled");
		const scene = {
			gateway,
			page,
			agent: () => agents[agents.length - 1],
			complaints,
			picture: drawDesktop,
		};
		if ((await SCENES[name](scene)) !== false) await look(scene);
	} finally {
		await opened.close();
		await gateway.close();
	}
}
