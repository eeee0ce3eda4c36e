// The maps of the panels: those that the page has, those that the kernel computes now, and the request for the rest.
import type { Cell } from "./cells.ts";
import { runsOf } from "./cells.ts";
import { type MapData, splitMaps } from "./maps.ts";
import type { Card } from "./protocol.ts";
import type { Session } from "./session.ts";
import { sameTarget } from "./targets.ts";

/** A map can be lost to a click that came between; what is missing at the end is asked for again, so many times. */
const AGAIN = 2;

export interface Wanted {
  /** Which panels there are now; asks for what is missing if they are others than before. */
  set(cells: readonly Cell[]): void;
  /** The finished map of a panel, else its running one, else null. */
  map(cell: Cell): MapData | null;
  /** How many panels wait, and what is in the way. */
  state(): { waiting: number; running: boolean; problem: string };
  /** Asks for no more, and takes back what was asked for. */
  stop(): void;
}

export function createWanted(session: Session, changed: () => void, signal: AbortSignal): Wanted {
  let cells: readonly Cell[] = [];
  let asked = "";
  let tries = 0;
  let running: MapData[] = [];
  let cancel: (() => void) | null = null;
  let problem = "";
  /** Counts the requests, so that what comes of an older one is told apart. */
  let turn = 0;

  const card = (): Card => session.store.get().card;
  const known = (cell: Cell): MapData | undefined => session.library.find(cell.args, card());
  const missing = (): Cell[] => cells.filter((cell) => known(cell) === undefined);

  function ask(): void {
    const rest = missing();
    cancel?.();
    cancel = null;
    running = [];
    problem = "";
    if (rest.length === 0) {
      return;
    }
    turn += 1;
    const mine = turn;
    cancel = session.beside.ask({ kind: "grid", args: { cells: runsOf(rest) } }, (news) => {
      if (mine !== turn) {
        return;
      }
      if (news.type === "cell") {
        running = splitMaps(news, news.values, {
          image: news.image,
          model: news.args.model,
          job: news.job,
          seq: news.seq,
        });
      } else if (news.type === "lost") {
        ended("Kernel disconnected.");
      } else if (news.type === "end") {
        ended(news.status === "error" ? (news.message ?? "Something went wrong.") : "");
      }
      changed();
    });
  }

  function ended(why: string): void {
    cancel = null;
    running = [];
    problem = why;
    tries += 1;
    if (why === "" && tries <= AGAIN && asked !== "" && missing().length > 0) {
      // What was sent while nothing was on its way may still come: it is asked for after that.
      setTimeout(() => asked !== "" && !signal.aborted && cancel === null && ask(), 250);
    }
  }

  signal.addEventListener("abort", () => cancel?.());
  return {
    set(next) {
      cells = next;
      const key = JSON.stringify([card().revision, card().models, next.map(({ args }) => args)]);
      if (key !== asked) {
        asked = key;
        tries = 0;
        ask();
      }
    },
    map(cell) {
      const [target] = cell.args.targets;
      const runs = (map: MapData): boolean =>
        map.model === (cell.args.model ?? "") &&
        map.method === cell.args.method &&
        map.image === cell.args.image &&
        sameTarget(map.target, target ?? null);
      return known(cell) ?? running.find(runs) ?? null;
    },
    state: () => ({ waiting: missing().length, running: cancel !== null, problem }),
    stop() {
      turn += 1;
      asked = "";
      cells = [];
      running = [];
      cancel?.();
      cancel = null;
    },
  };
}
