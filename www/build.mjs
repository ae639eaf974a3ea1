/* SPDX-License-Identifier: ISC */
/*
 * Builds what is installed: the page with its modules bundled and minified. The folder of this
 * file works just as well served as it is. Usage: node www/build.mjs OUTDIR
 */

import { build } from "esbuild";
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const COPIED = ["index.html", "favicon.svg", "icons"];

const out = process.argv[2];
if (!out) throw new Error("usage: node www/build.mjs OUTDIR");

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const common = {
	bundle: true,
	minify: true,
	target: "es2022",
	logLevel: /** @type {const} */ ("warning"),
};
await build({
	...common,
	entryPoints: ["app", "worker", "paint_worker"].map((name) => `${HERE}js/${name}.js`),
	format: "esm",
	outdir: `${out}/js`,
});
await build({
	...common,
	entryPoints: [`${HERE}css/style.css`],
	external: ["../icons/*"],
	outdir: `${out}/css`,
});
for (const name of COPIED) await cp(HERE + name, `${out}/${name}`, { recursive: true });
