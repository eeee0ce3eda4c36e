// What an experiment is asked for with: which one, its parameters, a second picture, other methods, and what it will take.
import { type Bill, billOf, billText, weight } from "./bill.ts";
import { type Control, choice } from "./controls.ts";
import { h, type Part, setText } from "./dom.ts";
import { type Experiment, experimentsOf } from "./found.ts";
import type { LabArgs, Params, ParamValue } from "./protocol.ts";
import { createRivals } from "./rivals.ts";
import { methodLabel } from "./sentences.ts";
import type { Session } from "./session.ts";
import { currentPicture, type SessionState } from "./state.ts";
import { methodOf, targetLabel } from "./targets.ts";
import { createTowards } from "./towards.ts";
import type { Bench } from "./workshop.ts";

export interface LabForm extends Part<SessionState> {
  /** Asks the kernel which experiments there are. */
  fetch(): void;
  /** What the kernel is asked for, what that is called, and what it is of; null while nothing can be asked. */
  ask(): { args: LabArgs; called: string; of: string } | null;
  /** Why what is chosen cannot be run; "" if it can. */
  problem(): string;
  label(experiment: string): string | undefined;
  /** What was asked for last is done. */
  took(ms: number): void;
}

const OTHER = "other";

export function createLabForm(session: Session, bench: Bench, signal: AbortSignal): LabForm {
  const repaint = (): void => bench.repaint();
  let all: readonly Experiment[] = [];
  let chosen: Experiment | undefined;
  /** Of each experiment what was set, so that it is there when one comes back to it. */
  const kept = new Map<string, Params>();
  let params: Params = {};
  let controls: [string, Control<ParamValue>][] = [];
  let lifetime = new AbortController();
  let state: SessionState | null = null;

  const pick = choice({ label: "Experiment", options: [], name: "experiment" }, choose, signal);
  const explain = h("p", { class: "sw-explain" });
  const cite = h("p", { class: "sw-small sw-cite" });
  const fields = h("div", { class: "sw-params" });
  const towards = createTowards(session, repaint, signal);
  const rivals = createRivals(repaint, signal);
  const price = h("p", { class: "sw-small" });
  const el = h("div", { class: "sw-params" }, pick.el, explain, cite, fields, towards.el, rivals.el, price);
  let bill: Bill | null = null;
  /** Milliseconds of a forward, as the last experiment took; one alone takes far longer than one of many. */
  let pace = 0;
  let asked = 0;

  const needs = (what: string): boolean => chosen?.needs.includes(what) === true;
  /** Where one of the parameters says which way, only one of its choices leads to the other picture. */
  const goesThere = (): boolean => {
    const ways = chosen?.params.filter(({ choices }) => choices?.includes(OTHER)) ?? [];
    return needs(OTHER) && (ways.length === 0 || ways.some(({ name }) => params[name] === OTHER));
  };

  function choose(name: string): void {
    chosen = all.find((one) => one.name === name);
    pick.set(name);
    params = { ...Object.fromEntries((chosen?.params ?? []).map((p) => [p.name, p.default])), ...kept.get(name) };
    lifetime.abort();
    lifetime = new AbortController();
    const until = AbortSignal.any([signal, lifetime.signal]);
    const set = (one: string, value: ParamValue): void => {
      params = { ...params, [one]: value };
      kept.set(name, params);
      repaint();
    };
    controls = (chosen?.params ?? []).map((p) => [p.name, bench.paramControl(p, (value) => set(p.name, value), until)]);
    fields.replaceChildren(...controls.map(([, control]) => control.el));
    setText(explain, chosen?.explain ?? "");
    setText(cite, chosen?.cite ?? "");
    repaint();
  }

  const runs = () => rivals.runs().slice(0, needs("methods") ? undefined : 1);

  return {
    el,
    fetch() {
      session.beside.catalogue((told) => {
        const first = all.length === 0;
        all = experimentsOf(told);
        if (first) {
          pick.setOptions(all.map(({ name, label }) => ({ value: name, label })));
          choose(all[0]?.name ?? "");
        } // what was chosen stays
      });
    },
    took(ms) {
      pace = asked > 0 ? ms / asked : pace;
    },
    label: (name) => all.find((one) => one.name === name)?.label,
    ask() {
      const { choice: now, card } = state ?? {};
      if (chosen === undefined || now === undefined || card === undefined || now.target === null) {
        return null;
      }
      asked = bill === null || bill.atMost ? 0 : weight(bill);
      const { target, method, layer, score, seed, model, image } = now;
      const methods = runs()
        .slice(1)
        .map((run) => run.method.name);
      const other = goesThere() ? towards.picture() : null;
      const maps = methods.length > 0 ? `${methods.length + 1} methods` : methodLabel(card, method);
      const of = [
        targetLabel(target, card.heads),
        needs("method") || needs("methods") ? maps : "",
        other === null ? "" : `towards ${other.name}`,
      ];
      const args: LabArgs = {
        ...{ experiment: chosen.name, params, image, target, method },
        ...{ method_params: now.params, score, layer, seed, ...(model === undefined ? {} : { model }) },
        ...(methods.length > 0 && { methods }),
        ...(other !== null && { other: other.id }),
      };
      return { args, called: chosen.label, of: of.filter(Boolean).join(" · ") };
    },
    problem() {
      if (chosen === undefined || state === null) {
        return " ";
      }
      if (needs("mask") && !state.masks.data?.length) {
        return "This picture has no mask to compare with.";
      }
      const own = methodOf(state.card, state.choice.method);
      const maps = needs("method") || needs("methods");
      return maps && own?.kind === "picture" ? `${own.label} makes a picture, not a map: choose another method.` : "";
    },
    update(next) {
      state = next;
      el.hidden = chosen === undefined;
      if (chosen === undefined) {
        return;
      }
      for (const [name, control] of controls) {
        control.set(params[name] ?? null);
      }
      towards.el.hidden = !goesThere() || next.album.count < 2;
      towards.update(next);
      rivals.el.hidden = !needs("methods");
      rivals.update(next);
      const input = currentPicture(next)?.input ?? [];
      bill = billOf(chosen, params, runs(), input);
      setText(price, billText(bill, pace));
    },
  };
}
