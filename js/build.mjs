// Bundles the page: src/widget.ts and src/styles/*.css into saliency_widget/static/ (never committed), and beside it
// src/studio.ts, which a page fetches from its kernel when it needs it, so that no saved notebook carries it.
//
//   node build.mjs                     minified, what the wheel carries
//   node build.mjs --watch             readable, with source maps, rebuilt on every change
//   node build.mjs --outdir=FOLDER     somewhere else (the size check uses it)

import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, context, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    watch: { type: "boolean", default: false },
    outdir: { type: "string", default: join(here, "..", "saliency_widget", "static") },
  },
});
const outdir = resolve(values.outdir);

/** One style sheet from all files of src/styles, in the order of their names. */
async function styles() {
  const names = (await readdir(join(here, "src", "styles"))).filter((name) => name.endsWith(".css"));
  return names
    .sort()
    .map((name) => `@import "./styles/${name}";`)
    .join("\n");
}

/** A style sheet that a script imports is text, as small as one that stands alone. */
const sheets = {
  name: "sheets",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]studio[/\\].*\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), {
        loader: "css",
        minify: !values.watch,
        target: common.target,
      });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** What the bundles share. */
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: !values.watch,
  sourcemap: values.watch ? "inline" : false,
  // One bundle serves every notebook front end and the exported page: these have what both need
  // (AbortSignal.any, CSS nesting), and anything newer is lowered.
  target: ["chrome116", "firefox124", "safari17.4"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  plugins: [sheets],
};

// Written beside its place first and then moved: a kernel that starts meanwhile reads the old page
// or the new one, never half of one.
async function bundle(options, name) {
  const out = join(outdir, name);
  if (values.watch) {
    const watcher = await context({ ...common, ...options, outfile: out });
    await watcher.watch();
    return;
  }
  const draft = `${out}.${process.pid}.draft`;
  try {
    await build({ ...common, ...options, outfile: draft });
    await rename(draft, out);
  } finally {
    await rm(draft, { force: true });
  }
}

await mkdir(outdir, { recursive: true });
for (const name of ["widget", "studio"]) {
  await bundle({ entryPoints: [`src/${name}.ts`], format: "esm", platform: "browser" }, `${name}.js`);
}
await bundle({ stdin: { contents: await styles(), resolveDir: join(here, "src"), loader: "css" } }, "widget.css");
if (values.watch) {
  console.log(`watching src, writing ${outdir}`);
}
