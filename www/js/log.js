/* SPDX-License-Identifier: ISC */
/*
 * A four-level log to the browser's console, for the page and the worker alike.
 * Never give it a secret: no password and no cookie passes through here.
 */

/** @typedef {"debug" | "info" | "warn" | "error"} LogLevel */

/** @type {LogLevel[]} */
const LEVELS = ["debug", "info", "warn", "error"];

let threshold = LEVELS.indexOf("info");

/** @param {LogLevel} level the lowest level that is still printed */
export function setLogLevel(level) {
	threshold = LEVELS.indexOf(level);
}

/**
 * @param {LogLevel} level
 * @param {string} text "what: which: why", lower case
 */
function log(level, text) {
	if (LEVELS.indexOf(level) >= threshold) console[level](`x2goweb: ${text}`);
}

/** @param {string} text */
export const logDebug = (text) => log("debug", text);
/** @param {string} text */
export const logInfo = (text) => log("info", text);
/** @param {string} text */
export const logWarn = (text) => log("warn", text);
/** @param {string} text */
export const logError = (text) => log("error", text);
