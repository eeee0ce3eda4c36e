"""Run browser tests on several versions of ipykernel: which shell of a kernel answers a click has changed twice.

    python tools/kernel_matrix.py [pytest arguments]

Each version gets an environment below .cache/kernels/ that has ipykernel and nothing else of its own; all the rest, torch
too, comes from the environment that runs this script. JupyterLab and the tests stay in that one as well: only the kernels
are another's (``SW_KERNEL_PYTHON``, see tests/browser/conftest.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / ".cache" / "kernels"
VERSIONS = ("6.31.*", "7.3.*", ">=7.4")
TESTS = (
    "tests/browser/test_routing.py",
    "tests/browser/test_harness.py::test_a_click_is_answered_while_a_cell_runs",
)


def environment(version: str) -> Path:
    """Make the environment of one version unless it is there, and return its Python."""
    home = KERNELS / version.strip(">=.*")
    python = home / "bin" / "python"
    borrowed = home / "borrowed"
    if not borrowed.is_file():
        print(f"making {home.relative_to(ROOT)}", flush=True)
        venv.create(home, clear=True)
        folder = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        wanted = f"ipykernel{version}" if version.startswith(">") else f"ipykernel=={version}"
        # nest-asyncio: 6.x needs it, and 7.x, which the borrowed packages fit, does not.
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", folder, wanted, "nest-asyncio"], check=True)
        # Its own folder stands before this one, so that its ipykernel is the one that is imported.
        (Path(folder) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        borrowed.touch()
    return python


def main() -> int:
    """Run the tests on each version; the exit status is 1 if any failed."""
    failed = []
    for version in VERSIONS:
        python = environment(version)
        code = "import ipykernel; print(ipykernel.__version__)"
        found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
        print(f"\n=== ipykernel {found} ===", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *(sys.argv[1:] or TESTS)],
            cwd=ROOT,
            env={**os.environ, "SW_KERNEL_PYTHON": str(python)},
            check=False,
        )
        if done.returncode:
            failed.append(found)
    print(f"\nfailed on ipykernel {', '.join(failed)}" if failed else "\nall versions passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
