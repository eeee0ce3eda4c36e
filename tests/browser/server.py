"""One JupyterLab server on 127.0.0.1 for a whole test session; it knows nothing of pages or widgets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "tested"

# What a person would click away, or what would make a cell hard to find: no news, no update checks,
# every cell in the document (not only those in sight).
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LabServer:
    """A JupyterLab in a folder of its own: settings, kernels, notebooks and log are all below `home`.

    Parameters
    ----------
    home : Path
        An empty folder. Notebooks live in ``home/notebooks``.
    kernel_python : str
        The Python that runs the kernels. Another environment's is how the tests meet another ipykernel.
    """

    module = "jupyterlab"
    """What `python -m` runs."""

    def __init__(self, home: Path, kernel_python: str = sys.executable) -> None:
        self.home = home
        self.notebooks = home / "notebooks"
        self.log = home / "server.log"
        self.kernel_python = kernel_python
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 90) -> None:
        """Start the server and wait until it answers.

        Raises
        ------
        RuntimeError
            If it ends, or does not answer in time; the message has the end of its log.
        """
        self.notebooks.mkdir(parents=True)
        for name, values in SETTINGS.items():
            file = self.home / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        self._write_kernel()
        # A session of its own, so that stop() can end the whole group.
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self._arguments()],
                cwd=self.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                message = f"JupyterLab did not start on {self.url}; its log ends:\n{self.log_tail()}"
                raise RuntimeError(message)
            time.sleep(0.1)

    def address(self, notebook: Path) -> str:
        """Return where a notebook is opened, in a workspace of its own: a shared one reopens other tests' at a reload."""
        return f"{self.url}/doc/workspaces/{uuid.uuid4().hex}/tree/{notebook.name}"

    def stop(self) -> None:
        """End the server, its kernels and whatever else is in its process group."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            # Kernels are in groups of their own: only the server itself ends them.
            with suppress(OSError, subprocess.TimeoutExpired):
                self._post("/api/shutdown")
                process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)

    def log_tail(self, lines: int = 60) -> str:
        """Return the last lines of the server's log (the kernels' stderr is in it too)."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _arguments(self) -> list[str]:
        arguments = [
            "--no-browser",
            "--expose-app-in-browser",  # window.jupyterapp, which the tests drive
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.answer_yes=True",
            f"--ServerApp.root_dir={self.notebooks}",
            "--IdentityProvider.token=",
            "--PasswordIdentityProvider.hashed_password=",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=",
            "--LabApp.extension_manager=readonly",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            arguments.append("--allow-root")  # JupyterLab refuses root unless told
        return arguments

    def _environment(self) -> dict[str, str]:
        home = self.home
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "MPLBACKEND"))}
        return kept | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "IPYTHONDIR": str(home / "ipython"),
        }

    def _write_kernel(self) -> None:
        """Write a kernel spec of our own: whatever kernels the machine has, this one runs."""
        folder = self.home / "data" / "kernels" / KERNEL
        folder.mkdir(parents=True)
        spec = {
            "argv": [self.kernel_python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Tested",
            "language": "python",
            # The package as it is in the checkout, and `browser.tiny_widget`.
            "env": {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        }
        (folder / "kernel.json").write_text(json.dumps(spec))

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/status", timeout=2) as reply:  # noqa: S310
                return bool(reply.status == 200)
        except OSError:
            return False

    def _post(self, path: str) -> None:
        request = urllib.request.Request(self.url + path, data=b"", method="POST")  # noqa: S310
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310


class NotebookServer(LabServer):
    """The same for Jupyter Notebook 7."""

    module = "notebook"

    def address(self, notebook: Path) -> str:
        """Return where a notebook is opened."""
        return f"{self.url}/notebooks/{notebook.name}"
