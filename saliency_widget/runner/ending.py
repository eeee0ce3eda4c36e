"""How a job's steps end before their time: they were cancelled, let go of, or raised; what is done then is the caller's."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from saliency_widget.compute import Cancelled

__all__ = ["Ending"]


class Ending:
    """A ``with`` around a job's steps that lets nothing out of them but the letting go itself.

    Parameters
    ----------
    stopped : callable
        Called after a cancellation, and where the thread lets go of a job that has not finished.
    failed : callable
        Called with any other error; ``SystemExit`` in a user's model too must end the job, not the thread.
    """

    def __init__(self, stopped: Callable[[], object], failed: Callable[[BaseException], object]) -> None:
        self._stopped = stopped
        self._failed = failed

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> bool:
        """Say how it ended."""
        if isinstance(error, Cancelled | GeneratorExit):
            self._stopped()
        elif error is not None:
            self._failed(error)
        return not isinstance(error, GeneratorExit)
