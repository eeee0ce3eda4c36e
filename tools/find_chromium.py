"""Print the path of a Chromium that runs, and with ``--install`` get one first if need be.

Looked for in this order: ``$CHROMIUM``; a browser on the machine; the one that Playwright keeps.
Then, with ``--install``: Playwright's download; Debian's package, for root. Otherwise one line
says what to install. Found by starting it (``--version``): a name on the PATH is not enough, since
Ubuntu's ``chromium-browser`` only says that it wants a snap.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# A page that shows text needs a font; Debian's chromium comes without one on a bare machine.
DEBIAN_PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")
HELP = (
    "no Chromium found: install one (Debian and Ubuntu: apt-get install chromium; elsewhere: "
    "`.venv/bin/python -m playwright install chromium`, or Google Chrome), or set CHROMIUM to "
    "the path of one"
)


class NoChromiumError(RuntimeError):
    """There is no Chromium to be had; the message says what to do."""


def runs(path: str) -> bool:
    """Whether `path` is a browser that starts far enough to say its version."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and "chrom" in said.stdout.lower()


def playwrights() -> str | None:
    """Return the path where Playwright keeps its Chromium, whether or not it is there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return str(playwright.chromium.executable_path)


def candidates() -> Iterator[str]:
    """Paths where a Chromium may be, likeliest first."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            yield found
    yield from (app for app in MAC_APPS if Path(app).exists())
    kept = playwrights()
    if kept and Path(kept).exists():
        yield kept


def find() -> str | None:
    """Return the path of a Chromium that runs, or None.

    Raises
    ------
    NoChromiumError
        If ``$CHROMIUM`` is set and names none: a wish is not quietly passed over.
    """
    wish = os.environ.get("CHROMIUM")
    if wish:
        found = shutil.which(wish)
        if found and runs(found):
            return found
        msg = f"CHROMIUM is set to {wish!r}, which does not run (`{wish} --version` fails)"
        raise NoChromiumError(msg)
    return next(filter(runs, candidates()), None)


def attempt(*command: str) -> None:
    """Run a command that may fail; its output goes to stderr, since stdout is for the path."""
    print(f"$ {' '.join(command)}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(command, stdout=sys.stderr, env=environment, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)


def download() -> None:
    """Let Playwright download its Chromium."""
    attempt(sys.executable, "-m", "playwright", "install", "chromium")


def install_package() -> None:
    """Install Debian's package, where that is possible without asking anyone."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        attempt("apt-get", "update", "-qq")
        attempt("apt-get", "install", "-y", "-qq", "--no-install-recommends", *DEBIAN_PACKAGES)


def find_or_install(ways: tuple[Callable[[], None], ...] = (download, install_package)) -> str:
    """Return the path of a Chromium that runs, trying each of `ways` to get one until it does.

    Raises
    ------
    NoChromiumError
        If none can be had.
    """
    found = find()
    for way in ways:
        if found:
            break
        way()
        found = find()
    if not found:
        raise NoChromiumError(HELP)
    return found


def main() -> int:
    """Print the path; exit with 1 and one line when there is none."""
    parser = argparse.ArgumentParser(description="Print the path of a Chromium that runs.")
    parser.add_argument("--install", action="store_true", help="get one if there is none")
    options = parser.parse_args()
    try:
        print(find_or_install() if options.install else find_or_install(ways=()))
    except NoChromiumError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
