// SPDX-License-Identifier: ISC
/**
 * What the person sees and types: the picture in the page against the X server's own, and typing
 * by physical keys.
 */

/** @typedef {import("./stack.mjs").Stack} Stack */
/** @typedef {import("playwright-core").Page} Page */

const SHIFTED = {
	...Object.fromEntries([...")!@#$%^&*("].map((sign, digit) => [sign, `Digit${digit}`])),
	...{ _: "Minus", "+": "Equal", "{": "BracketLeft", "}": "BracketRight", ":": "Semicolon" },
	...{
		'"': "Quote",
		"~": "Backquote",
		"|": "Backslash",
		"<": "Comma",
		">": "Period",
		"?": "Slash",
	},
};
const PLAIN = {
	...{ " ": "Space", "-": "Minus", "=": "Equal", "[": "BracketLeft", "]": "BracketRight" },
	...{ ";": "Semicolon", "'": "Quote", "`": "Backquote", "\\": "Backslash", ",": "Comma" },
	...{ ".": "Period", "/": "Slash" },
};

/** @param {string} sign @returns {{code: string, shift: boolean}} keys of a US keyboard */
function keyFor(sign) {
	if (/[a-z]/.test(sign)) return { code: `Key${sign.toUpperCase()}`, shift: false };
	if (/[A-Z]/.test(sign)) return { code: `Key${sign}`, shift: true };
	if (/[0-9]/.test(sign)) return { code: `Digit${sign}`, shift: false };
	const shifted = /** @type {Record<string, string>} */ (SHIFTED)[sign];
	if (shifted) return { code: shifted, shift: true };
	return { code: /** @type {Record<string, string>} */ (PLAIN)[sign], shift: false };
}

/**
 * Types as fingers do: Shift goes down and up as a key of its own.
 * @param {Page} page
 * @param {string} text
 */
export async function typeText(page, text) {
	for (const sign of text) {
		const { code, shift } = keyFor(sign);
		if (shift) await page.keyboard.down("ShiftLeft");
		await page.keyboard.press(code);
		if (shift) await page.keyboard.up("ShiftLeft");
	}
}

/**
 * The root window's pixels, by xwd: rows of B, G, R, padding.
 * @param {Stack} stack
 * @param {number} display
 * @param {string} user
 */
async function serverPicture(stack, display, user) {
	const base64 = await stack.onHost(
		user,
		`DISPLAY=:${display} XAUTHORITY=$HOME/.Xauthority xwd -root -silent | base64 -w 0`,
	);
	const file = Buffer.from(base64, "base64");
	// The header of X11's XWDFile.h: 25 numbers of 32 bits, most significant byte first.
	const field = (/** @type {number} */ index) => file.readUInt32BE(index * 4);
	const [headerSize, width, height, lineBytes, colours] = [0, 4, 5, 12, 19].map(field);
	return { width, height, lineBytes, pixels: file.subarray(headerSize + colours * 12) };
}

/** Runs in the page: what the canvas shows; bytes of R, G, B, A in base64. */
export function shownPicture() {
	const screen = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
	const copy = document.createElement("canvas");
	copy.width = screen.width;
	copy.height = screen.height;
	const context = /** @type {CanvasRenderingContext2D} */ (copy.getContext("2d"));
	context.drawImage(screen, 0, 0);
	const { data } = context.getImageData(0, 0, copy.width, copy.height);
	let text = "";
	for (let i = 0; i < data.length; i += 32768)
		text += String.fromCharCode(...data.subarray(i, i + 32768));
	return { width: copy.width, height: copy.height, base64: btoa(text) };
}

/** Side of the parts of which each is to be right. */
const PART = 32;
/** The window manager's clock is in the lowest rows, and goes on while pictures are compared. */
const CLOCK_ROWS = 40;

/**
 * Compares the canvas with the X server's screen.
 * @param {Stack} stack
 * @param {Page} page
 * @param {number} display
 * @returns {Promise<{mean: number, worst: number, colours: number}>} mean difference of a channel (0
 *     to 255; 255 when the sizes differ), the same of the part that differs most, but for the lowest
 *     rows, and how many colours the canvas shows
 */
export async function pictureDifference(stack, page, display, user = "alice") {
	const server = await serverPicture(stack, display, user);
	const shown = await page.evaluate(shownPicture);
	const pixels = Buffer.from(shown.base64, "base64");
	const colours = new Set();
	for (let i = 0; i < pixels.length; i += 4) colours.add(pixels.readUInt32LE(i) & 0xffffff);
	if (shown.width !== server.width || shown.height !== server.height)
		return { mean: 255, worst: 255, colours: colours.size };
	const across = Math.ceil(server.width / PART);
	const parts = new Float64Array(across * Math.ceil(server.height / PART));
	let sum = 0;
	for (let y = 0; y < server.height; y++)
		for (let x = 0; x < server.width; x++) {
			const at = y * server.lineBytes + x * 4;
			const to = (y * shown.width + x) * 4;
			let difference = 0;
			for (let channel = 0; channel < 3; channel++)
				difference += Math.abs(server.pixels[at + 2 - channel] - pixels[to + channel]);
			sum += difference;
			if (y < server.height - CLOCK_ROWS)
				parts[Math.floor(y / PART) * across + Math.floor(x / PART)] += difference;
		}
	return {
		mean: sum / (server.width * server.height * 3),
		worst: Math.max(...parts) / (PART * PART * 3),
		colours: colours.size,
	};
}
