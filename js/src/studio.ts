// What the kernel hands out when it is needed (modules.ts): the parts of the page that only work with a kernel.
import compared from "./studio/gallery.css";
import tried from "./studio/lab.css";
import moved from "./studio/live.css";
import painted from "./studio/paint.css";
import pictured from "./studio/pictures.css";
import taken from "./studio/takeaway.css";

export { createCompare as compare } from "./compare.ts";
export { Clock } from "./cost.ts";
export { createFilm as film } from "./film.ts";
export { createGallery as gallery } from "./gallery.ts";
export { createLab as lab } from "./lab.ts";
export { createLivePanel as live } from "./livepanel.ts";
export { createMistakes as mistakes } from "./mistakes.ts";
export { createPaint as paint } from "./paint.ts";
export { createPictures as pictures } from "./pictures.ts";
export { createTakeaway as takeaway } from "./takeaway.ts";

/** Their style sheets, so that a saved notebook need not carry those either. */
export const styles = [compared, moved, painted, pictured, taken, tried].join("");
