// What there is to know about the model: notes, layers, and which methods make no sense for it and why; closed at first.
import { h, onChange, type Part, setText } from "./dom.ts";
import type { Card, Method } from "./protocol.ts";
import { applicability, layerCount, sentence } from "./sentences.ts";

/** "Works: slow here", "Does not apply: no attention"; what equals another says so in its reason. */
function verdict({ status, reason }: Method): string {
  const said = { works: "works", equals: "", no: "does not apply" }[status];
  return sentence([said, reason ?? ""].filter((part) => part !== "").join(": ") || "equals a simpler one");
}

function row(method: Method): HTMLElement {
  return h("tr", {}, h("th", { scope: "row" }, method.label), h("td", {}, verdict(method)));
}

export function createAbout(): Part<Card> {
  const extra = h("span", { class: "sw-about-count" });
  const content = h("div", { class: "sw-about-content" });
  const el = h(
    "details",
    { class: "sw-section sw-about" },
    h("summary", { class: "sw-summary" }, "About this model", extra),
    content,
  );
  const build = onChange((card: Card) => {
    const said = card.methods.filter((m) => m.reason !== null || m.status !== "works");
    const count = applicability(card.methods);
    const notes = [...card.notes, ...(card.layers.length > 0 ? [layerCount(card.layers)] : [])];
    const paragraphs = notes.map((text) => h("p", { class: "sw-small" }, sentence(text)));
    const table = h(
      "table",
      { class: "sw-table" },
      h("caption", {}, count === "" ? "All methods apply" : sentence(count)),
      h("tbody", {}, ...said.map(row)),
    );
    content.replaceChildren(...paragraphs, table);
    setText(extra, card.notes.length === 0 ? "" : card.notes.length === 1 ? "1 note" : `${card.notes.length} notes`);
  });
  return { el, update: build };
}
