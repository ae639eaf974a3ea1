// SPDX-License-Identifier: ISC
/**
 * One user's visit to a gateway on this network's loopback: log in, go on with the session that is
 * there or start one, see its picture, stay until standard input ends, log out. Prints what it saw.
 * Usage: visit.mjs OPTIONS, as JSON, see Container.visit().
 */
import { Client, Stream } from "../e2e/lib/rpc.mjs";

const {
	server = "office",
	user = "alice",
	password = "wonderland",
	port = 443,
} = JSON.parse(process.argv[2] ?? "{}");
const gateway = /** @type {import("../e2e/lib/stack.mjs").Stack} */ (
	/** @type {unknown} */ ({ port, origin: new URL(`https://localhost:${port}`).origin })
);
const client = new Client(gateway);
await client.logIn(user, password, server);
const [there] = await client.sessions();
const size = { width: 800, height: 600 };
const { session, ws } = await (there
	? client.ok("resume", { id: there.id, ...size })
	: client.ok("start", { desktop: "ICEWM", ...size }));
const stream = await new Stream(gateway, ws, { cookie: client.cookie }).picture();
console.log(
	JSON.stringify({ session: session.id, resumed: there !== undefined, bytes: stream.bytes }),
);
// Until standard input ends; whatever has happened to the gateway meanwhile, all of it goes on.
for await (const part of process.stdin) void part;
await client.sessions();
if (stream.end) throw new Error(`the stream has ended: ${stream.story}`);
await client.ok("logout");
stream.socket.terminate();
