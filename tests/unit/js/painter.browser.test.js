/* SPDX-License-Identifier: ISC */
/* The real workers in Chromium, fed by a stand-in agent; pixels are read back and compared. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SLEEP_AFTER_MS } from "../../../www/js/stream/engine.js";
import { isPng } from "../../../www/js/stream/decoders/image.js";
import * as agentSays from "../../e2e/standin/messages.mjs";
import { drawPng, solidPng } from "../../e2e/standin/png.mjs";
import { BrowserPage, GREY } from "./browser_page.js";

const RED = [250, 10, 20];
const GREEN = [10, 240, 30];
const BLUE = [20, 30, 230];
const WHITE = [255, 255, 255];

/** As the page's own modules run: in workers, or in the page where browsers lack what it needs. */
const WAYS = {
	workers: undefined,
	"the page itself": () => {
		Reflect.deleteProperty(HTMLCanvasElement.prototype, "transferControlToOffscreen");
		Reflect.deleteProperty(globalThis, "OffscreenCanvas");
		Reflect.deleteProperty(globalThis, "Worker");
		Reflect.deleteProperty(globalThis, "ImageDecoder");
	},
};

for (const [way, script] of Object.entries(WAYS)) {
	/** @type {BrowserPage} */
	let browser;
	/** @type {import("../../e2e/standin/gateway.mjs").StandinAgent} */
	let agent;

	/** @param {number[]} colour @param {number} width @param {number} height */
	const region = (colour, width, height, x = 0, y = 0) => {
		return { x, y, width, height, data: solidPng(width, height, colour) };
	};

	/** A cached frame of one colour. @param {number} crc @param {number[]} colour */
	const solidFrame = (crc, colour, x = 0, y = 0, width = 40, height = 30) =>
		agentSays.frame({ width, height, x, y, crc, regions: [region(colour, width, height)] });

	before(async () => {
		browser = await BrowserPage.open({ script });
		agent = await browser.run();
	});
	after(() => browser.close());

	test(`${way}: the first picture`, async () => {
		assert.deepEqual(browser.askedSize, { width: 640, height: 400 });
		const workers = browser.page.workers().length;
		assert.equal(workers, script ? 0 : 2);
		const points = [
			[0, 0],
			[639, 399],
		];
		assert.deepEqual(await browser.pixelsBecome(points, [GREY, GREY]), [GREY, GREY]);
	});

	test(`${way}: cached frames, cache hits and copied regions`, async () => {
		const stripes = drawPng(40, 30, (_, y) => (y < 10 ? RED : y < 20 ? GREEN : BLUE));
		const whole = { x: 0, y: 0, width: 40, height: 30, data: stripes };
		agent.send(agentSays.frame({ width: 40, height: 30, crc: 1, regions: [whole] }));
		agent.send(agentSays.frame({ width: 40, height: 30, x: 100, y: 50, crc: 1 }));
		/* What is on the screen now must not matter for the copy: */
		agent.send(agentSays.frame({ width: 40, height: 30, regions: [region(WHITE, 40, 30)] }));
		agent.send(
			agentSays.frame({
				width: 40,
				height: 30,
				x: 200,
				y: 50,
				crc: 2,
				regions: [
					region(WHITE, 40, 10, 0, 20),
					{ source: 1, sourceX: 0, sourceY: 10, x: 0, y: 0, width: 40, height: 20 },
				],
			}),
		);
		agent.send(agentSays.frame({ width: 40, height: 30, x: 300, y: 50, crc: 2 }));
		const points = [
			...[[5, 5]],
			...[
				[100, 50],
				[139, 65],
				[120, 79],
				[140, 65],
			],
			...[
				[200, 50],
				[239, 65],
				[220, 79],
			],
			...[
				[300, 50],
				[339, 65],
				[320, 79],
			],
		];
		const colours = [
			...[WHITE],
			...[RED, GREEN, BLUE, GREY],
			...[GREEN, BLUE, WHITE],
			...[GREEN, BLUE, WHITE],
		];
		assert.deepEqual(await browser.pixelsBecome(points, colours), colours);
	});

	test(`${way}: frames take effect in order, however long each takes to decode`, async () => {
		for (let i = 0; i < 40; i++) {
			agent.send(solidFrame(100 + i, [i, 0, 0], 0, 100, 400, 250));
			agent.send(solidFrame(200 + i, [0, i, 0], 0, 100, 20, 20));
			agent.send(solidFrame(300 + i, [0, 0, i], 20, 100, 20, 20));
		}
		const points = [
			[5, 105],
			[25, 105],
			[399, 349],
		];
		const colours = [
			[0, 39, 0],
			[0, 0, 39],
			[39, 0, 0],
		];
		assert.deepEqual(await browser.pixelsBecome(points, colours), colours);
	});

	test(`${way}: JPEG pictures`, async () => {
		const jpeg = await browser.page.evaluate(async () => {
			const canvas = Object.assign(document.createElement("canvas"), {
				width: 64,
				height: 32,
			});
			const context = canvas.getContext("2d");
			if (context) context.fillStyle = "rgb(200 100 50)";
			context?.fillRect(0, 0, 64, 32);
			const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ resolve) =>
				canvas.toBlob(resolve, "image/jpeg", 0.9),
			);
			return [...new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0))];
		});
		const data = Uint8Array.from(jpeg);
		assert.ok(!isPng(data));
		const part = { x: 500, y: 200, width: 64, height: 32, data };
		agent.send(agentSays.frame({ width: 64, height: 32, x: 500, y: 200, regions: [part] }));
		const colours = [[200, 100, 50]];
		assert.deepEqual(await browser.pixelsBecome([[530, 210]], colours, 4), colours);
	});

	test(`${way}: a deleted frame is asked for again, in its place`, async () => {
		agent.send(solidFrame(0xdeadbeef, RED, 10, 10));
		agent.send(agentSays.deleted([0xdeadbeef, 4711]));
		agent.forget();
		agent.send(agentSays.frame({ width: 40, height: 30, x: 620, y: -10, crc: 0xdeadbeef }));
		const update = await agent.until(
			({ events }) => events.find(({ type, width }) => type === "update" && width === 20),
			"update of the missing part",
		);
		assert.deepEqual(update, { type: "update", width: 20, height: 20, x: 620, y: 0 });
		agent.send(
			agentSays.frame({
				width: 20,
				height: 20,
				x: 620,
				y: 0,
				regions: [region(BLUE, 20, 20, 620)],
			}),
		);
		assert.deepEqual(await browser.pixelsBecome([[639, 19]], [BLUE]), [BLUE]);
	});

	test(`${way}: pictures that cannot be decoded are asked for again; the stream goes on`, async () => {
		const damaged = solidPng(40, 30, RED);
		damaged.fill(0x55, 45);
		const wrongSize = solidPng(41, 30, RED);
		for (const [i, data] of [damaged, wrongSize, new Uint8Array([1, 2, 3])].entries()) {
			agent.forget();
			const part = { x: 0, y: 0, width: 40, height: 30, data };
			const x = 50 * i;
			agent.send(
				agentSays.frame({ width: 40, height: 30, x, crc: 600 + i, regions: [part] }),
			);
			const wanted = { type: "update", width: 40, height: 30, x, y: 0 };
			await agent.until(
				({ events }) =>
					events.some((event) => JSON.stringify(event) === JSON.stringify(wanted)),
				`update for picture ${i}`,
			);
		}
		agent.send(solidFrame(700, GREEN));
		assert.deepEqual(await browser.pixelsBecome([[5, 5]], [GREEN]), [GREEN]);
	});

	test(`${way}: cursors of all kinds, shown again by serial`, async () => {
		const half = 16 * 16;
		const core = {
			width: 16,
			height: 16,
			hotX: 3,
			hotY: 4,
			data: new Uint8Array(half * 2).fill(1),
		};
		const raw = { width: 8, height: 8, hotX: 20, hotY: 1, data: new Uint8Array(256).fill(99) };
		const png = { width: 8, height: 8, data: solidPng(8, 8, [9, 9, 9, 128]) };
		agent.send(agentSays.cursor({ serial: 1, ...core }));
		const shownCore = await browser.cursorBecomes((css) => css.endsWith("3 4, default"));
		assert.match(shownCore, /^url\("blob:http[^"]+"\) 3 4, default$/);
		agent.send(agentSays.cursor({ serial: 2, ...raw }));
		const shownRaw = await browser.cursorBecomes((css) => css.endsWith("7 1, default"));
		assert.match(shownRaw, /^url\("blob:http[^"]+"\) 7 1, default$/, "the hot spot is clamped");
		agent.send(agentSays.cursor({ serial: 3, ...png }));
		assert.match(await browser.cursorBecomes((css) => css.endsWith("0 0, default")), /blob:/);
		agent.send(agentSays.cursor({ serial: 1 }));
		assert.equal(await browser.cursorBecomes((css) => css === shownCore), shownCore);
		agent.send(agentSays.cursor({ serial: 77 }));
		assert.equal(await browser.cursorBecomes((css) => css === "default"), "default");
		agent.send(agentSays.cursor({ serial: 2 }));
		assert.equal(await browser.cursorBecomes((css) => css === shownRaw), shownRaw);
		const large = { width: 129, height: 8, data: new Uint8Array(129 * 8 * 4).fill(99) };
		agent.send(agentSays.cursor({ serial: 4, ...large }));
		assert.equal(await browser.cursorBecomes((css) => css === "default"), "default");
	});

	test(`${way}: the screen follows the window, by the safe procedure`, async () => {
		agent.forget();
		let resized = 0;
		for (const width of [650, 660, 700]) {
			resized = performance.now();
			await browser.page.setViewportSize({ width, height: 500 });
		}
		const { at, events } = await agent.until(
			({ messages }) =>
				messages.find(({ events }) => events.some(({ type }) => type === "geometry")),
			"resize",
		);
		assert.ok(at - resized > 400, `sent after ${at - resized} ms`);
		const size = { width: 700, height: 454 };
		assert.deepEqual(events, [
			{ type: "cache-rebuild" },
			{ type: "geometry", ...size, recordWidth: 700, recordHeight: 454 },
		]);
		assert.equal(agent.events.filter(({ type }) => type === "geometry").length, 1);
		agent.forget();
		agent.send(agentSays.reinit());
		await agent.until(
			({ events }) => events.find(({ type, width }) => type === "update" && width === 0),
			"update of the whole screen",
		);
		agent.send(agentSays.wholeScreen(700, 454, solidPng(700, 454, BLUE)));
		agent.send(solidFrame(1, WHITE, 660, 424));
		const points = [
			[0, 0],
			[699, 453],
		];
		assert.deepEqual(await browser.pixelsBecome(points, [BLUE, WHITE]), [BLUE, WHITE]);
		/* REINIT emptied the cache: frames from before are gone. */
		agent.forget();
		agent.send(agentSays.frame({ width: 40, height: 30, crc: 2 }));
		await agent.until(
			({ events }) => events.find(({ type, width }) => type === "update" && width === 40),
			"update for a frame from before",
		);
	});

	test(`${way}: too far behind, it drops its backlog and asks for a fresh picture`, async () => {
		const whole = region(RED, 2000, 2000);
		const heavy = agentSays.frame({ width: 2000, height: 2000, crc: 9, regions: [whole] });
		agent.forget();
		/* Quickly sent, slowly decoded: some 1.6 thousand million pixels. */
		for (let i = 0; i < 400; i++) agent.send(heavy);
		await agent.until(
			({ events }) => events.find(({ type }) => type === "cache-rebuild"),
			"cache rebuild",
		);
		agent.forget();
		agent.send(agentSays.reinit());
		await agent.until(
			({ events }) => events.find(({ type, width }) => type === "update" && width === 0),
			"update of the whole screen",
		);
		agent.send(agentSays.wholeScreen(700, 454, solidPng(700, 454, GREEN)));
		const points = [
			[0, 0],
			[599, 449],
		];
		assert.deepEqual(await browser.pixelsBecome(points, [GREEN, GREEN]), [GREEN, GREEN]);
	});

	test(`${way}: hidden, it reads over what comes; shown, it waits for a fresh picture`, async () => {
		const shown = { serial: 9, width: 8, height: 8, data: new Uint8Array(256).fill(200) };
		await browser.setHidden(true);
		await browser.page.waitForTimeout(SLEEP_AFTER_MS + 200);
		agent.forget();
		for (let i = 0; i < 20; i++) agent.send(solidFrame(800 + i, RED, 40 * i, 0));
		agent.send(agentSays.cursor({ ...shown, hotX: 2, hotY: 5 }));
		await browser.setHidden(false);
		await agent.until(({ words }) => words.at(-1) === "show", "show");
		assert.match(await browser.cursorBecomes((css) => css.includes(" 2 5,")), /blob:/);
		/* Of no use any more: */
		agent.send(solidFrame(850, RED));
		assert.deepEqual(await browser.pixels([[5, 5]]), [GREEN]);
		agent.send(agentSays.reinit());
		await agent.until(
			({ events }) => events.find(({ type, width }) => type === "update" && width === 0),
			"update of the whole screen",
		);
		agent.send(agentSays.wholeScreen(700, 454, solidPng(700, 454, BLUE)));
		agent.send(solidFrame(851, WHITE));
		const colours = [WHITE, BLUE];
		assert.deepEqual(
			await browser.pixelsBecome(
				[
					[5, 5],
					[45, 5],
				],
				colours,
			),
			colours,
		);
		/* The gateway asks for that. */
		assert.ok(!agent.events.some(({ type }) => type === "cache-rebuild"));
	});

	test(`${way}: hidden for a moment only, nothing happens`, async () => {
		await browser.setHidden(true);
		agent.forget();
		await browser.setHidden(false);
		await browser.page.waitForTimeout(SLEEP_AFTER_MS + 200);
		agent.send(solidFrame(900, GREEN));
		assert.deepEqual(await browser.pixelsBecome([[5, 5]], [GREEN]), [GREEN]);
		assert.ok(!agent.events.some(({ type }) => type === "cache-rebuild"));
	});

	test(`${way}: the page had nothing to complain about`, () => {
		assert.deepEqual(browser.complaints, []);
		assert.deepEqual(agent.faults, []);
	});

	test(`${way}: a stream that makes no sense ends with a clear message`, async () => {
		agent.send(agentSays.header(99));
		await browser.inState("error");
		const text = await browser.page.textContent("#outcome");
		assert.match(text ?? "", /unknown message type 99/);
		await agent.closed;
	});

	test(`${way}: a goodbye inside a picture is no fault`, async () => {
		agent = await browser.run();
		const big = agentSays.wholeScreen(
			640,
			400,
			drawPng(640, 400, (x, y) => [x, y, x * y]),
		);
		agent.send(big.subarray(0, 500));
		agent.send(agentSays.header(10));
		agent.send(big.subarray(500));
		agent.bye("suspended", "elsewhere");
		await browser.inState("ended");
	});
}
