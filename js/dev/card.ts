// The card of the dev page's model: its heads, methods and layers as a kernel would send them. For development only.
import type { Card, Head, Method, NetworkLayer } from "../src/protocol.ts";

const STEPS = {
  name: "steps",
  kind: "int",
  label: "Steps",
  help: "Points on the path",
  default: 50,
  min: 1,
  max: 1000,
  log: true,
} as const;
const SAMPLES = { ...STEPS, name: "samples", label: "Samples", help: "Noisy copies of the picture" } as const;
const NOISE = {
  name: "noise",
  kind: "float",
  label: "Noise",
  help: "As a share of the input's range",
  default: 0.15,
  min: 0,
  max: 1,
  step: 0.01,
} as const;
const BASELINE = {
  name: "baseline",
  kind: "choice",
  label: "Baseline",
  help: "Where the path begins",
  default: "black",
  choices: ["black", "white", "mean", "blur", "noise"],
} as const;

export const method = (
  name: string,
  label: string,
  explain: string,
  cite: string,
  more: Partial<Method> = {},
): Method => ({
  name,
  label,
  explain,
  cite,
  kind: "estimate",
  unit: "gradients",
  family: "gradients",
  layer: false,
  values: "rate",
  sibling_of: null,
  status: "works",
  reason: null,
  params: [],
  ...more,
});

const METHODS: Method[] = [
  method(
    "gradient",
    "Gradient",
    "How much the score moves when a pixel moves a little.",
    "Simonyan et al. 2014, arXiv:1312.6034",
  ),
  method(
    "integrated_gradients",
    "Integrated gradients",
    "The gradient, averaged along the way from a baseline to the picture, times the way.",
    "Sundararajan et al. 2017, arXiv:1703.01365",
    { family: "paths", values: "score", stops: true, params: [STEPS, { ...BASELINE, choices: [...BASELINE.choices] }] },
  ),
  method(
    "smoothgrad",
    "SmoothGrad",
    "The gradient, averaged over noisy copies of the picture.",
    "Smilkov et al. 2017, arXiv:1706.03825",
    {
      family: "noise",
      params: [
        SAMPLES,
        NOISE,
        { name: "antithetic", kind: "bool", label: "Use each draw twice, with both signs", default: false },
      ],
    },
  ),
  method(
    "vargrad",
    "VarGrad",
    "The variance of the gradient over noisy copies of the picture.",
    "Adebayo et al. 2018, arXiv:1810.03292",
    { family: "noise", sibling_of: "smoothgrad", params: [SAMPLES, NOISE] },
  ),
  method(
    "guided_backprop",
    "Guided backprop",
    "The gradient, with negative ones dropped at each ReLU.",
    "Springenberg et al. 2015, arXiv:1412.6806",
    { status: "equals", reason: "no ReLU to change: would equal Gradient" },
  ),
  method(
    "guided_ig",
    "Guided IG",
    "Integrated gradients along a way that takes the steadiest pixels first.",
    "Kapishnikov et al. 2021, arXiv:2106.09788",
    { family: "paths", kind: "partial", values: "score", params: [STEPS] },
  ),
  method(
    "grad_cam",
    "Grad-CAM",
    "The layer's channels, weighted by the mean gradient of each.",
    "Selvaraju et al. 2017, arXiv:1610.02391",
    { family: "cam", layer: true, values: "score" },
  ),
  method("hires_cam", "HiResCAM", "The layer's channels times their gradients.", "Draelos 2020, arXiv:2011.08891", {
    family: "cam",
    layer: true,
    values: "score",
  }),
  method("lrp", "LRP", "The score, handed back layer by layer.", "Bach et al. 2015, doi:10.1371/journal.pone.0130140", {
    family: "relevance",
    status: "no",
    reason: "needs the package zennit: pip install 'saliency-widget[zennit]'",
  }),
  method("attention_rollout", "Attention rollout", "Where attention flows.", "Abnar 2020, arXiv:2005.00928", {
    family: "attention",
    unit: "forwards",
    status: "no",
    reason: "the network has no attention",
  }),
  method(
    "class_appearance",
    "Class appearance",
    "A picture that raises the score as far as it can.",
    "Simonyan et al. 2014, arXiv:1312.6034",
    { family: "class model", kind: "picture", params: [STEPS] },
  ),
  method(
    "edges",
    "Edge detector (control)",
    "How much the picture changes here; the model is not asked.",
    "Adebayo et al. 2018",
    {
      family: "controls",
      unit: "pixels",
    },
  ),
  method(
    "random",
    "Random map (control)",
    "Noise that is the same for every class.",
    "Adebayo et al. 2018, arXiv:1810.03292",
    {
      family: "controls",
      unit: "pixels",
    },
  ),
  method(
    "plain_input",
    "Plain input (control)",
    "The picture's own brightness.",
    "Adebayo et al. 2018, arXiv:1810.03292",
    {
      family: "controls",
      unit: "pixels",
    },
  ),
];

const LAYERS: NetworkLayer[] = [
  { name: "features.4", kind: "map", channels: 64, height: 112, width: 112, default: false },
  { name: "features.16", kind: "map", channels: 256, height: 28, width: 28, default: false },
  { name: "features.29", kind: "map", channels: 512, height: 14, width: 14, default: true },
  { name: "blocks.11.norm1", kind: "tokens", channels: 768, height: 14, width: 14, default: false },
];

const BUILDINGS: Head[] = [
  { name: "style", kind: "classes", classes: ["gothic", "greek_roman", "neoclassical"], noted: null },
  { name: "perspective", kind: "classes", classes: ["outside", "inside"], noted: null },
];
const SYLLABLES = "ka lo mi ter ran sol vey bur dan fen gal hor".split(" ");
const THOUSAND: Head = {
  name: "object",
  kind: "classes",
  classes: Array.from(
    { length: 1000 },
    (_, i) => `${SYLLABLES[i % 12]}${SYLLABLES[(i * 7) % 11]}${SYLLABLES[(i * 5) % 9]} ${i}`,
  ),
  noted: "The model ends in a softmax; its logarithm is used as the logit.",
};
const SEEN: Head = {
  name: "seen",
  kind: "labels",
  classes: ["tower", "window", "people", "sky"],
  noted: "ends in a sigmoid, which is undone for the logit score",
};
const AGE: Head = { name: "age", kind: "value", unit: "years" };

export function card(scenario: string): Card {
  const heads = { long: [THOUSAND], regression: [...BUILDINGS, AGE], labels: [SEEN] }[scenario] ?? BUILDINGS;
  return {
    model: "demo/vgg",
    version: "0.1.0",
    revision: "r1",
    heads,
    methods: METHODS,
    layers: LAYERS,
    scores: ["logit", "log_softmax", "probability"],
    notes: ["Pictures are resized to 256, cropped to 224, and normalised with ImageNet's mean and deviation."],
  };
}

export function predictions(heads: readonly Head[], shift: number): Record<string, unknown> {
  return Object.fromEntries(
    heads.map((head, h) => {
      if (head.kind === "value") {
        return [head.name, { value: 7.2 + shift }];
      }
      const logits = head.classes.map((_, i) => 5 * Math.sin(1.7 * i + h + shift) + (i === (h + shift) % 3 ? 4 : 0));
      if (head.kind === "labels") {
        return [head.name, { logits, probabilities: logits.map((x) => 1 / (1 + Math.exp(-x))) }];
      }
      const sum = logits.reduce((total, x) => total + Math.exp(x), 0);
      return [head.name, { logits, probabilities: logits.map((x) => Math.exp(x) / sum) }];
    }),
  );
}
