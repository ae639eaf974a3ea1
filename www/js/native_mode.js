/* SPDX-License-Identifier: ISC */
/*
 * Native mode: the session file that an installed x2goclient opens, an INI file as Qt's QSettings
 * reads it. Every value is checked for its field and escaped as well. A password is no part of it.
 */

/** @typedef {import("./geometry.js").Size} Size */

/**
 * @typedef {object} NativeSession
 * @property {string} title shown by x2goclient
 * @property {string} host may end with a port
 * @property {number} [port]
 * @property {string} user "" lets x2goclient ask
 * @property {string} desktop
 * @property {boolean} kdrive false: an NX session
 * @property {Size | null} size null: full screen
 * @property {{host: string, user: string} | null} [jumpHost] host may end with a port
 */

const SSH_PORT = 22;
const SIZE_MAX = 8192;
const SECTION = "x2goweb";
const TITLE_LETTERS_MAX = 60;

const HOST = /^[\p{L}\p{N}_][\p{L}\p{N}._-]*$|^\[?[0-9a-f:]+(%[\w.]+)?\]?$/iu;
const USER = /^[^\p{C}\p{Z}'"`;|&<>()-][^\p{C}\p{Z}'"`;|&<>()]*$/u;
const COMMAND = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** A value that no session file may hold; `field` says which. */
export class NativeValueError extends Error {
	/** @param {"host" | "user" | "desktop" | "jumpHost" | "number"} field */
	constructor(field) {
		super(`native mode: this ${field} cannot be written`);
		this.field = field;
	}
}

/** @param {NativeSession} session @returns {string} the file */
export function nativeFile({ title, host, port, user, desktop, kdrive, size, jumpHost }) {
	const server = splitPort(checked(host, /./, "host"));
	const jump = jumpHost ? splitPort(checked(jumpHost.host, /./, "jumpHost")) : null;
	/** @type {Record<string, string | number | boolean | null | undefined>} */
	const entries = {
		name: plainTitle(title),
		host: checked(server.host, HOST, "host"),
		sshport: wholeNumber(port ?? server.port ?? SSH_PORT, 65_535),
		user: user && checked(user, USER, "user"),
		autologin: false,
		krblogin: false,
		command: checked(desktop, COMMAND, "desktop"),
		kdrive,
		rootless: false,
		published: false,
		usesshproxy: jump !== null,
		sshproxytype: "SSH",
		sshproxyhost: jump && checked(jump.host, HOST, "jumpHost"),
		sshproxyport: jump?.port ?? SSH_PORT,
		sshproxyuser: jumpHost?.user && checked(jumpHost.user, USER, "jumpHost"),
		sshproxysameuser: jump !== null && !jumpHost?.user,
		sshproxysamepass: false,
		sshproxyautologin: false,
		fullscreen: size === null,
		multidisp: false,
		...(size && {
			width: wholeNumber(size.width, SIZE_MAX),
			height: wholeNumber(size.height, SIZE_MAX),
		}),
		setdpi: false,
		speed: 2,
		pack: "16m-jpeg",
		quality: 9,
		clipboard: "both",
		sound: false,
		usekbd: true,
		type: "auto",
	};
	const lines = Object.entries(entries).map(
		([key, value]) => `${key}=${iniValue(`${value ?? ""}`)}`,
	);
	return `[${SECTION}]\n${lines.join("\n")}\n`;
}

/** What the file is called on the user's disk. @param {string} title */
export function nativeFileName(title) {
	const stem = plainTitle(title)
		.replace(/[^\p{L}\p{N}]+/gu, "-")
		.replace(/^-+|-+$/g, "");
	return `${stem || "session"}.x2go`;
}

const NAMED_ESCAPES = new Map([
	["\n", "n"],
	["\r", "r"],
	["\t", "t"],
	["\\", "\\"],
	['"', '"'],
]);

/**
 * A text as QSettings writes it: always quoted, all but plain ASCII as UTF-16 units in \x form,
 * which swallows every hexadecimal digit that follows, so that such a digit is escaped too.
 * @param {string} text
 */
export function iniValue(text) {
	let escaped = "";
	let digitsJoin = false;
	/* A leading @ would begin a value of another type. */
	for (const unit of (text.startsWith("@") ? `@${text}` : text).split("")) {
		const named = NAMED_ESCAPES.get(unit);
		/** @type {boolean} */
		const numbered = !named && (!/[ -~]/.test(unit) || (digitsJoin && /[0-9a-f]/i.test(unit)));
		if (named) escaped += `\\${named}`;
		else escaped += numbered ? `\\x${unit.charCodeAt(0).toString(16)}` : unit;
		digitsJoin = numbered;
	}
	return /^[A-Za-z0-9._:/-]*$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** @param {string} value @param {RegExp} pattern
 * @param {ConstructorParameters<typeof NativeValueError>[0]} field */
function checked(value, pattern, field) {
	if (value.length > 255 || !pattern.test(value)) throw new NativeValueError(field);
	return value;
}

/** @param {number} value @param {number} most */
function wholeNumber(value, most) {
	if (!Number.isInteger(value) || value < 1 || value > most) throw new NativeValueError("number");
	return value;
}

/** @param {string} host @returns {{host: string, port?: number}} */
function splitPort(host) {
	const [, name, digits] = host.match(/^([^:]*|\[[^\]]*\]):(\d{1,5})$/) ?? [];
	return digits ? { host: name, port: wholeNumber(Number(digits), 65_535) } : { host };
}

/** Titles are the admin's: a slash would make folders of them. @param {string} title */
function plainTitle(title) {
	const words = title.replace(/[\p{C}\p{Z}/]+/gu, " ").trim();
	return [...words].slice(0, TITLE_LETTERS_MAX).join("") || "X2Go";
}
