// Colour tables of 256 entries: sequential ones and diverging ones centred on zero; knows no canvas.

type Rgb = readonly [number, number, number];

export interface Colormap {
  readonly name: string;
  readonly label: string;
  readonly diverging: boolean;
}

export const COLORMAPS: readonly Colormap[] = [
  { name: "red-blue", label: "Red – blue", diverging: true },
  { name: "purple-green", label: "Purple – green", diverging: true },
  { name: "brown-teal", label: "Brown – teal", diverging: true },
  { name: "inferno", label: "Inferno", diverging: false },
  { name: "magma", label: "Magma", diverging: false },
  { name: "viridis", label: "Viridis", diverging: false },
  { name: "cividis", label: "Cividis", diverging: false },
  { name: "grey", label: "Grey", diverging: false },
];

/** Thirteen evenly spaced colours each; between them OKLab, in which equal steps look equal. */
const ANCHORS: Readonly<Record<string, string>> = {
  inferno: "000004110a30320a5e57106e781c6d9a2865bc3754d84c3eed6925f98e09fbb61af4df53fcffa4",
  viridis: "440154481f704439833b528b31688e287c8e21918c20a48635b7795ec96290d743c8e020fde725",
  magma: "000004100b2d2c115f51127c721f81932b80b73779d8456cf1605dfc8961feb078fed799fcfdbf",
  cividis: "00224e0031702a3f6d434e6c575d6d6a6c717d7c78918b78a59c74bcae6cd2c060e9d34efee838",
  grey: "000000ffffff",
};

type Arm = readonly [hue: number, chroma: number];

/**
 * Hue (degrees, OKLCH) and strength of the negative and positive arm. Both have the same lightness at the same distance.
 * As strong as a screen can show: cut off colours would bend the hue.
 */
const ARMS: Readonly<Record<string, readonly [Arm, Arm]>> = {
  "red-blue": [
    [258, 0.183],
    [30, 0.183],
  ],
  "purple-green": [
    [147, 0.183],
    [312, 0.183],
  ],
  "brown-teal": [
    [60, 0.129],
    [186, 0.096],
  ],
};

/** The colormap that draws this sign: the chosen one if it is of the right kind, else that kind's first. */
export function colormapFor(chosen: string, diverging: boolean): Colormap {
  const fitting = COLORMAPS.filter((c) => c.diverging === diverging);
  return fitting.find((c) => c.name === chosen) ?? (fitting[0] as Colormap);
}

const tables = new Map<string, Uint8ClampedArray>();

/** 256 x RGB. Of a diverging table entry 128 is zero, 1 and 255 are the ends (entry 0 repeats 1). */
export function colourTable(name: string): Uint8ClampedArray {
  const known = tables.get(name);
  if (known !== undefined) {
    return known;
  }
  const table = new Uint8ClampedArray(256 * 3);
  const arms = ARMS[name];
  const anchors = parseAnchors(ANCHORS[name] ?? (ANCHORS["grey"] as string));
  for (let i = 0; i < 256; i++) {
    const rgb = arms ? diverging(arms, Math.max(-1, (i - 128) / 127)) : between(anchors, i / 255);
    table.set(rgb, 3 * i);
  }
  tables.set(name, table);
  return table;
}

/** Entry of the table for a value, `end` being the end of the scale. */
export function tableIndex(value: number, end: number, diverging: boolean): number {
  const t = end > 0 ? value / end : 0;
  return diverging
    ? 128 + Math.round(127 * Math.min(1, Math.max(-1, t)))
    : Math.round(255 * Math.min(1, Math.max(0, t)));
}

/** How much of the map covers the picture, 0..1: what is near zero lets the picture through. */
export function coverage(index: number, diverging: boolean): number {
  const strength = diverging ? Math.abs(index - 128) / 127 : index / 255;
  return 1 - (1 - Math.min(1, strength)) ** 2.2;
}

function diverging([negative, positive]: readonly [Arm, Arm], t: number): Rgb {
  const distance = Math.abs(t);
  const [degrees, strength] = t < 0 ? negative : positive;
  const hue = (degrees * Math.PI) / 180;
  const lightness = 0.97 - 0.62 * distance ** 1.15;
  const chroma = strength * Math.sin(0.78 * Math.PI * distance ** 1.1) ** 1.5;
  return toRgb([lightness, chroma * Math.cos(hue), chroma * Math.sin(hue)]);
}

function parseAnchors(hex: string): Rgb[] {
  return (hex.match(/.{6}/g) ?? []).map((six) => {
    const n = Number.parseInt(six, 16);
    return toOklab([n >> 16, (n >> 8) & 255, n & 255]);
  });
}

function between(anchors: readonly Rgb[], t: number): Rgb {
  const at = t * (anchors.length - 1);
  const i = Math.min(anchors.length - 2, Math.floor(at));
  const [a, b, share] = [anchors[i] as Rgb, anchors[i + 1] as Rgb, at - i];
  return toRgb([a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]);
}

// OKLab: https://bottosson.github.io/posts/oklab/
export function toOklab(rgb: Rgb): Rgb {
  const [r, g, b] = rgb.map((c) => {
    const x = c / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([lightness, a, b]: Rgb): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const encode = (x: number): number =>
    255 * (x <= 0.0031308 ? 12.92 * Math.max(0, x) : 1.055 * x ** (1 / 2.4) - 0.055);
  return [
    encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encode(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
