// SPDX-License-Identifier: ISC
/**
 * make demo: the whole gateway in the foreground, until Ctrl-C or SIGTERM.
 */
import { Stack } from "./lib/stack.mjs";

const stack = new Stack({
	port: Number(process.env.DEMO_PORT ?? 8443),
	sshPort: Number(process.env.DEMO_SSH_PORT ?? 2222),
	hostName: "demo",
	config: { broker: { log_level: "info" } },
	progress: (line) => console.log(`demo: ${line}`),
});

/** @type {Promise<void> | undefined} */
let ending;
/** @param {number} code */
function end(code) {
	ending ??= stack.stop().then(
		() => process.exit(code),
		(error) => {
			console.error(`demo: ${error}`);
			process.exit(1);
		},
	);
}
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
	process.on(signal, () => {
		console.log("demo: ending");
		// During the start there is nothing complete to end yet: start() cleans up after itself.
		if (started) end(0);
		else interrupted = true;
	});

let started = false;
let interrupted = false;
try {
	await stack.start();
	started = true;
} catch (error) {
	console.error(`demo: ${error instanceof Error ? error.message : error}`);
	process.exit(1);
}
if (interrupted) {
	end(0);
} else {
	console.log(`ready: ${stack.url}`);
	console.log("login: alice / wonderland on server demo");
	for (const part of [stack.broker, stack.fcgi, stack.nginx])
		void part?.ended.then(({ code, signal }) => {
			if (ending) return;
			console.error(
				`demo: ${part.name} ended (${signal ?? code}):\n${part.log.slice(-2000)}`,
			);
			end(1);
		});
}
