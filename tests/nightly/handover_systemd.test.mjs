// SPDX-License-Identifier: ISC
import { test } from "node:test";
import { streamsOutliveBrokers } from "../e2e/lib/handover.mjs";
import { SystemdSite } from "./lib/systemd_site.mjs";

const RELEASES = /** @type {const} */ ([
	["bookworm", { streams: 50, rounds: 20 }],
	/* Another systemd; the broker is the same. */
	["trixie", { streams: 10, rounds: 3 }],
]);

for (const [release, extent] of RELEASES)
	test(`${extent.streams} streams through a service that is killed, restarted and upgraded, on ${release}`, (t) =>
		streamsOutliveBrokers({
			...{ site: new SystemdSite(release), ...extent },
			diagnostic: (text) => t.diagnostic(text),
		}));
