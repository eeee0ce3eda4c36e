// The messages between page and kernel as types (docs/protocol.md is the contract); checks nothing, sends nothing.

export const VERSION = 1;

export interface ClassHead {
  name: string;
  /** Of `labels` any number may be true at once: each probability stands on its own. */
  kind: "classes" | "labels";
  classes: string[];
  /** What was found out about the head and matters for its scores. */
  noted?: string | null;
}
export interface ValueHead {
  name: string;
  kind: "value";
  unit?: string | null;
  noted?: string | null;
}
export type Head = ClassHead | ValueHead;

export interface Param {
  name: string;
  kind: "int" | "float" | "choice" | "bool";
  label: string;
  help?: string;
  default: ParamValue;
  min?: number | null;
  max?: number | null;
  step?: number | null;
  log?: boolean;
  choices?: string[];
}
export type ParamValue = number | string | boolean | null;
export type Params = Record<string, ParamValue>;

export interface Method {
  name: string;
  label: string;
  explain: string;
  cite: string;
  kind: "estimate" | "partial" | "picture";
  unit: string;
  /** Its group in the list; the groups' order is that of the card. */
  family: string;
  /** It works at a layer of the network, which can be chosen. */
  layer: boolean;
  values: "score" | "rate" | "squared rate" | "relative";
  sibling_of: string | null;
  /** How many units of work a run takes; null where only the run tells. */
  cost?: Cost | null;
  /** A run can stop by itself once its map is precise enough. */
  stops?: boolean;
  /** `equals`: it runs, and gives what a plainer method gives. */
  status: "works" | "equals" | "no";
  reason: string | null;
  params: Param[];
}

/** base + factor x the product of the parameters `by`; or, if it slides, x the places of a window with that side and stride. */
export interface Cost {
  base: number;
  factor: number;
  by: string[];
  slides: boolean;
}

/** A place in the network at which a method can look. */
export interface NetworkLayer {
  name: string;
  kind: "map" | "tokens";
  channels: number;
  height: number;
  width: number;
  default: boolean;
}

/** The index of all outputs of a head at once. */
export const ALL = -1;

/** What is explained: a class, all outputs (index -1), a value (index null), or one class rather than another. */
export interface Target {
  head: string;
  index: number | null;
  versus: number | null;
}

export interface Card {
  model: string;
  version: string;
  revision: string;
  heads: Head[];
  methods: Method[];
  layers: NetworkLayer[];
  scores: string[];
  notes: string[];
  /** Where there are several to choose from; the rest of the card is about the chosen one. */
  models?: ModelCard[];
}
/** One of several models: its weights' checksum, and why which method does not apply to it. */
export interface ModelCard {
  name: string;
  revision: string;
  refused: Record<string, string>;
}
export interface Picture {
  id: string;
  label: string;
  width: number;
  height: number;
  /** Left, top, right, bottom of what the model saw, in the picture's pixels. */
  box: [number, number, number, number];
  /** Width and height of the model's input. */
  input: [number, number];
  /** What was done to the picture before the model saw it. */
  notes?: string[];
  /** Its place among all pictures of the widget. */
  at?: number;
  /** Where there are several models, by name: `box` and `input` of each. */
  seen?: Record<string, Pick<Picture, "box" | "input">>;
  /** By head, the index of the class that is true of it, or those of all labels that are there, or the value. */
  truth?: Truth;
}
export type Truth = Readonly<Record<string, number | readonly number[]>>;
export interface ClassScores {
  logits: number[];
  probabilities: number[];
}
export interface Predictions {
  image?: string;
  heads?: Record<string, ClassScores | { value: number }>;
  /** How long the forward took. */
  ms?: number;
  /** Which of several models says so. */
  model?: string;
}
export interface Quality {
  name: string;
  value: number;
  text: string;
  bad: boolean;
}

export type Sign = "signed" | "absolute" | "positive" | "negative";
/** How a map lies on the screen. `map`: alone and opaque; `picture`: not at all; `beside`: picture and map, two panels. */
export type Mode = "overlay" | "beside" | "map" | "picture" | "mask" | "contours";
/** How the channels of an attribution become one number a pixel; `max` is the one of the largest size. */
export type Channels = "sum" | "max" | "norm";
export type CurveName = "linear" | "sqrt" | "rank";
/** How a map is drawn: the page's own choice, the one trait that it writes. */
export interface Display {
  opacity: number;
  colormap: string;
  sign: Sign;
  channels: Channels;
  smooth: number;
  /** The scale ends at the percentile `clip` of the sizes, or where `mass` percent of their sum is reached. */
  clip: number;
  clip_by: "percentile" | "mass";
  mass: number;
  curve: CurveName;
  mode: Mode;
  /** Only pixels from this percentile on are shown by `mode: "mask"`, the rest dimmed or blurred. */
  mask: number;
  rest: "dim" | "blur";
  /** Contour lines on each side of zero. */
  levels: number;
  locked: boolean;
  /** End of the colour bar while it is locked; 0 means that none has been taken yet. */
  scale: number;
}

