"""What all tests share: where things are, which browser to drive, and quiet surroundings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import find_chromium

ROOT = Path(__file__).resolve().parent.parent

# Before anything imports torch: on a machine that does something else too, two threads spend their time waiting for each
# other, and networks as small as ours gain nothing from them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before anything imports matplotlib: figures without a display.
os.environ.setdefault("MPLBACKEND", "Agg")

# Before anything imports huggingface_hub or transformers, which read these once: no test waits for, or depends on, a hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by `-m`
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by place and by machine: tests/browser drives Chromium, `gpu` needs one."""
    for item in items:
        if ROOT / "tests" / "browser" in item.path.parents:
            item.add_marker(pytest.mark.browser)
        if item.get_closest_marker("gpu") and not has_gpu():
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))


def has_gpu() -> bool:
    """Whether torch sees a CUDA device."""
    import torch  # slow, and only asked for when a test is marked

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium to drive; `make browser` puts it into the environment."""
    try:
        return find_chromium.find_or_install(ways=())
    except find_chromium.NoChromiumError as error:
        pytest.fail(str(error), pytrace=False)
