// The part "Mistakes": the pictures of which the model says something else than is true, or is unsure; computes no map.
import { h, onChange, type Part, setText } from "./dom.ts";
import { type Found, type Judge, judgeOf, usualError, type Wanted } from "./judge.ts";
import { isLocked } from "./locks.ts";
import type { Head } from "./protocol.ts";
import type { Session } from "./session.ts";
import type { SessionState } from "./state.ts";
import { thumb, thumbsFor } from "./thumbs.ts";
import { type Row, surveyOf } from "./told.ts";
import type { Bench } from "./workshop.ts";

/** Pictures that are asked for at once, rows that are drawn at once. */
const TOGETHER = 1000;
const DRAWN = 40;
/** Kinds of mistakes that can be chosen. */
const KINDS = 200;
/** Of fewer pictures nothing is said of nine in ten. */
const FEW = 10;

export function createMistakes(session: Session, { aside }: Bench, signal: AbortSignal): Part<SessionState> {
  const thumbs = thumbsFor(session);
  aside.classList.add("sw-live-rate");
  const summary = h("p", { class: "sw-small", "aria-live": "polite" });
  const bar = h("progress", { class: "sw-survey-bar", max: 1, hidden: true, "aria-label": "Pictures looked at" });
  const more = h("button", { type: "button", class: "sw-button", hidden: true }, "Go on");
  const head = h("select", { class: "sw-select", "aria-label": "Head", "data-field": "mistakes-head" });
  const pair = h("select", { class: "sw-select", "data-field": "mistakes-pair" });
  const filters = h("div", { class: "sw-filters", role: "group", "aria-label": "Which pictures" });
  const limit = h("input", { type: "number", class: "sw-number", min: 0, step: "any", "data-field": "mistakes-limit" });
  const unit = h("span");
  const hint = h("p", { class: "sw-small" });
  const limits = h("div", {}, h("label", { class: "sw-off" }, "Off by more than", limit, unit), hint);
  const list = h("div", { class: "sw-rows" });
  const rest = h("button", { type: "button", class: "sw-link", hidden: true });
  const shell = (field: HTMLElement): HTMLElement => h("span", { class: "sw-select-shell" }, field);
  const heads = shell(head);
  const pairs = shell(pair);
  const el = h("div", { class: "sw-survey" }, summary, bar, more, heads, filters, pairs, limits, list, rest);

  let state: SessionState | null = null;
  let filter = "";
  /** A head was chosen; until then it is the first of which the truth is known. */
  let fixed = false;
  let judge: Judge | null = null;
  let judges = 0;
  /** What the chosen head says of the pictures, and how good that is. */
  let found: readonly Found[] = [];
  let tally: readonly [long: string, short: string] = ["", ""];
  /** From which error on a value is off: what is usual here, until a person says it. */
  let usually = 0;
  let typed: number | null = null;
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

  /** What a head of one class says cannot be wrong. */
  const judged = (): Head[] =>
    (state?.card.heads ?? []).filter((one) => one.kind !== "classes" || one.classes.length > 1);
  const chosen = (): Head | undefined => judged().find(({ name }) => name === head.value) ?? judged()[0];
  const wanted = (): Wanted => ({ filter, pick: pair.value, limit: typed ?? usually });

  const listHeads = onChange((_heads: readonly Head[]) => {
    const kept = head.value;
    head.replaceChildren(...judged().map(({ name }) => h("option", { value: name }, name)));
    head.value = [...head.options].some(({ value }) => value === kept) ? kept : (head.options[0]?.value ?? "");
    heads.hidden = head.options.length < 2;
  });

  const listFilters = onChange((of: Head | undefined) => {
    judge = of === undefined ? null : judgeOf(of);
    judges += 1;
    const all = Object.keys(judge?.filters ?? {});
    filters.replaceChildren(
      ...all.map((name) => h("button", { type: "button", class: "sw-tag", "data-filter": name })),
    );
    filter = all.includes(filter) ? filter : (all[0] ?? "");
    pair.value = "";
    pair.setAttribute("aria-label", judge?.picks[0] ?? "");
    setText(unit, of?.kind === "value" ? (of.unit ?? "") : "");
    typed = null;
  });

  function rowOf({ row, said }: Found): HTMLElement {
    const verdict = (judge as Judge).verdict(said, wanted());
    const picture = h("span", { class: "sw-row-thumb" }, thumb(thumbs.get(row.at), row.at));
    const open = h(
      "button",
      { type: "button", class: "sw-row-open", "data-picture": row.at },
      picture,
      h(
        "span",
        { class: "sw-row-text" },
        h("b", {}, verdict.said),
        h("span", { class: "sw-row-truth" }, verdict.truth),
      ),
    );
    const why = h("button", { type: "button", class: "sw-button sw-row-why", "data-why": row.at }, "Why?");
    why.title = verdict.ask;
    why.setAttribute("aria-label", `${why.title}, picture ${row.at + 1}`);
    const fixed = state !== null && isLocked(state, "image") && state.at !== row.at;
    open.disabled = fixed;
    why.disabled = fixed || (state !== null && isLocked(state, "target"));
    const item = h("div", { class: "sw-survey-row" }, open, why);
    item.classList.toggle("sw-current", state?.at === row.at);
    return item;
  }

  const write = onChange((_key: string) => {
    const those = judge?.listed(found, wanted()) ?? [];
    const drawn = those.slice(0, most);
    const focused = document.activeElement;
    const mark = ["data-picture", "data-why"].find((name) => list.contains(focused) && focused?.hasAttribute(name));
    const place = mark === undefined ? null : focused?.getAttribute(mark);
    list.replaceChildren(...drawn.map(rowOf));
    if (drawn.length === 0 && (found.length > 0 || !running)) {
      const known = filter === "unsure" || found.length === 0 || found.some(({ said }) => said.true !== null);
      const none = `What is true of ${chosen()?.name} was not given.`;
      list.replaceChildren(h("p", { class: "sw-small" }, known ? (judge?.filters[filter]?.[1] ?? "") : none));
    }
    if (mark !== undefined) {
      list.querySelector<HTMLElement>(`[${mark}="${place}"]`)?.focus({ preventScroll: true });
    }
    rest.hidden = those.length <= most;
    setText(rest, `Show ${Math.min(DRAWN, those.length - most)} more of ${those.length}`);
    thumbs.want(
      el,
      drawn.map(({ row }) => row.at),
    );
  });

  const listPairs = onChange((_key: string) => {
    const kept = pair.value;
    const made = judge?.kinds(found).slice(0, KINDS) ?? [];
    pair.replaceChildren(
      h("option", { value: "" }, judge?.picks[1] ?? ""),
      ...made.map(([pick, text, count]) => h("option", { value: pick }, `${text} (${count})`)),
    );
    pair.value = made.some(([pick]) => pick === kept) ? kept : "";
    pairs.hidden = made.length === 0 || filter !== "wrong";
  });

  const gather = onChange((_key: string) => {
    const name = chosen()?.name ?? "";
    found = [...rows.values()].flatMap((row) => {
      const said = row.heads[name];
      return judge?.takes(said) ? [{ row, said }] : [];
    });
    usually = usualError(found);
    tally = judge?.tally(found) ?? ["", ""];
    setText(hint, `Nine in ten are off by about ${`${usually} ${unit.textContent}`.trim()} or less.`);
  });

  const count = onChange((_key: string) => {
    Object.entries(judge?.filters ?? {}).forEach(([name, [text]], i) => {
      const tab = filters.children[i] as HTMLElement;
      setText(tab, `${text} ${judge?.listed(found, { ...wanted(), filter: name, pick: "" }).length}`);
      tab.setAttribute("aria-pressed", String(filter === name));
    });
  });

  let turn = 0;
  function draw(): void {
    if (state === null || signal.aborted) {
      return;
    }
    listHeads(state.card.heads);
    if (!fixed) {
      const known = judged().find(({ name }) => [...rows.values()].some(({ heads }) => heads[name]?.true != null));
      head.value = known?.name ?? head.value;
    }
    listFilters(chosen());
    const key = [revision, rows.size, judges].join();
    gather(key);
    listPairs(`${key},${filter}`);
    limits.hidden = chosen()?.kind !== "value" || filter === "all" || found.length === 0;
    hint.hidden = typed !== null || found.length < FEW;
    if (typed === null && document.activeElement !== limit) {
      limit.value = String(usually);
    }
    count([key, filter, typed].join());
    const problems = [...rows.values()].filter(({ problem }) => problem).length;
    const [right, short] = tally;
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
    setText(aside, short);
    write([key, turn, filter, pair.value, typed, most, state.at, running, state.locked.parts].join());
  }

  const again = (change: () => void) => () => {
    change();
    most = DRAWN;
    draw();
  };
  filters.addEventListener(
    "click",
    (event) => {
      const name = (event.target as Element).closest("button")?.dataset["filter"];
      again(() => {
        filter = name ?? filter;
        pair.value = "";
      })();
    },
    { signal },
  );
  head.addEventListener(
    "change",
    again(() => {
      fixed = true;
    }),
    { signal },
  );
  pair.addEventListener(
    "change",
    again(() => {}),
    { signal },
  );
  limit.addEventListener(
    "input",
    again(() => {
      typed = limit.value !== "" && Number(limit.value) >= 0 ? Number(limit.value) : null;
    }),
    { signal },
  );
  limit.addEventListener(
    "blur",
    () => {
      limit.value = String(typed ?? usually);
    },
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
      const said = row?.heads[chosen()?.name ?? ""];
      if (pressed === null || row === undefined || !judge?.takes(said)) {
        return;
      }
      if (why === null) {
        session.setImage(row.image);
      } else {
        session.select(judge.verdict(said, wanted()).target, row.image);
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