export interface Req {
  page: string;
  n: number;
}
export interface ExplainArgs {
  image: string;
  targets: Target[];
  method: string;
  params: Params;
  score: string;
  layer: string | null;
  seed: number;
  /** The estimated relative error at which a run stops by itself; null for never. */
  tolerance: number | null;
  /** The name of one of several models. */
  model?: string;
}
/** What a person takes away: the code that makes the map of this key again and draws it so, or all its numbers. */
export interface FileArgs {
  what: "code" | "npz";
  key: string;
  target: string;
  sign: Sign;
  channels: Channels;
  smooth: number;
}
/** An experiment on a picture; what begins with `method` is of the map that is looked at. */
export interface LabArgs extends Omit<ExplainArgs, "targets" | "tolerance"> {
  experiment: string;
  target: Target;
  method_params: Params;
  /** Compared with `method`, by their default parameters. */
  methods?: readonly string[];
  /** The id of a second picture. */
  other?: string;
}
/** What a set of maps says about itself, in a frame, a cached map and the `result` trait. */
export interface MapMeta {
  /** `picture`: no attribution but colours, h x w x RGB. */
  kind: "map" | "picture";
  targets: Target[];
  names: string[];
  method: string;
  shape: [number, number];
  scales: number[];
  done: number;
  total: number;
  unit: string;
  final: boolean;
  ms: number;
  quality: Quality[][];
  scores: number[];
  score_unit: string;
  empty: (string | null)[];
  precision: string;
  key: string | null;
}

/** Integers of maps, or bytes of pictures. */
export type FrameValues = Int16Array | Uint8Array;

export type Outgoing =
  | { type: "hello"; page: string; visible: boolean; job: number }
  | { type: "request"; req: Req; kind: "explain"; args: ExplainArgs & { have: string | null } }
  | { type: "request"; req: Req; kind: "live"; args: ExplainArgs }
  | { type: "request"; req: Req; kind: "predict"; args: { image: string } }
  | { type: "request"; req: Req; kind: "channels"; args: { key: string; channels: Channels } }
  | { type: "request"; req: Req; kind: "grid"; args: { cells: ExplainArgs[] } }
  | { type: "request"; req: Req; kind: "file"; args: FileArgs }
  | { type: "request"; req: Req; kind: "occlude"; args: { image: string } }
  | ({ type: "paint"; req: Req } & Paint)
  | { type: "thumbs"; page: string; pictures: number[] }
  | { type: "experiments"; page: string }
  | { type: "request"; req: Req; kind: "lab"; args: LabArgs }
  | { type: "request"; req: Req; kind: "cut"; args: { image: string; box: readonly number[] } }
  | { type: "request"; req: Req; kind: "survey"; args: { first: number; count: number } }
  | { type: "image"; req: Req; name: string }
  | { type: "fetch"; page: string; name: string }
  | { type: "shot"; page: string; n: number; width: number; height: number; format: "jpeg" | "rgb" }
  | { type: "cancel"; job: number }
  | { type: "ack"; page: string; seq: number }
  | { type: "visible"; page: string; on: boolean }
  | { type: "resend"; page: string }
  | { type: "bye"; page: string };

export interface Welcome {
  type: "welcome";
  page: string;
  job: number;
  running: boolean;
  ipykernel: string;
}
export type Accepted = { type: "accepted"; job: number; req: Req | null } & (
  | { kind: "explain" | "live"; args: ExplainArgs }
  | { kind: "predict"; args: Record<string, unknown> }
  | { kind: "grid" | "file" | "occlude" | "image" | "survey" | "lab"; args: Record<string, unknown> }
);
/** Which live picture a frame is of, and what the model says of it. */
export interface Shot {
  page: string;
  n: number;
  size: [number, number];
  box: Picture["box"];
  input: [number, number];
  heads: NonNullable<Predictions["heads"]>;
}
export interface Frame extends MapMeta {
  type: "frame";
  job: number;
  seq: number;
  /** Null for a frame of the chosen picture. */
  shot: Shot | null;
  /** A JPEG of a picture that Python shows; null where the page has it. */
  picture: Uint8Array | null;
  values: FrameValues;
}
export interface CacheMap extends MapMeta {
  type: "cache";
  image: string;
  args: ExplainArgs;
  values: FrameValues;
}
/** A running map of one cell of a grid. */
export interface Cell extends Omit<CacheMap, "type"> {
  type: "cell";
  job: number;
  seq: number;
}
/** Answers a request of kind `file`. */
export interface FileData {
  type: "file";
  job: number;
  what: string;
  name: string;
  data: Uint8Array;
}
/** What is painted over, on a grid over what the model sees; the bytes of its cells, 255 where they are hidden, go with it. */
export interface Paint {
  image: string;
  width: number;
  height: number;
  fill: string;
  seed: number;
  /** The painted picture shall be one of the widget's pictures. */
  keep: boolean;
  /** The page wants to see what stands behind. */
  pixels: boolean;
}
/** What the model says of a picture that is painted over, or of it as it is. */
export interface Scores {
  type: "scores";
  job: number;
  page: string;
  n: number;
  image: string;
  heads: NonNullable<Predictions["heads"]>;
  painted: boolean;
  /** The picture that was kept. */
  kept: string | null;
  /** The painted picture on the mask's grid, h x w x RGB, if the page wants to see it. */
  pixels: Uint8Array | null;
}
/** What only the studio reads (told.ts), and checks. */
export interface Told {
  type: "thumbs" | "added" | "survey" | "catalogue" | "finding";
  /** Null of what is nobody's job. */
  job: number | null;
  data: Uint8Array | null;
  [field: string]: unknown;
}
/** A part of the page's own code, or why there is none. */
export interface ModuleCode {
  type: "module";
  page: string;
  name: string;
  code: Uint8Array | null;
  problem: string;
}
export type EndStatus = "complete" | "unchanged" | "cancelled" | "superseded" | "error";
export interface End {
  type: "end";
  job: number | null;
  req: Req | null;
  status: EndStatus;
  code: string | null;
  message: string | null;
  ms: number;
}
export type Incoming = Welcome | Accepted | Frame | CacheMap | Cell | FileData | ModuleCode | Scores | Told | End;
