// The part "Mistakes": the pictures of which the model says something else than is true, or is unsure; computes no map.
import { h, onChange, type Part, setText } from "./dom.ts";
import { formatPercent } from "./format.ts";
import { isLocked } from "./locks.ts";
import type { ClassHead, Head } from "./protocol.ts";
import type { Session } from "./session.ts";
import type { SessionState } from "./state.ts";
import { thumb, thumbsFor } from "./thumbs.ts";
import { type Judged, type Row, surveyOf } from "./told.ts";
import type { Bench } from "./workshop.ts";

/** Pictures that are asked for at once, rows that are drawn at once. */
const TOGETHER = 1000;
const DRAWN = 40;
/** Less between the two likeliest classes is unsure. */
export const UNSURE = 0.2;

type Filter = "wrong" | "unsure" | "all";
const FILTERS: readonly [Filter, string][] = [
  ["wrong", "Wrong"],
  ["unsure", "Unsure"],
  ["all", "All"],
];

export interface Found {
  readonly row: Row;
  readonly said: Judged;
}

export const isWrong = ({ said }: Found): boolean => said.true !== null && said.true !== said.top;
export const isUnsure = ({ said }: Found): boolean => said.p[0] - said.p[1] < UNSURE;

/** Those of a filter, the worst first: wrong by how sure the model is, unsure by how unsure; `pair` is "true>predicted". */
export function filtered(found: readonly Found[], filter: Filter, pair: string): Found[] {
  const kept = found.filter((one) => (filter === "wrong" ? isWrong(one) : filter === "unsure" ? isUnsure(one) : true));
  const chosen = kept.filter(({ said }) => pair === "" || pair === pairOf(said));
  const margin = ({ said }: Found): number => said.p[0] - said.p[1];
  const order: Record<Filter, (a: Found, b: Found) => number> = {
    wrong: (a, b) => b.said.p[0] - b.said.p[2] - (a.said.p[0] - a.said.p[2]),
    unsure: (a, b) => margin(a) - margin(b),
    all: (a, b) => a.row.at - b.row.at,
  };
  return chosen.sort((a, b) => order[filter](a, b) || a.row.at - b.row.at);
}

const pairOf = (said: Judged): string => `${said.true}>${said.top}`;

