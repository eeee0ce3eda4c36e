"""Make sure that torch and torchvision fit each other, and mend the one way in which they do not.

pip may take a CPU-only torch (``2.13.0+cpu``, from a folder of wheels that its configuration names)
together with the index's torchvision, which was built for the index's torch: each installs, and
importing both fails with "operator torchvision::nms does not exist". The cure is the same version
of torch from the index.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version


def import_error() -> str:
    """Import both in a fresh interpreter; return what went wrong, or nothing."""
    done = subprocess.run(
        [sys.executable, "-c", "import torch, torchvision"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else f"exit {done.returncode}")


def cure(installed: str) -> str | None:
    """Return the requirement that replaces a local build of torch by the index's, if it is one.

    ``===`` compares the text, so that ``2.13.0+cpu`` does not count as ``2.13.0``.

    >>> cure("2.13.0+cpu")
    'torch===2.13.0'
    >>> cure("2.13.0")
    """
    public, plus, _ = installed.partition("+")
    return f"torch==={public}" if plus else None


def main() -> int:
    """Check, mend, check again; exit with 1 and the cause when they do not fit."""
    error = import_error()
    requirement = cure(version("torch")) if error else None
    if requirement:
        print(f"torch {version('torch')} and torchvision do not fit; installing {requirement}")
        subprocess.run([sys.executable, "-m", "pip", "install", requirement], check=False)
        error = import_error()
    if error:
        print(f"torch and torchvision cannot be imported together: {error}", file=sys.stderr)
        print(
            "install both from one index in one resolution: "
            f"{sys.executable} -m pip install --force-reinstall torch torchvision",
            file=sys.stderr,
        )
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
