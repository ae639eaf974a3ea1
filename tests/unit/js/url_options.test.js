/* SPDX-License-Identifier: ISC */
/* What an address may ask of the page, and what a tab remembers of its login. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LoginMemory } from "../../../www/js/login_memory.js";
import { readUrlOptions } from "../../../www/js/url_options.js";

const PAGE = "https://gateway.example/x2go/";

test("every wish of an address is read", () => {
	const { options, safeAddress } = readUrlOptions(
		`${PAGE}?server=demo&user=alice&desktop=XFCE&size=1280x800&kiosk=1&lang=de`,
	);
	assert.deepEqual(options, {
		server: "demo",
		user: "alice",
		desktop: "XFCE",
		size: { width: 1280, height: 800 },
		kiosk: true,
	});
	assert.equal(safeAddress, null);
});

test("an address without wishes has none", () => {
	assert.deepEqual(readUrlOptions(PAGE).options, {
		server: "",
		user: "",
		desktop: "",
		size: null,
		kiosk: false,
	});
	assert.equal(readUrlOptions(`${PAGE}?kiosk=0`).options.kiosk, false);
	assert.equal(readUrlOptions(`${PAGE}?kiosk`).options.kiosk, true);
});

test("what is no size or no text is dropped", () => {
	for (const size of ["1280", "1x1", "axb", "99999x5", "1280x800x2"])
		assert.equal(readUrlOptions(`${PAGE}?size=${size}`).options.size, null, size);
	const { user } = readUrlOptions(`${PAGE}?user=%20al%00ic%0Ae%E2%80%AE%20`).options;
	assert.equal(user, "alice");
	assert.equal(readUrlOptions(`${PAGE}?user=${"x".repeat(999)}`).options.user.length, 255);
});

test("a password is not read, and the address without it is told", () => {
	for (const name of ["password", "PASSWORD", "pass", "pwd", "proxy-password", "passphrase"]) {
		const { options, safeAddress } = readUrlOptions(`${PAGE}?user=al&${name}=s3cret&lang=de`);
		assert.equal(safeAddress, `${PAGE}?user=al&lang=de`, name);
		assert.ok(!JSON.stringify(options).includes("s3cret"));
	}
	assert.equal(readUrlOptions(`${PAGE}?user=al#password=s3cret`).safeAddress, `${PAGE}?user=al`);
	assert.equal(readUrlOptions(`${PAGE}?user=password#top`).safeAddress, null);
});

/** @returns {any} */
const storage = (/** @type {Map<string, string>} */ map) => ({
	getItem: (/** @type {string} */ key) => map.get(key) ?? null,
	setItem: (/** @type {string} */ key, /** @type {string} */ value) => map.set(key, value),
	removeItem: (/** @type {string} */ key) => map.delete(key),
});
const LOGIN = {
	login: "0123456789abcdef",
	user: "alice",
	server: "Demo server",
	desktops: [{ id: "ICEWM", title: "IceWM" }],
	desktop: "ICEWM",
	screen: "",
};

test("a login is remembered until it is cleared", () => {
	const map = new Map();
	const memory = new LoginMemory(() => storage(map));
	assert.equal(memory.read(), null);
	memory.writeScreen("x");
	assert.equal(map.size, 0);
	memory.write(LOGIN);
	memory.writeScreen("alice-50");
	assert.deepEqual(memory.read(), { ...LOGIN, screen: "alice-50" });
	memory.clear();
	assert.equal(memory.read(), null);
	assert.equal(map.size, 0);
});

test("what something else has stored is nothing; a browser may deny it all", () => {
	for (const stored of [
		"no json",
		"null",
		"{}",
		JSON.stringify({ ...LOGIN, login: "../../x" }),
		JSON.stringify({ ...LOGIN, desktops: [1] }),
		JSON.stringify({ ...LOGIN, screen: 5 }),
	])
		assert.equal(
			new LoginMemory(() => storage(new Map([["x2goweb.login", stored]]))).read(),
			null,
		);
	const denied = new LoginMemory(() => {
		throw new Error("denied");
	});
	denied.write(LOGIN);
	denied.clear();
	assert.equal(denied.read(), null);
});
