// SPDX-License-Identifier: ISC
import { test } from "node:test";
import { streamsOutliveBrokers } from "./lib/handover.mjs";

test("streams and logins outlive brokers that are killed, restarted and upgraded", (t) =>
	streamsOutliveBrokers({ streams: 4, rounds: 3, diagnostic: (text) => t.diagnostic(text) }));
