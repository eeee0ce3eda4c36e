"""The build hook calls npm when the page is missing, and only then; a stand-in for npm tells."""

from __future__ import annotations

import importlib.util
import os

import pytest

FAKE_NPM = """#!/bin/sh
echo "$@" >> "$NPM_CALLS"
[ "$1" = "$NPM_FAILS" ] && { echo "npm could not do it" >&2; exit 3; }
exit 0
"""


@pytest.fixture(scope="module")
def hook(root):
    spec = importlib.util.spec_from_file_location("hatch_build", root / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Make a checkout with sources of a page, no page, and an npm that only takes notes."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "npm").write_text(FAKE_NPM)
    (tools / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.setenv("NPM_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("NPM_FAILS", "nothing")
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "package-lock.json").write_text("{}")
    return tmp_path


def calls(checkout):
    notes = checkout / "calls"
    return notes.read_text().splitlines() if notes.exists() else []


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_a_missing_page_is_built_after_its_tools_are_installed(hook, checkout):
    hook.build_page(checkout)
    assert calls(checkout) == ["ci", "run build"]


def test_a_page_that_is_there_is_left_alone(hook, checkout):
    put(checkout / "saliency_widget/static/widget.js")
    put(checkout / "saliency_widget/static/widget.css")
    put(checkout / "saliency_widget/static/studio.js")
    hook.build_page(checkout)
    assert calls(checkout) == []


def test_a_page_without_its_style_sheet_is_a_missing_page(hook, checkout):
    put(checkout / "saliency_widget/static/widget.js")
    hook.build_page(checkout)
    assert calls(checkout) == ["ci", "run build"]


def test_tools_that_are_installed_are_not_installed_again(hook, checkout):
    put(checkout / "js/node_modules/.package-lock.json")
    hook.build_page(checkout)
    assert calls(checkout) == ["run build"]


def test_tools_older_than_the_lock_file_are_installed_again(hook, checkout):
    old = put(checkout / "js/node_modules/.package-lock.json")
    os.utime(old, (0, 0))
    hook.build_page(checkout)
    assert calls(checkout) == ["ci", "run build"]


def test_a_failing_npm_is_quoted(hook, checkout, monkeypatch):
    monkeypatch.setenv("NPM_FAILS", "ci")
    with pytest.raises(hook.PageBuildError, match=r"`ci` failed.*\nnpm could not do it"):
        hook.build_page(checkout)


def test_without_sources_the_error_says_where_they_were_looked_for(hook, checkout):
    (checkout / "js" / "package-lock.json").unlink()
    with pytest.raises(hook.PageBuildError, match="no sources to build it from"):
        hook.build_page(checkout)
