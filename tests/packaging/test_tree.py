"""What is committed is ours, small, and true on every machine."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
WEIGHTS_LIMIT = 20_000_000

# Assembled, so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile(
    r"(?<![\w./-])(?:/" + "work/|/" + "root/|/" + "home/[a-z]|/" + "opt/(?:wheels|pypi)|"
    r"/" + "tmp/[a-z]|C:" + r"\\Users)"
)
REGISTRIES = re.compile(r"registry\.npm" + r"js|python" + r"hosted|pypi\." + r"org|deb\.de" + r"bian\.org")


def tracked() -> list[Path]:
    """Files that git has or would take (not ignored), and that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def text_of(path: Path) -> str:
    """The file's text; of a file that is none, nothing."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["paths", "registries"])
def test_no_file_names_somebodys_machine_or_registry(pattern):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["see /" + "work/main/x", '"/' + 'tmp/report"', "cd /" + "root/", "`/" + "home/ann/x`"],
)
def test_a_machine_path_is_seen(line):
    assert MACHINE_PATHS.search(line)


def test_the_weights_together_are_small():
    sizes = {path.name: path.stat().st_size for path in tracked() if path.suffix == ".safetensors"}
    assert sum(sizes.values()) < WEIGHTS_LIMIT, sizes


def test_nothing_that_is_built_is_committed():
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    built = re.compile(r"(^|/)(node_modules|static|__pycache__|dist|\.venv)/|\.whl$")
    assert [name for name in names if built.search(name)] == []


def notebooks() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".ipynb"]


def test_notebooks_are_committed_without_outputs():
    dirty = [
        f"{path.name}, cell {number}"
        for path in notebooks()
        for number, cell in enumerate(json.loads(text_of(path))["cells"])
        if cell.get("outputs") or cell.get("execution_count")
    ]
    assert dirty == [], "clear them: Edit, Clear Outputs of All Cells"


def test_notebooks_hold_no_widget_state():
    kept = [path.name for path in notebooks() if "widgets" in json.loads(text_of(path))["metadata"]]
    assert kept == []


def test_the_lock_file_has_every_platform_and_no_address():
    """What npm could not find it leaves out, silently: then `npm ci` fails elsewhere."""
    packages = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))["packages"]
    missing = [
        f"{needed} of {name}"
        for name, package in packages.items()
        for needed in package.get("optionalDependencies", {})
        if f"node_modules/{needed}" not in packages and f"{name}/node_modules/{needed}" not in packages
    ]
    assert missing == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
