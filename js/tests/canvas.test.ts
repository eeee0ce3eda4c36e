// What is put on the canvas, and how: in which order, how opaque, smoothly or in squares.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPainter, type Scene } from "../src/canvas.ts";
import { pictureRaster, type Raster } from "../src/layer.ts";
import type { Picture } from "../src/protocol.ts";

interface Drawn {
  what: unknown;
  at: number[];
  alpha: number;
  smoothly: boolean;
}

let drawn: Drawn[] = [];
let put: ImageData[] = [];

beforeEach(() => {
  drawn = [];
  put = [];
  const context = {
    globalAlpha: 1,
    imageSmoothingEnabled: true,
    clearRect: () => {
      drawn = [];
    },
    drawImage: (what: unknown, ...at: number[]) =>
      drawn.push({ what, at, alpha: context.globalAlpha, smoothly: context.imageSmoothingEnabled }),
    putImageData: (data: ImageData) => put.push(data),
    fillRect: () => {},
    beginPath: () => {},
    rect: () => {},
    fill: () => drawn.push({ what: "veil", at: [], alpha: 1, smoothly: true }),
    strokeRect: () => {},
  };
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  vi.stubGlobal(
    "ImageData",
    class {
      constructor(
        readonly data: Uint8ClampedArray,
        readonly width: number,
        readonly height: number,
      ) {}
    },
  );
});
afterEach(() => {
  vi.restoreAllMocks();
});

const PICTURE: Picture = { id: "i", label: "", width: 400, height: 200, box: [100, 0, 300, 200], input: [224, 224] };
const RASTER: Raster = { width: 7, height: 7, pixels: new Uint8ClampedArray(4 * 49) };
const BITMAP = {} as CanvasImageSource;

/** Draws a scene on a canvas of 800 x 400, and tells what was drawn. */
function paint(scene: Partial<Scene>): Drawn[] {
  const canvas = document.createElement("canvas");
  canvas.width = 800;
  canvas.height = 400;
  createPainter(canvas)({
    bitmap: BITMAP,
    picture: PICTURE,
    layer: RASTER,
    instead: false,
    mode: "overlay",
    opacity: 0.5,
    stale: false,
    ...scene,
  });
  return drawn;
}
const names = (all: Drawn[]): unknown[] =>
  all.map(({ what }) => (what === BITMAP ? "photo" : what === "veil" ? what : "map"));

test("a map lies over the photo, on the box that the model saw, and what it did not see is veiled", () => {
  const all = paint({});
  expect(names(all)).toEqual(["photo", "map", "veil"]);
  expect(all[1]).toMatchObject({ at: [200, 0, 400, 400], alpha: 0.5 });
});

test("a picture that is no map stands alone and opaque on that box, whatever the opacity", () => {
  const all = paint({ instead: true, mode: "overlay", opacity: 0.2 });
  expect(names(all)).toEqual(["map"]);
  expect(all[0]).toMatchObject({ at: [200, 0, 400, 400], alpha: 1 });
});

test("the picture of the choice before lies faintly over the photo, as a map does", () => {
  const all = paint({ instead: true, mode: "map", stale: true });
  expect(names(all)).toEqual(["photo", "map", "veil"]);
  expect(all[1]?.alpha).toBeCloseTo(0.3);
});

test("the photo is there while it is asked for, without the picture that stands in its place", () => {
  expect(names(paint({ instead: true, mode: "picture" }))).toEqual(["photo", "veil"]);
});

test.each([
  [[224, 224], true],
  [[65, 32], true],
  [[64, 64], false],
  [[28, 28], false],
] as const)("an input of %j pixels is drawn smoothly: %j, photo and map alike", (input, smoothly) => {
  const all = paint({ picture: { ...PICTURE, input: [...input] } });
  expect(all.filter(({ what }) => what !== "veil").map((each) => each.smoothly)).toEqual([smoothly, smoothly]);
});

test("the bytes of a picture are its colours, row by row and opaque", () => {
  const rgb = Uint8Array.of(255, 0, 0, 1, 2, 3);
  const raster = pictureRaster(rgb, 2, 1);
  paint({ layer: raster, instead: true, mode: "map" });
  expect(put.map(({ width, height }) => [width, height])).toEqual([[2, 1]]);
  expect([...(put[0]?.data ?? [])]).toEqual([255, 0, 0, 255, 1, 2, 3, 255]);
  // The very same, so that it is not put there again in the next frame.
  expect(pictureRaster(rgb, 2, 1)).toBe(raster);
});
