/* SPDX-License-Identifier: ISC */
/* Starts Debian's Chromium for tests, quietly and without a network. */

import { chromium } from "playwright-core";

export function launchBrowser() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		args: [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
			"--disable-dev-shm-usage",
		],
	});
}
