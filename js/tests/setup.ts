// The code that a page fetches from its kernel is there from the start: no document without a browser imports a blob.
import { vi } from "vitest";

vi.mock("../src/modules.ts", async (original) => {
  const studio = await import("../src/studio.ts");
  const { Modules } = await original<typeof import("../src/modules.ts")>();
  return {
    Modules: class extends Modules {
      override get ready() {
        return studio;
      }
    },
  };
});
