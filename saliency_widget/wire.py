"""The widget's end of its session: messages out, synced values written, news of them held back; it decides nothing."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import sys
import threading
import weakref
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets as t

from saliency_widget import protocol

if TYPE_CHECKING:
    from saliency_widget.widget import SaliencyWidget

__all__ = ["KERNELS", "Wire", "module", "packed", "page"]

_log = logging.getLogger("saliency_widget")

_UNPACK = """\
// saliency-widget, compressed; the readable sources are in js/src of its repository.
const bytes = Uint8Array.from(atob("DATA"), (c) => c.charCodeAt(0));
const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
const { script, styles, card } = JSON.parse(text);
const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
const { default: widget } = await import(url);
URL.revokeObjectURL(url);
export default () => widget(styles, card);
"""

_STATIC = Path(__file__).parent / "static"

KERNELS = frozenset(
    [
        *("card", "images", "base", "predictions", "result", "result_data", "status"),
        *("gallery", "masks", "masks_data"),
        *("image", "target", "method", "params", "score", "layer", "seed", "tolerance", "model"),
    ]
)
"""The synced values that only the kernel writes, but for `locked`, which is no part of a job and told at once."""


class Wire:
    """What a session needs of its widget, without keeping the widget alive.

    A value that the kernel writes is readable at once. That it changed is sent with the end of the job, in one message,
    and told to who observes it on the compute thread: a handler of the page's messages must not run a user's code, and
    traits set one by one from several threads would reach the page in pieces.

    Parameters
    ----------
    widget : SaliencyWidget
    lock : RLock
        The session's.
    """

    def __init__(self, widget: SaliencyWidget, lock: threading.RLock) -> None:
        self._widget = weakref.ref(widget)
        self._lock = lock
        self._unsent: set[str] = set()
        self._untold: list[t.Bunch] = []

    def holds(self, change: t.Bunch) -> bool:
        """Hold back the news of a change, if it is the kernel's."""
        if change["name"] not in KERNELS:
            return False
        with self._lock:
            self._unsent.add(change["name"])
            self._untold.append(change)
        return True

    def send(self, kind: str, fields: Mapping[str, Any], data: bytes | None = None) -> None:
        """Send a message to all pages."""
        widget = self._widget()
        if widget is None:
            return
        if kind == "welcome":
            fields = {**fields, "ipykernel": getattr(sys.modules.get("ipykernel"), "__version__", "")}
        widget.send(protocol.message(kind, fields), None if data is None else [data])

    def write(self, state: Mapping[str, Any]) -> None:
        """Set synced values. The lock is held."""
        widget = self._widget()
        if widget is not None:
            for name, value in state.items():
                widget.set_trait(name, value)

    def resend(self) -> None:
        """Send all synced values once more. The lock is held."""
        self._unsent = {*KERNELS, "locked"}
        self.sync()

    def sync(self) -> None:
        """Send what was written since the last time. The lock is held."""
        names, self._unsent = self._unsent, set()
        widget = self._widget()
        if widget is not None:
            widget.send_state(names)

    def tell(self) -> None:
        """Call who observes what was written since the last time: a user's code, so without the lock."""
        with self._lock:
            changes, self._untold = self._untold, []
        news: dict[str, t.Bunch] = {}
        for change in changes:
            before = news.get(change["name"], change)["old"]
            news[change["name"]] = t.Bunch(change, old=before)
        widget = self._widget()
        if widget is None:
            return
        for change in news.values():
            try:
                t.HasTraits.notify_change(widget, change)
            except Exception:  # noqa: BLE001 - a user's mistake must not end the job
                _log.exception("who observes '%s' failed", change["name"])


def packed(script: str, styles: str, card: Mapping[str, Any]) -> str:
    """Return a script that unpacks and runs the page: a saved notebook carries it once for each widget, at half the bytes.

    The browsers that the page is built for all have ``DecompressionStream``.

    Parameters
    ----------
    script, styles : str
        The page's.
    card : mapping
        The first value of the trait, so that the methods' texts and the classes' names are packed too.
    """
    return _packed(json.dumps({"script": script, "styles": styles, "card": card}, separators=(",", ":")))


@lru_cache(maxsize=2)
def _packed(text: str) -> str:
    data = base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
    return _UNPACK.replace("DATA", data)


def page(name: str) -> str:
    """Return a file of the built page.

    Raises
    ------
    FileNotFoundError
        If the page was never built.
    """
    path = _STATIC / name
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = (
            f"the page has not been built: there is no {path}; run `make build` in the repository, or install the wheel"
        )
        raise FileNotFoundError(text) from None


MODULES = ("studio",)
"""Parts of the page that only work with a kernel: it hands them out, so that a saved notebook need not carry them."""


def module(page_id: str, name: str) -> tuple[str, dict[str, Any], bytes | None]:
    """Return the answer to a page that wants a part of its own code: a message's kind, fields and data."""
    if name not in MODULES:
        known = ", ".join(MODULES)
        return "module", {"page": page_id, "name": name, "problem": f"there is no part '{name}'; known: {known}"}, None
    try:
        return "module", {"page": page_id, "name": name, "problem": None}, page(f"{name}.js").encode()
    except FileNotFoundError as error:
        return "module", {"page": page_id, "name": name, "problem": str(error)}, None
