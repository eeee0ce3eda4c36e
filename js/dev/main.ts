// The dev page: mounts the real widget over the fake kernel, in the state that the address asks for, for example
// index.html?scenario=running&theme=dark&width=360. Not part of the bundle.
import createWidget from "../src/widget.ts";
import { fakeKernel, type Scene } from "./fake_kernel.ts";

const asked = new URLSearchParams(location.search);
const scenario = asked.get("scenario") ?? "done";
const SIZE = Number(asked.get("size") ?? 224);
document.body.dataset["jpThemeLight"] = String(asked.get("theme") !== "dark");

async function scene(file: string, label: string): Promise<Scene> {
  const picture = new Image();
  picture.src = file;
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.drawImage(picture, 0, 0);
  const blob = await new Promise<Blob>((done) => canvas.toBlob((b) => done(b as Blob), "image/jpeg", 0.9));
  // Resize and centre crop, as torchvision does.
  const side = Math.min(width, height) * (224 / 256);
  const [l, t] = [(width - side) / 2, (height - side) / 2];
  const small = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
  const input = small.getContext("2d") as CanvasRenderingContext2D;
  input.drawImage(canvas, l, t, side, side, 0, 0, SIZE, SIZE);
  const { data } = input.getImageData(0, 0, SIZE, SIZE);
  const light = Float32Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [r = 0, g = 0, b = 0] = data.subarray(4 * i, 4 * i + 3);
    return (r + g + b) / 765;
  });
  const jpeg = new Uint8Array(await blob.arrayBuffer());
  return { jpeg, label, width, height, box: [l, t, l + side, t + side], light, size: SIZE };
}

async function start(): Promise<void> {
  const files = (asked.get("pictures") ?? "a.jpg,b.jpg").split(",");
  const scenes = await Promise.all(files.map((file) => scene(file, scenario === "square" ? "" : file)));
  const model = fakeKernel(scenes, { scenario, pace: Number(asked.get("pace") ?? 15) });
  const widget = createWidget();
  const signal = new AbortController().signal;
  widget.initialize({ model, signal });
  const el = document.querySelector("#host") as HTMLElement;
  el.style.width = asked.get("width") ? `${asked.get("width")}px` : "";
  widget.render({ model, el, signal });
  Object.assign(globalThis, { model });
}

void start();
