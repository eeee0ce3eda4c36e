// The page's few signs, as lines on a grid of 16; knows no button.
const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  box: "M3 4.5h10v7H3z",
  lasso:
    "M4.6 10.6C2.9 9.9 2 8.8 2 7.4 2 5 4.7 3 8 3s6 2 6 4.4-2.7 4.4-6 4.4c-.6 0-1.2-.1-1.8-.2M6.2 11.6a1.3 1.3 0 1 1-1.6-1c.9-.2 1.7.3 1.6 1 .1 1.2-1 2-2.3 2",
  clear: "M4 4l8 8M12 4l-8 8",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  eye: "M1.5 8S4 3.7 8 3.7 14.5 8 14.5 8 12 12.3 8 12.3 1.5 8 1.5 8zM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
} as const;

export function icon(name: keyof typeof ICONS): Element {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "sw-sign");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
