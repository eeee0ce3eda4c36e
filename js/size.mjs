// Fails when the page (script and styles, minified) is larger than a saved notebook should carry.
//
// anywidget stores the bundle once per widget in a saved notebook, so every byte here is paid for in
// each of them. What only works with a kernel (studio.js) is fetched from it, so no notebook carries it. Builds into a scratch folder: the installed page may be a development build.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 120_000;
/** What a page fetches when a person opens a part that needs it. */
const STUDIO = 130_000;
const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "saliency-widget-size-"));

let total = 0;
let studio = 0;
try {
  execFileSync(process.execPath, [join(here, "build.mjs"), `--outdir=${scratch}`], {
    stdio: "inherit",
  });
  for (const name of ["widget.js", "widget.css"]) {
    const bytes = readFileSync(join(scratch, name));
    total += bytes.length;
    console.log(`${name.padEnd(12)}${kB(bytes.length)}  (${kB(gzipSync(bytes).length)} gzipped)`);
  }
  studio = readFileSync(join(scratch, "studio.js")).length;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${"together".padEnd(12)}${kB(total)}  of ${kB(LIMIT)}`);
console.log(`${"studio.js".padEnd(12)}${kB(studio)}  of ${kB(STUDIO)}, in no notebook`);
for (const [what, over] of [
  ["page", total - LIMIT],
  ["studio", studio - STUDIO],
]) {
  if (over > 0) {
    console.error(`the ${what} is ${kB(over).trim()} over its limit`);
    process.exitCode = 1;
  }
}

/** Bytes as kilobytes, aligned. */
function kB(bytes) {
  return `${(bytes / 1000).toFixed(1).padStart(7)} kB`;
}
