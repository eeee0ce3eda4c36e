// A picture before it is sent: is it of a kind that the kernel takes, not too large, and if it is, scaled down; sends none.
import type { Source } from "./source.ts";

/** Said to the person. */
export class Unfit extends Error {}

export const KINDS = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
const NAMES = "JPEG, PNG, WebP, GIF or BMP";
/** Bytes: larger messages are refused on the way to the kernel. */
const HEAVIEST = 8 * 2 ** 20;
/** Bytes of what is opened here to be scaled down. */
const LARGEST = 64 * 2 ** 20;
/** Pixels a side of what was scaled down: a model's input is much smaller. */
const SIDE = 2048;
const MEGA = 2 ** 20;

export const LIMITS = `${NAMES}; above ${HEAVIEST / MEGA} MB it is scaled down to ${SIDE} pixels a side, above ${LARGEST / MEGA} MB refused.`;

const SIGNS: readonly [kind: string, bytes: readonly number[]][] = [
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/png", [0x89, 0x50, 0x4e, 0x47]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
  ["image/bmp", [0x42, 0x4d]],
];

/** What a file is by its first bytes, whatever it is called; "" for what is none of the kinds. */
export function kindOf(bytes: Uint8Array): string {
  const text = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") {
    return "image/webp";
  }
  return SIGNS.find(([, sign]) => sign.every((byte, i) => bytes[i] === byte))?.[0] ?? "";
}

const mega = (bytes: number): string => `${(bytes / MEGA).toFixed(1)} MB`;

/** The bytes to send, and what was done to them; throws `Unfit` with a sentence for the person. */
export async function prepared(data: Blob, name: string): Promise<{ bytes: Uint8Array; note: string }> {
  if (data.size === 0) {
    throw new Unfit(`"${name}" is empty. Save or download it again.`);
  }
  if (data.size > LARGEST) {
    throw new Unfit(
      `"${name}" is ${mega(data.size)}, more than the ${mega(LARGEST)} that are opened. Scale it down first.`,
    );
  }
  const head = new Uint8Array(await data.slice(0, 16).arrayBuffer());
  if (kindOf(head) === "") {
    throw new Unfit(`"${name}" is not a picture of a kind that is taken: ${NAMES}. Save it as one of these.`);
  }
  if (data.size <= HEAVIEST) {
    return { bytes: new Uint8Array(await data.arrayBuffer()), note: "" };
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(data);
  } catch {
    throw new Unfit(
      `"${name}" (${mega(data.size)}) cannot be opened by this browser to scale it down. Scale it down first.`,
    );
  }
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const note = `scaled down in the page from ${bitmap.width} × ${bitmap.height} to ${width} × ${height}, since it is ${mega(data.size)}`;
  const small = await encoded(width, height, (context) => context.drawImage(bitmap, 0, 0, width, height));
  bitmap.close();
  return { bytes: new Uint8Array(await small.arrayBuffer()), note };
}

/** What a camera sees now, in its own size. */
export async function snapshot(source: Source): Promise<Blob> {
  const [width, height] = source.size();
  if (width === 0 || height === 0) {
    throw new Unfit("The camera shows nothing yet. Wait a moment.");
  }
  return encoded(width, height, (context) => source.draw(context));
}

async function encoded(
  width: number,
  height: number,
  draw: (context: OffscreenCanvasRenderingContext2D) => void,
): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new Unfit("This browser has no memory left to open the picture.");
  }
  draw(context);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}