/** How often each class was taken for each other one, the most frequent first. */
export function confusions(found: readonly Found[]): [pair: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { said } of found.filter(isWrong)) {
    counts.set(pairOf(said), (counts.get(pairOf(said)) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

export function createMistakes(session: Session, { aside }: Bench, signal: AbortSignal): Part<SessionState> {
  const thumbs = thumbsFor(session);
  aside.classList.add("sw-live-rate");
  const summary = h("p", { class: "sw-small", "aria-live": "polite" });
  const bar = h("progress", { class: "sw-survey-bar", max: 1, hidden: true, "aria-label": "Pictures looked at" });
  const more = h("button", { type: "button", class: "sw-button", hidden: true }, "Go on");
  const head = h("select", { class: "sw-select", "aria-label": "Head", "data-field": "mistakes-head" });
  const pair = h("select", { class: "sw-select", "aria-label": "Confusion", "data-field": "mistakes-pair" });
  const filters = h("div", { class: "sw-filters", role: "group", "aria-label": "Which pictures" });
  const tabs = FILTERS.map(([name, text]) => {
    const tab = h("button", { type: "button", class: "sw-tag", "data-filter": name }, text);
    filters.append(tab);
    return tab;
  });
  const list = h("div", { class: "sw-rows" });
  const rest = h("button", { type: "button", class: "sw-link", hidden: true });
  const shell = (field: HTMLElement): HTMLElement => h("span", { class: "sw-select-shell" }, field);
  const heads = shell(head);
  const pairs = shell(pair);
  const el = h("div", { class: "sw-survey" }, summary, bar, more, heads, filters, pairs, list, rest);

  let state: SessionState | null = null;
  let filter: Filter = "wrong";
  let most = DRAWN;
  let rows = new Map<number, Row>();
  let revision = "";
  let running = false;
  let began = false;
  let [done, total, first] = [0, 0, 0];
  let trouble = "";
  let stop: (() => void) | null = null;

  function ask(from: number): void {
    running = true;
    began = true;
    trouble = "";
    [done, total, first] = [0, 0, from];
    stop = session.beside.ask({ kind: "survey", args: { first: from, count: TOGETHER } }, (news) => {
      if (news.type === "survey") {
        const survey = surveyOf(news);
        if (survey === null) {
          return;
        }
        if (survey.revision !== revision) {
          revision = survey.revision;
          rows = new Map();
        }
        for (const row of survey.rows) {
          rows.set(row.at, row);
        }
        ({ done, total } = survey);
      } else if (news.type === "end") {
        running = false;
        trouble = news.status === "error" ? (news.message ?? "") : "";
      } else if (news.type === "lost") {
        running = false;
        trouble = "This needs a running kernel.";
      }
      draw();
    });
    draw();
  }

  const classHeads = (): ClassHead[] =>
    (state?.card.heads ?? []).filter((one): one is ClassHead => one.kind === "classes" && one.classes.length > 1);
  const chosen = (): ClassHead | undefined => classHeads().find(({ name }) => name === head.value) ?? classHeads()[0];
  const found = (): Found[] => {
    const name = chosen()?.name ?? "";
    return [...rows.values()].flatMap((row) => (row.heads[name] === undefined ? [] : [{ row, said: row.heads[name] }]));
  };

  const listHeads = onChange((all: readonly Head[]) => {
    const kept = head.value;
    head.replaceChildren(
      ...all.filter(({ kind }) => kind === "classes").map(({ name }) => h("option", { value: name }, name)),
    );
    head.value = [...head.options].some(({ value }) => value === kept) ? kept : (head.options[0]?.value ?? "");
    heads.hidden = head.options.length < 2;
  });

  const nameOf = (index: number | null): string =>
    index === null ? "unknown" : (chosen()?.classes[index] ?? String(index));

  function rowOf({ row, said }: Found): HTMLElement {
    const wrong = isWrong({ row, said });
    const picture = h("span", { class: "sw-row-thumb" }, thumb(thumbs.get(row.at), row.at));
    const truth = said.true === null ? "true class unknown" : wrong ? `in truth ${nameOf(said.true)}` : "right";
    const second = wrong ? "" : `, then ${nameOf(said.next)} ${formatPercent(said.p[1])}`;
    const open = h(
      "button",
      { type: "button", class: "sw-row-open", "data-picture": row.at },
      picture,
      h(
        "span",
        { class: "sw-row-text" },
        h("b", {}, `${nameOf(said.top)} ${formatPercent(said.p[0])}`),
        h("span", { class: "sw-row-truth" }, `${truth}${wrong ? ` (${formatPercent(said.p[2])})` : second}`),
      ),
    );
    const why = h("button", { type: "button", class: "sw-button sw-row-why", "data-why": row.at }, "Why?");
    const other = wrong ? (said.true as number) : said.next;
    why.title = `Explain ${nameOf(said.top)} rather than ${nameOf(other)}`;
    why.setAttribute("aria-label", `${why.title}, picture ${row.at + 1}`);
    const fixed = state !== null && isLocked(state, "image") && state.at !== row.at;
    open.disabled = fixed;
    why.disabled = fixed || (state !== null && isLocked(state, "target"));
    const item = h("div", { class: "sw-survey-row" }, open, why);
    item.classList.toggle("sw-current", state?.at === row.at);
    return item;
  }

  const write = onChange((_key: string) => {
    const all = found();
    const wanted = filtered(all, filter, pair.value);
    const drawn = wanted.slice(0, most);
    const focused = document.activeElement;
    const mark = ["data-picture", "data-why"].find((name) => list.contains(focused) && focused?.hasAttribute(name));
    const place = mark === undefined ? null : focused?.getAttribute(mark);
    list.replaceChildren(...drawn.map(rowOf));
    if (drawn.length === 0 && (all.length > 0 || !running)) {
      const none = { wrong: "None is wrong.", unsure: "Of none is the model unsure.", all: "None was looked at yet." }[
        filter
      ];
      list.replaceChildren(h("p", { class: "sw-small" }, none));
    }
    if (mark !== undefined) {
      list.querySelector<HTMLElement>(`[${mark}="${place}"]`)?.focus({ preventScroll: true });
    }
    rest.hidden = wanted.length <= most;
    setText(rest, `Show ${Math.min(DRAWN, wanted.length - most)} more of ${wanted.length}`);
    thumbs.want(
      el,
      drawn.map(({ row }) => row.at),
    );
  });

  const listPairs = onChange((_key: string) => {
    const kept = pair.value;
    const most = confusions(found()).slice(0, 200);
    pair.replaceChildren(
      h("option", { value: "" }, "Every confusion"),
      ...most.map(([key, count]) => {
        const [truth, said] = key.split(">").map(Number) as [number, number];
        return h("option", { value: key }, `${nameOf(truth)} taken for ${nameOf(said)} (${count})`);
      }),
    );
    pair.value = most.some(([key]) => key === kept) ? kept : "";
    pairs.hidden = most.length === 0 || filter !== "wrong";
  });

  let turn = 0;
  function draw(): void {
    if (state === null || signal.aborted) {
      return;
    }
    listHeads(state.card.heads);
    const all = found();
    const wrong = all.filter(isWrong).length;
    const judged = all.filter(({ said }) => said.true !== null).length;
    const counts = { wrong, unsure: all.filter(isUnsure).length, all: all.length };
    FILTERS.forEach(([name, text], i) => {
      setText(tabs[i] as HTMLElement, `${text} ${counts[name]}`);
      tabs[i]?.setAttribute("aria-pressed", String(filter === name));
    });
    const problems = [...rows.values()].filter(({ problem }) => problem).length;
    const right = judged > 0 ? `, ${formatPercent((judged - wrong) / judged)} right` : "";
    const bad = problems > 0 ? `; ${problems} cannot be read` : "";
    const old = revision !== "" && revision !== state.card.revision ? " The model has changed since." : "";
    const so = began ? `${rows.size} of ${state.album.count} pictures looked at${right}${bad}.${old}` : "";
    setText(summary, trouble || so);
    bar.hidden = !running;
    bar.value = total > 0 ? done / total : 0;
    const next = old === "" ? first + done : 0;
    const left = next < state.album.count || trouble !== "";
    more.hidden = running || !began || !(left || old !== "");
    setText(more, old === "" ? "Look at more" : "Look again");
    more.dataset["from"] = String(trouble === "" ? next : 0);
    setText(aside, judged > 0 ? `${wrong} of ${judged} wrong` : "");
    const key = [revision, rows.size, head.value, turn].join();
    listPairs(`${key},${filter}`);
    write([key, filter, pair.value, most, state.at, running, state.locked.parts].join());
  }

  const again = (change: () => void) => () => {
    change();
    most = DRAWN;
    draw();
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener(
      "click",
      again(() => {
        filter = (FILTERS[i] as [Filter, string])[0];
        pair.value = "";
      }),
      { signal },
    );
  });
  head.addEventListener(
    "change",
    again(() => {}),
    { signal },
  );
  pair.addEventListener(
    "change",
    again(() => {}),
    { signal },
  );
  rest.addEventListener(
    "click",
    () => {
      most += DRAWN;
      draw();
    },
    { signal },
  );
  more.addEventListener("click", () => ask(Number(more.dataset["from"]) || 0), { signal });
  thumbs.listen(() => {
    turn += 1;
    draw();
  }, signal);
  list.addEventListener(
    "click",
    (event) => {
      const pressed = (event.target as Element).closest("button");
      const why = pressed?.getAttribute("data-why");
      const row = rows.get(Number(why ?? pressed?.getAttribute("data-picture")));
      const of = chosen();
      const said = of && row?.heads[of.name];
      if (pressed === null || row === undefined || of === undefined || said === undefined) {
        return;
      }
      if (why === null) {
        session.setImage(row.image);
      } else {
        const versus = said.true === null || said.true === said.top ? said.next : said.true;
        session.select({ head: of.name, index: said.top, versus }, row.image);
      }
    },
    { signal },
  );
  signal.addEventListener("abort", () => stop?.());

  /** Nothing is looked at before the part is opened. */
  const begin = (): void => {
    if (!began && state !== null && aside.closest("details")?.open === true) {
      ask(0);
    }
  };
  aside.closest("details")?.addEventListener("toggle", begin, { signal });
  return {
    el,
    update(next) {
      state = next;
      begin();
      draw();
    },
  };
}
