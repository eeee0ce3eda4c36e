"""The smallest widget that streams: the harness and the message routing are tested on it, without torch.

A click sends `request`; the handler answers `accepted` with the name of its thread; a worker thread sends
frames with binary buffers, then `end`. Each frame fills the canvas with another grey.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import anywidget
import traitlets

PAGE = """
export default {
  initialize({ model }) {
    const said = (window.__tiny ??= { messages: [] }).messages;
    model.on("msg:custom", (message, buffers) => {
      said.push({ ...message, bytes: buffers.reduce((sum, b) => sum + b.byteLength, 0) });
    });
    window.__tiny.requests = 0;
  },
  render({ model, el, signal }) {
    el.innerHTML = `<button>click</button> <output></output><br><canvas width="32" height="16"></canvas>`;
    el.classList.add("tiny-widget");
    const show = () => { el.querySelector("output").textContent = model.get("label"); };
    const paint = (message) => {
      if (message.type !== "frame") return;
      const context = el.querySelector("canvas").getContext("2d");
      context.fillStyle = `rgb(${message.grey}, ${message.grey}, ${message.grey})`;
      context.fillRect(0, 0, 32, 16);
    };
    show();
    model.on("change:label", show);
    model.on("msg:custom", paint);
    signal?.addEventListener("abort", () => model.off("msg:custom", paint));
    el.querySelector("button").addEventListener("click", () => {
      window.__tiny.requests += 1;
      model.send({ type: "request", n: window.__tiny.requests });
    });
  },
};
"""


class TinyWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Streams `frames` grey pictures for each click.

    Parameters
    ----------
    cured : bool
        Whether ipykernel 7.4's routing by the last publisher is undone, as the product's widget does.
    """

    _esm = PAGE
    label = traitlets.Unicode("ready").tag(sync=True)

    def __init__(self, *, cured: bool = True, frames: int = 3, size: int = 50_000) -> None:
        self._cured = cured
        self._frames = frames
        self._payload = bytes(size)
        self._mailbox: queue.SimpleQueue[int] = queue.SimpleQueue()
        super().__init__()
        self.on_msg(self._handle)
        threading.Thread(target=self._work, daemon=True, name="tiny-worker").start()

    @traitlets.observe("comm")  # type: ignore[untyped-decorator, unused-ignore]
    def _answer_while_cells_run(self, change: Any) -> None:
        comm = change["new"]
        if self._cured and hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda _data, default: default

    def _handle(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        self._mailbox.put(content["n"])
        self.send({"type": "accepted", "n": content["n"], "on": threading.current_thread().name})

    def _work(self) -> None:
        while True:
            n = self._mailbox.get()
            for i in range(self._frames):
                grey = (40 * n + 10 * i) % 256
                self.send({"type": "frame", "n": n, "i": i, "grey": grey}, [self._payload])
                time.sleep(0.01)
            self.send({"type": "end", "n": n})
