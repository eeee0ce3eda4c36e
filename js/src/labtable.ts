// The figures of several maps beside each other: a row for each map, whose name takes the slider there.
import { h, onChange, setAttributes } from "./dom.ts";
import type { Figure, Place } from "./found.ts";

export interface LabTable {
  readonly el: HTMLElement;
  update(places: readonly Place[], at: number): void;
}

/** "deletion_area" as people write it. */
const words = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

export function createLabTable(go: (place: number) => void, signal: AbortSignal): LabTable {
  const table = h("table", { class: "sw-shares-table sw-lab-table" });
  // What is wider than its column is scrolled, by keys too.
  const el = h("div", { class: "sw-lab-table-shell", role: "region", tabindex: 0, "aria-label": "All maps" }, table);
  let rows: HTMLElement[] = [];

  const write = onChange((places: readonly Place[]) => {
    const columns = new Map<string, Figure>();
    for (const figure of places.flatMap(({ numbers }) => numbers)) {
      columns.set(figure.name, columns.get(figure.name) ?? figure);
    }
    const head = [...columns.values()].map(({ name, means }) => h("th", { scope: "col", title: means }, words(name)));
    rows = places.map(({ label, numbers }, place) => {
      const name = h("button", { type: "button", class: "sw-link" }, label);
      name.addEventListener("click", () => go(place), { signal });
      const cells = [...columns.keys()].map((column) =>
        h("td", { "data-figure": column }, numbers.find((one) => one.name === column)?.text ?? ""),
      );
      return h("tr", {}, h("th", { scope: "row" }, name), ...cells);
    });
    table.replaceChildren(
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Map"), ...head)),
      h("tbody", {}, ...rows),
    );
  });

  return {
    el,
    update(places, at) {
      write(places);
      rows.forEach((row, place) => {
        setAttributes(row, { "aria-current": place === at ? "true" : null });
      });
    },
  };
}
