"""Builds the page when it is missing, so that no wheel or editable install can go without it.

This is not how the page is rebuilt after a change (``make build`` is): a page that is there is
taken as it is, which also lets a source distribution be installed on a machine without Node.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = ("widget.js", "widget.css", "studio.js")


class PageBuildError(RuntimeError):
    """The page is missing and cannot be built here."""


class PageBuildHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and ``npm run build`` in ``js/`` unless the page is there already."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files of a wheel or source distribution."""
        del version, build_data  # an editable install needs the page as much as a wheel does
        build_page(Path(self.root))


def build_page(root: Path) -> None:
    """Build the page of the checkout or source distribution at `root` unless it is there.

    Raises
    ------
    PageBuildError
        If the sources of the page or npm are missing, or npm fails.
    """
    static = root / "saliency_widget" / "static"
    if all((static / name).is_file() for name in PAGE):
        return
    js = root / "js"
    if not (js / "package-lock.json").is_file():
        msg = f"no built page in {static} and no sources to build it from in {js}"
        raise PageBuildError(msg)
    npm = shutil.which("npm")
    if npm is None:
        msg = (
            "the page of saliency-widget is not built yet and building it needs npm, which is not "
            "on the PATH: install Node.js 20 or newer, or install a released wheel, which has it"
        )
        raise PageBuildError(msg)
    if not is_current(js / "node_modules" / ".package-lock.json", js / "package-lock.json"):
        run(npm, "ci", cwd=js)
    run(npm, "run", "build", cwd=js)


def is_current(made: Path, source: Path) -> bool:
    """Whether `made` exists and is no older than what it was made from."""
    return made.is_file() and made.stat().st_mtime >= source.stat().st_mtime


def run(*command: str, cwd: Path) -> None:
    """Run a command whose output is shown only if it fails: pip hides it anyway."""
    done = subprocess.run(  # noqa: S603 # npm from the PATH, constant arguments
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        said = done.stdout.strip()
        msg = f"`{' '.join(command[1:])}` failed in {cwd} (exit {done.returncode}):\n{said}"
        raise PageBuildError(msg)
