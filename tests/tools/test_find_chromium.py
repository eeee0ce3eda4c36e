"""A browser counts as found when it starts, and what cannot be found is told in one line."""

from __future__ import annotations

import pytest

import find_chromium as tool

WORKS = "#!/bin/sh\necho Chromium 140.0.0.0\n"
WANTS_A_SNAP = "#!/bin/sh\necho 'chromium-browser requires the chromium snap' >&2\nexit 1\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Make a machine that has only the browsers that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(tool, "MAC_APPS", ())
    monkeypatch.setattr(tool, "playwrights", lambda: None)

    def put(name, script):
        path = folder / name
        path.write_text(script)
        path.chmod(0o755)
        return str(path)

    return put


def test_a_browser_on_the_machine_is_found(machine):
    path = machine("google-chrome", WORKS)
    assert tool.find() == path


def test_a_stub_that_wants_a_snap_is_passed_over(machine):
    machine("chromium-browser", WANTS_A_SNAP)
    path = machine("google-chrome", WORKS)
    assert tool.find() == path


def test_a_wish_comes_first(machine, monkeypatch):
    machine("chromium", WORKS)
    wish = machine("my-own", WORKS)
    monkeypatch.setenv("CHROMIUM", wish)
    assert tool.find() == wish


def test_a_wish_that_does_not_run_is_an_error(machine, monkeypatch):
    machine("chromium", WORKS)
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(tool.NoChromiumError, match="/nowhere/chromium"):
        tool.find()


def test_playwrights_own_is_found_when_it_was_downloaded(machine, monkeypatch):
    path = machine("kept-by-playwright", WORKS)
    monkeypatch.setattr(tool, "playwrights", lambda: path)
    assert tool.find() == path


def test_ways_to_install_one_are_tried_in_turn_until_one_works(machine):
    tried = []

    def fails():
        tried.append("fails")

    def works():
        tried.append("works")
        machine("chromium", WORKS)

    def not_needed():
        tried.append("not needed")

    assert tool.find_or_install((fails, works, not_needed)).endswith("chromium")
    assert tried == ["fails", "works"]


def test_nothing_is_installed_where_one_is_found(machine):
    path = machine("chromium", WORKS)
    assert tool.find_or_install((lambda: pytest.fail("installed"),)) == path


@pytest.mark.usefixtures("machine")
def test_without_any_one_line_says_what_to_install():
    with pytest.raises(tool.NoChromiumError, match="apt-get install chromium") as error:
        tool.find_or_install(ways=())
    assert "\n" not in str(error.value)


def test_the_package_is_installed_for_root_alone(machine, monkeypatch):
    machine("apt-get", "#!/bin/sh\n")
    done = []
    monkeypatch.setattr(tool, "attempt", lambda *command: done.append(command))
    monkeypatch.setattr(tool.os, "geteuid", lambda: 1000)
    tool.install_package()
    assert done == []
    monkeypatch.setattr(tool.os, "geteuid", lambda: 0)
    tool.install_package()
    assert [command[:2] for command in done] == [("apt-get", "update"), ("apt-get", "install")]
