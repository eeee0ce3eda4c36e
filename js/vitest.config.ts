// How the page's tests run: in happy-dom, a browser's document without a browser; painting and
// events in a real Chromium belong to tests/browser.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    // Two workers: CI has two cores, and a person's other work wants the rest.
    maxWorkers: 2,
    restoreMocks: true,
    unstubGlobals: true,
  },
});
