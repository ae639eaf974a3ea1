// SPDX-License-Identifier: ISC
import { test } from "node:test";
import { streamsOutliveBrokers } from "../e2e/lib/handover.mjs";
import { SystemdSite } from "./lib/systemd_site.mjs";

test("fifty streams through a service that is killed, restarted and upgraded", (t) =>
	streamsOutliveBrokers({
		...{ site: new SystemdSite(), streams: 50, rounds: 20 },
		diagnostic: (text) => t.diagnostic(text),
	}));
