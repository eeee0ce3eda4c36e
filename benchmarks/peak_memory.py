"""Measures how much memory one way of computing a map takes beyond the loaded model, in a process of its own.

    python benchmarks/peak_memory.py integrated_gradients resnet50 ours

On a CPU it is the largest resident memory while the map is computed, less what was resident before, after a first gradient (so
that libraries are loaded and the network has run once). On a GPU it is what PyTorch's allocator held at most, less what it
held before. Linux can forget a peak that came before, as while the model was loaded; elsewhere that one may hide
ours, and the figure says that it is a lower bound. What a library keeps from its first gradient on, such as a working copy of
the weights, counts as loaded.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import resource
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

__all__ = ["Peak", "main", "measure", "peak_of"]

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Peak:
    """What one contender took.

    Attributes
    ----------
    case, network, contender : str
    extra : int or None
        Bytes beyond the loaded model; None where it did not run.
    exact : bool
        Whether a peak before could be left out; a lower bound otherwise.
    why : str
        Why it did not run.
    """

    case: str
    network: str
    contender: str
    extra: int | None
    exact: bool = True
    why: str = ""


def peak_of(
    case: str, network: str, contender: str, *, device: str = "cpu", batch: int | None = None, steps: int = 50
) -> Peak:
    """Measure one contender in a process of its own.

    Parameters
    ----------
    case, network : str
    contender : str
        A label such as ``"ours"``, ``"captum"`` or ``"captum at its best"``.
    device : str
    batch : int, optional
        The batch size of a peer at its best.
    steps : int
    """
    command = [sys.executable, __file__, case, network, contender, "--device", device, "--steps", str(steps)]
    command += [] if batch is None else ["--batch", str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        why = lines[-1] if lines else f"its process ended with {done.returncode}"
        return Peak(case, network, contender, None, why=why)
    return Peak(**json.loads(done.stdout.splitlines()[-1]))


def measure(
    case: str, network: str, contender: str, device: str = "cpu", batch: int | None = None, steps: int = 50
) -> Peak:
    """Measure one contender in this process, which nothing else should have happened in.

    Raises
    ------
    ValueError
        If the case has no such contender.
    """
    from speed_cases import CASES
    from speed_runs import BEST, OURS
    from speed_subjects import load

    s = load(network, device, steps)
    chosen = CASES[case]
    if contender == OURS:
        run = chosen.ours(s)
    else:
        library, best = contender.removesuffix(BEST), contender.endswith(BEST)
        peer = next((one for one in chosen.peers if one.library == library), None)
        make = None if peer is None else (peer.best if best else peer.defaults)
        if peer is not None and best and peer.batched is not None:
            run = peer.batched(s, batch)
        elif make is not None:
            run = make(s)
        else:
            message = f"case '{case}' has no contender '{contender}'"
            raise ValueError(message)
        # What the others share with nobody must have run once, as ours has.
        x = s.x.clone().requires_grad_()
        torch.autograd.grad(s.module(x)[:, s.target].sum(), x)
        del x
    gc.collect()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        return Peak(case, network, contender, torch.cuda.max_memory_allocated() - before)
    _give_back()
    exact = _forget()
    before = _resident("VmRSS") if exact else _highest()
    run()
    return Peak(case, network, contender, max(0, _highest() - before), exact)


def _give_back() -> None:
    """Give free memory back to the system, or it would be counted as taken before; where the C library can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _forget() -> bool:
    """Forget the largest resident memory so far, where that can be done."""
    try:
        _FORGET.write_text("5", encoding="ascii")
    except OSError:
        return False
    return _STATUS.exists()


def _highest() -> int:
    """Return the largest resident memory, in bytes.

    On Linux ``ru_maxrss`` begins at what the process had that started this one, so the kernel's own mark is read.
    """
    if _STATUS.exists():
        return _resident("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident(mark: str) -> int:
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{mark}:"))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("network")
    parser.add_argument("contender")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "0")))
    given = vars(parser.parse_args())
    if threads := given.pop("threads"):
        torch.set_num_threads(threads)
    warnings.simplefilter("ignore")
    print(json.dumps(asdict(measure(**given))))


if __name__ == "__main__":
    main()
