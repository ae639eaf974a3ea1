// SPDX-License-Identifier: ISC
import { test } from "node:test";
import { streamsOutliveBrokers } from "../e2e/lib/handover.mjs";

test("fifty streams through twenty brokers killed, twenty restarted, twenty upgraded", (t) =>
	streamsOutliveBrokers({ streams: 50, rounds: 20, diagnostic: (text) => t.diagnostic(text) }));
