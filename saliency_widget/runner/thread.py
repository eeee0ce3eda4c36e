"""The one thread per device on which all widgets of the process compute, by priority and in turn; it knows no widget."""

from __future__ import annotations

import atexit
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import torch

__all__ = ["ComputeThread", "Lane", "Priority", "Schedule", "Task", "compute_thread", "on_compute_thread"]

_log = logging.getLogger("saliency_widget")

_NAME = "saliency-compute"
_GOODBYE_S = 2.0


class Priority(IntEnum):
    """What is computed first: the smaller number."""

    NOW = 0
    """Short, and somebody waits: a prediction, an occluded picture."""
    EXPLAIN = 1
    GRID = 2
    """Many maps beside the one that was clicked."""
    IDLE = 3


@dataclass
class Lane:
    """The turns of one widget, so that none starves; each session keeps one."""

    turn: int = 0


@dataclass(eq=False)
class Task:
    """A job as the compute thread sees it.

    Attributes
    ----------
    steps : callable
        Makes an iterator; the thread may run other tasks between two of its steps.
    lane : Lane
        The widget's.
    priority : Priority
    fail : callable
        Called with the error if the thread dies under the task, or the task raises.
    stop : callable
        Asks a step that is being run to end soon.
    hurried : bool
        Whether the task was told to stop, so that it is wound up before anything else is computed.
    """

    steps: Callable[[], Iterator[None]]
    lane: Lane
    priority: Priority
    fail: Callable[[BaseException], None]
    stop: Callable[[], None]
    hurried: bool = False
    running: Iterator[None] | None = None
    order: int = field(default_factory=itertools.count().__next__)


class Schedule:
    """Which task's step comes next; it runs one when told to, on the calling thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tasks: list[Task] = []
        self._current: Task | None = None
        self._turns = itertools.count(1)

    def submit(self, task: Task) -> None:
        """Queue a task."""
        with self._changed:
            self._tasks.append(task)
            self._changed.notify_all()

    def discard(self, task: Task) -> bool:
        """Take a task out that has not begun; returns whether it was so."""
        with self._changed:
            if task in self._tasks and task.running is None:
                self._tasks.remove(task)
                return True
            return False

    def hurry(self, task: Task) -> None:
        """Wind a task up, that was told to stop, before anything else is computed."""
        with self._changed:
            task.hurried = True

    def turn(self) -> bool:
        """Run one step of the task whose turn it is; returns whether there was one."""
        task = self._take()
        if task is None:
            return False
        if self._step(task):
            with self._changed:
                self._tasks.append(task)
        self._current = None
        return True

    def _take(self) -> Task | None:
        with self._changed:
            if not self._tasks:
                return None
            task = min(self._tasks, key=lambda t: (not t.hurried, t.priority, t.lane.turn, t.order))
            self._tasks.remove(task)
            task.lane.turn = next(self._turns)
            if task.running is None:
                task.running = task.steps()
            self._current = task
            return task

    @staticmethod
    def _step(task: Task) -> bool:
        """Run a task up to its next estimate; returns whether there is more to come."""
        assert task.running is not None  # noqa: S101 - _take has set it
        try:
            next(task.running)
        except StopIteration:
            return False
        except BaseException as error:  # noqa: BLE001 - SystemExit from a user's model must not end all widgets
            task.fail(error)
            return False
        return True


class ComputeThread(Schedule):
    """A schedule with a thread of its own, which is started at first use and again if it died.

    Parameters
    ----------
    device : str
        For its name.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device
        self._thread: threading.Thread | None = None
        self._stopping = False

    def submit(self, task: Task) -> None:
        """Queue a task, and start the thread if it does not run."""
        with self._changed:
            super().submit(task)
            self._ensure()

    def stop(self, timeout: float = _GOODBYE_S) -> None:
        """Run no further step; waits for the one that runs, but not for long."""
        with self._changed:
            self._stopping = True
            thread, current = self._thread, self._current
            self._changed.notify_all()
        if current is not None:
            current.stop()
        if thread is not None:
            thread.join(timeout)

    def _ensure(self) -> None:
        if not self._stopping and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._main, name=f"{_NAME}-{self._device}", daemon=True)
            self._thread.start()

    def _main(self) -> None:
        try:
            # Nothing of a task may be held here while the thread waits, or a closed widget would live on in it.
            while self._wait():
                self.turn()
        except BaseException as error:  # noqa: BLE001 - what else would end the thread
            _log.exception("the compute thread of %s died; it is started again", self._device)
            self._bury(error)

    def _wait(self) -> bool:
        with self._changed:
            while not self._tasks and not self._stopping:
                self._changed.wait()
            return not self._stopping

    def _bury(self, error: BaseException) -> None:
        """End the task under which the thread died, and let the others go on in a new one."""
        with self._changed:
            task, self._current = self._current, None
            self._thread = None
        if task is not None:
            try:
                task.fail(error)
            except BaseException:  # noqa: BLE001 - the thread is dying already
                _log.exception("a job could not be ended")
        with self._changed:
            if self._tasks:
                self._ensure()


_threads: dict[str, ComputeThread] = {}
_threads_lock = threading.Lock()


def compute_thread(device: torch.device | str) -> ComputeThread:
    """Return the thread that computes on a device, the same for every widget."""
    chosen = torch.device(device)
    name = chosen.type if chosen.index is None else f"{chosen.type}:{chosen.index}"
    if name == "cuda":
        name = "cuda:0"
    with _threads_lock:
        return _threads.setdefault(name, ComputeThread(name))


def on_compute_thread() -> bool:
    """Whether the calling thread is one of these."""
    return threading.current_thread().name.startswith(_NAME)


@atexit.register
def _stop_all() -> None:
    """Leave torch before the interpreter goes: a daemon thread that is killed inside it can crash the process."""
    for thread in list(_threads.values()):
        thread.stop()
