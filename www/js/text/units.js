/* SPDX-License-Identifier: ISC */
/* Numbers, times and ages as a language writes them; the browser knows how. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param {string} language @param {number} value @param {number} [digits] after the point */
export function number(language, value, digits = 0) {
	return new Intl.NumberFormat(language, {
		minimumFractionDigits: digits,
		maximumFractionDigits: digits,
	}).format(value);
}

/** "5 minutes ago". @param {string} language @param {number} seconds */
export function ago(language, seconds) {
	const format = new Intl.RelativeTimeFormat(language, { numeric: "always" });
	if (seconds < MINUTE) return format.format(-Math.max(Math.floor(seconds), 0), "second");
	if (seconds < HOUR) return format.format(-Math.floor(seconds / MINUTE), "minute");
	if (seconds < 2 * DAY) return format.format(-Math.floor(seconds / HOUR), "hour");
	return format.format(-Math.floor(seconds / DAY), "day");
}

/** Of time to be waited, "5 seconds": never too short. @param {string} language
 * @param {number} seconds */
export function wait(language, seconds) {
	const whole = seconds < 90 ? 1 : MINUTE;
	return duration(language, Math.ceil(seconds / whole) * whole);
}

/** "5 seconds". @param {string} language @param {number} seconds */
export function duration(language, seconds) {
	const long = seconds >= 90;
	return new Intl.NumberFormat(language, {
		style: "unit",
		unit: long ? "minute" : "second",
		unitDisplay: "long",
		maximumFractionDigits: 0,
	}).format(long ? seconds / MINUTE : seconds);
}

/** "14:05". @param {string} language @param {Date} time */
export function clockTime(language, time) {
	return new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(time);
}
