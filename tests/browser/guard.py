"""Whether a page stayed clean: no error on its console, none uncaught, no request to another host."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page

HERE = {"127.0.0.1"}
# On a slow machine JupyterLab itself, at a reload, takes a node away twice (seen with no widget of ours on the page).
JUPYTERLABS = re.compile(r"removeChild.*/static/lab/", re.DOTALL)
WIDGETS = re.compile(r"blob:|data:|anywidget|saliency")  # where a widget's own code comes from
LOCAL_SCHEMES = {"data", "blob", "about"}


class PageGuard:
    """Listens to a page; `problems` is what a test must not leave behind."""

    def __init__(self, page: Page) -> None:
        self.problems: list[str] = []
        self.console: list[str] = []  # everything said, for the artifacts
        self._allowed: list[re.Pattern[str]] = []
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", lambda request: self._on_url(request.url))
        page.on("websocket", lambda websocket: self._on_url(websocket.url))

    def allow(self, pattern: str) -> None:
        """Let pass, from now on and in what was already seen, errors that match this expression."""
        self._allowed.append(re.compile(pattern, re.DOTALL))
        self.problems = [p for p in self.problems if not self._passes(p)]

    def check(self) -> None:
        """Fail if the page did what it must not.

        Raises
        ------
        AssertionError
            Naming each problem once.
        """
        if self.problems:
            raise AssertionError("the page was not clean:\n" + "\n".join(dict.fromkeys(self.problems)))

    def _passes(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self._allowed)

    def _note(self, problem: str) -> None:
        if not self._passes(problem):
            self.problems.append(problem)

    def _on_console(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        self.console.append(f"{message.type}: {message.text} ({where})")
        if message.type == "error":
            self._note(f"console error: {message.text} ({where})")

    def _on_error(self, error: Error) -> None:
        where = error.stack or error.message  # whose error it is can only be told by the files it came through
        self.console.append(f"uncaught: {where}")
        if JUPYTERLABS.search(where) and not WIDGETS.search(where):
            return
        self._note(f"uncaught error: {where}")

    def _on_url(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in LOCAL_SCHEMES and parts.hostname not in HERE:
            self._note(f"request to another host: {url}")
