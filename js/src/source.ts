// Where live pictures come from: a camera, or a video from the disk; asks no kernel and draws no map.

export interface Source {
  readonly kind: "camera" | "video" | "crop" | "python";
  /** What a person calls it. */
  readonly label: string;
  /** What it shows of its own: the video's controls, the crop to drag. */
  readonly el: HTMLElement | null;
  /** Width and height in pixels; zeros until there is a picture. */
  size(): readonly [number, number];
  /** Time passes; whether there is another picture than the one that was drawn last. */
  moved(now: number): boolean;
  /** Draws the picture as it is now over a whole canvas. */
  draw(context: OffscreenCanvasRenderingContext2D): void;
  close(): void;
}

/** Said to the person; anything else that goes wrong is a mistake of ours. */
export class SourceError extends Error {}

/** Long side of the pictures that a camera is asked for; a model's input is smaller. */
const CAMERA = 640;

const REFUSALS: Readonly<Record<string, string>> = {
  NotAllowedError: "The camera was refused. Allow it for this page, beside the address, and start again.",
  NotFoundError: "No camera was found. Connect one, or choose a video file.",
  NotReadableError: "The camera is in use by another program. Close that, and start again.",
};

/** The person's camera, or one clear reason why not. */
export async function openCamera(ended: () => void): Promise<Source> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new SourceError(
      "A browser gives its camera only to pages from https or localhost, and some hosts pass it on to nobody. Choose a video file.",
    );
  }
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: CAMERA } }, audio: false });
  } catch (error) {
    const { name, message } = error as DOMException;
    throw new SourceError(REFUSALS[name] ?? `The camera cannot be used: ${message || name}.`);
  }
  const video = player();
  video.srcObject = stream;
  const tracks = stream.getTracks();
  tracks[0]?.addEventListener("ended", ended);
  void video.play().catch(() => {});
  return film("camera", "Webcam", video, null, () => {
    for (const track of tracks) {
      track.stop();
    }
    video.srcObject = null;
  });
}

/** A video from the disk; it is played here, and no more of it is sent than the frames that are looked at. */
export async function openFile(file: File): Promise<Source> {
  const url = URL.createObjectURL(file);
  const video = player();
  video.controls = true;
  video.loop = true;
  video.className = "sw-live-video";
  video.src = url;
  const close = (): void => {
    video.pause();
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  };
  const decoded = await new Promise<boolean>((resolve) => {
    video.addEventListener("loadeddata", () => resolve(video.videoWidth > 0), { once: true });
    video.addEventListener("error", () => resolve(false), { once: true });
  });
  if (!decoded) {
    close();
    throw new SourceError(`This browser cannot play "${file.name}". Choose another video, such as an MP4 or a WebM.`);
  }
  void video.play().catch(() => {});
  return film("video", file.name, video, video, close);
}

function player(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  return video;
}

function film(
  kind: Source["kind"],
  label: string,
  video: HTMLVideoElement,
  el: HTMLElement | null,
  close: () => void,
): Source {
  let drawn = -1;
  return {
    kind,
    label,
    el,
    size: () => [video.videoWidth, video.videoHeight],
    moved: () => video.currentTime !== drawn,
    draw(context) {
      drawn = video.currentTime;
      context.drawImage(video, 0, 0, context.canvas.width, context.canvas.height);
    },
    close,
  };
}
