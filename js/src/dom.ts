// Makes elements and changes them only when something changed; the page's whole "framework".

type Attributes = Record<string, string | number | boolean | null | undefined>;

/** An element with attributes (true: empty, false/null: none) and children. `class` gets the page's prefix. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      element.removeAttribute(name);
    } else {
      const text = value === true ? "" : String(value);
      // Writing the same value again would wake observers and, for aria, screen readers.
      if (element.getAttribute(name) !== text) {
        element.setAttribute(name, text);
      }
    }
  }
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

let ids = 0;

/** An id that no other widget or view on the page has. */
export function uniqueId(what: string): string {
  ids += 1;
  return `sw-${what}-${ids}-${Math.random().toString(36).slice(2, 8)}`;
}

/** Runs `update` only when one of the inputs is another than last time. */
export function onChange<A extends readonly unknown[]>(update: (...inputs: A) => void): (...inputs: A) => void {
  let last: A | null = null;
  return (...inputs) => {
    if (last === null || inputs.some((input, i) => !Object.is(input, last?.[i]))) {
      last = inputs;
      update(...inputs);
    }
  };
}

/** A part of the page: its element, and how it takes a new state. */
export interface Part<S> {
  readonly el: HTMLElement;
  update(state: S): void;
}
