"""`SaliencyWidget`: the synced traits and the Python API; it computes nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget
import traitlets as t

from saliency_widget import protocol
from saliency_widget.answering import answer
from saliency_widget.errors import SaliencyError
from saliency_widget.explanation import Explanation
from saliency_widget.runner import Closed, Job, Session, choose, portrait, saved
from saliency_widget.runner.adding import begun
from saliency_widget.runner.cells import close_earlier, current_run, remember
from saliency_widget.runner.gallery import gallery
from saliency_widget.runner.locks import Locks
from saliency_widget.runner.roster import models_of
from saliency_widget.runner.state import IDLE
from saliency_widget.shows import Shows
from saliency_widget.wire import Wire, packed, page

__all__ = ["SaliencyWidget"]

_log = logging.getLogger("saliency_widget")


class _Chosen(t.Any):
    """A synced value that is part of the choice: assigning it asks for a job, which is what changes it."""

    def __set__(self, obj: Any, value: Any) -> None:
        obj._ask({self.name: value})  # noqa: SLF001


class SaliencyWidget(Shows, anywidget.AnyWidget):
    """Shows which pixels made a model say what it says, live.

    Everything is checked here, so that what is wrong appears in the cell; then the first job starts.

    Parameters
    ----------
    model : ImageModel or torch.nn.Module, or a dict of names to several
        A raw module is wrapped; its heads are found by running it once. Several, which need the same heads, are compared on the
        page.
    images : one image, a list of them, or a data set
        Each a path, bytes, a Pillow image, an array (H, W[, C]) or a tensor (C, H, W), or a scene of ``sw.demo``, which brings
        its labels and masks. A ``torch.utils.data.Dataset`` gives images, (image, label) or (image, label, mask); it is read one
        by one, when a picture is looked at. Of an ``ImageFolder`` the files are read, without its transform, and its folders are
        the classes. A picture that a transform has normalised can be shown only where the model's preprocessing normalises
        alike.
    target : None, str, int, tuple, Target, or a list of them
        What is explained first, as for :func:`saliency_widget.explain`; None is the top class of the first head.
    method : str
        A name from :func:`saliency_widget.methods`.
    params : dict, optional
        The method's parameters; those left out have their defaults.
    score : {"logit", "log_softmax", "probability"}
        The number that is explained.
    layer : str, optional
        Where in the network a method looks that works at a layer; the last feature map by default.
    seed : int
        Seed of all that is random.
    tolerance : float or None
        A run stops by itself once its map's estimated relative error is at most this, as for
        :func:`saliency_widget.explain`; None does all the work each time. Unlike there it is 5 % by default.
    labels : list, optional
        What is true of each picture, for the list of mistakes: a class's name or index, of the first head; a mapping of head to
        class, or to the value of a regression head; or None. Alone, not in a list, for one image.
    masks : list, optional
        Where the evidence is in each: an array (H, W) as large as the picture, a path, a Pillow image; a mapping of names to
        several; or None.
    idle : bool
        Whether the other classes and heads of the picture are computed once a map is done and nobody waits, so that the next
        click has its map at once. It takes 15 seconds at most and ends at any click.

    Attributes
    ----------
    target, method, params, score, layer, seed, tolerance, image, model
        The choice. Assigning one checks it and starts a job (several at once: :meth:`explain`); what does not fit raises
        and leaves all as it was.
    explanation : Explanation or None
        The last finished one.
    locked : dict
        What :meth:`lock` keeps from the page's reader: ``parts``, and ``reveal``, those of them that a button shows.

    Raises
    ------
    SaliencyError
        Whatever does not fit, with what was expected.

    Examples
    --------
    >>> w = SaliencyWidget(sw.load("demo/vgg"), sw.demo.buildings(8, seed=1))
    >>> w.target = "perspective:inside"
    >>> w.wait()
    >>> w.explanation.heatmap().shape
    (224, 224)
    """

    _esm = t.Unicode().tag(sync=True)

    card = t.Dict(read_only=True).tag(sync=True, to_json=lambda card, w: saved.card(card, w._told))  # noqa: SLF001
    images: Any = t.List(read_only=True).tag(sync=True)
    gallery = t.Dict(read_only=True).tag(sync=True)
    base = t.Bytes(read_only=True).tag(sync=True)
    masks = t.Dict(read_only=True).tag(sync=True)
    masks_data = t.Bytes(read_only=True).tag(sync=True)
    predictions = t.Dict(read_only=True).tag(sync=True, to_json=saved.predictions)
    result = t.Dict(read_only=True).tag(sync=True)
    result_data = t.Bytes(read_only=True).tag(sync=True, to_json=lambda data, w: saved.result_data(data, w.result))
    status = t.Dict(IDLE, read_only=True).tag(sync=True)

    model = _Chosen("").tag(sync=True)
    image = _Chosen(0).tag(sync=True)
    target = _Chosen("").tag(sync=True)
    method = _Chosen("").tag(sync=True)
    params = _Chosen({}).tag(sync=True)
    score = _Chosen("").tag(sync=True)
    layer = _Chosen(None).tag(sync=True)
    seed = _Chosen(0).tag(sync=True)
    tolerance = _Chosen(None).tag(sync=True)

    locked = t.Dict(Locks().card(), read_only=True).tag(sync=True)
    display = t.Dict().tag(sync=True)  # the page's own; empty until somebody moves a control

    _session: Session | None = None
    _wire: Wire | None = None
    _own_layout: Any = None
    _told: Mapping[str, Any] = {}  # the card that is packed with the page

    def __init__(
        self,
        model: Any,
        images: Any,
        *,
        target: Any = None,
        method: str = "gradient",
        params: Mapping[str, Any] | None = None,
        score: str = "logit",
        layer: str | None = None,
        seed: int = 0,
        tolerance: float | None = 0.05,
        labels: Sequence[Any] | None = None,
        masks: Sequence[Any] | None = None,
        idle: bool = True,
    ) -> None:
        now = current_run()
        close_earlier(now)
        self._lock = threading.RLock()
        self._explanations: list[Explanation] = []
        models = models_of(model)
        wrapped = models[models.first]
        pictures = gallery(images, labels, masks, model=wrapped)
        models.discover(pictures[0])
        pictures.check(wrapped.heads)
        first = {"target": target, "method": method, "params": params, "score": score, "layer": layer, "seed": seed}
        first |= {"tolerance": tolerance, "model": models.first}
        choice = choose(wrapped, pictures, None, first)
        revision = models.revision(models.first)
        self._told = models.card(models.first, revision)
        state = choice.state() | {
            "_esm": packed(page("widget.js"), page("widget.css"), self._told),
            "card": self._told,
            **begun(models, pictures),
        }
        for name, value in state.items():
            self.set_trait(name, value)
        super().__init__()
        self._own_layout = self.layout
        self._wire = Wire(self, self._lock)
        self._session = Session(models, pictures, choice, self._wire, revision=revision, lock=self._lock, idle=idle)
        self.on_msg(self._receive)
        remember(now, self)
        self._session.ask({})

    # -- what a user calls --------------------------------------------------------------------------------------------

    @property
    def explanation(self) -> Explanation | None:
        """The last finished explanation; of several targets the first one's."""
        found = self._explanations if self._session is None else self._session.explanations
        return found[0] if found else None

    def explain(
        self,
        target: Any = None,
        *,
        image: int | None = None,
        model: str | None = None,
        method: str | None = None,
        params: Mapping[str, Any] | None = None,
        score: str | None = None,
        layer: str | None = None,
        seed: int | None = None,
        wait: bool = True,
    ) -> Any:
        """Change any of the choice and start a job for it.

        Parameters
        ----------
        target, image, model, method, params, score, layer, seed
            What is None stays as it is; the parameters of another method have their defaults.
        wait : bool
            Whether to block until the job has ended; an interrupt cancels it.

        Returns
        -------
        Explanation, list of Explanation or None
            A list where `target` is a list; None without `wait`.

        Raises
        ------
        SaliencyError
            What does not fit, the job's own error, or that it was cancelled or overtaken by a newer one.
        RuntimeError
            With `wait`, in a callback.
        """
        given = {"target": target, "image": image, "model": model, "method": method, "params": params}
        given |= {"score": score, "layer": layer, "seed": seed}
        job = self._ask({name: value for name, value in given.items() if value is not None})
        if not wait:
            return None
        session = self._live()
        try:
            found = session.jobs.result(job)
        except KeyboardInterrupt:
            session.cancel(job.number)
            raise
        return found if isinstance(target, list) else found[0]

    def wait(self, timeout: float | None = None) -> None:
        """Block until the newest job has ended; never waits for a page.

        Parameters
        ----------
        timeout : float, optional
            In seconds.

        Raises
        ------
        SaliencyError
            The job's error.
        TimeoutError
        RuntimeError
            In a callback of :meth:`on_explanation`, which runs on the thread that would have to go on.
        """
        if self._session is not None:
            self._session.jobs.wait(timeout)

    def on_explanation(self, callback: Callable[[Explanation], object]) -> Callable[[], None]:
        """Have a function called with each finished explanation.

        Parameters
        ----------
        callback : callable
            Called on the compute thread, so it should be short, and cannot wait for a job. What it raises is logged.

        Returns
        -------
        callable
            Ends the subscription.
        """
        callbacks = self._live().callbacks
        callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return unsubscribe

    def lock(self, *parts: str, reveal: bool = True) -> None:
        """Keep parts of the page from its reader, as for a question; Python is never locked: ``w.method = ...`` still works.

        It is no safe for an examination: who knows how can read what the page holds.

        Parameters
        ----------
        *parts : {"image", "model", "target", "method", "display", "predictions", "truth"}
            The first five cannot be changed on the page ("method" is with its parameters, layer and score). The last two are
            hidden: what the model says; labels, masks and mistakes. Name the target, which stays in sight: left open it is
            the top class.
        reveal : bool
            Whether a button shows what is hidden; else only :meth:`unlock` does.

        Raises
        ------
        BadParameter
            If a part is unknown, or none is named.
        """
        self._relock(lambda locks: locks.locking(parts, reveal=reveal))

    def unlock(self, *parts: str) -> None:
        """Free parts of the page again, or all; raises as :meth:`lock` does for an unknown one."""
        self._relock(lambda locks: locks.unlocking(parts))

    def close(self) -> None:
        """End all jobs, remove the views, and let go of the model and the pictures. Calling it again does nothing."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
            self._explanations = session.explanations
            self._own_layout.close()  # ipywidgets makes one for each widget, and would keep it for good
        super().close()

    def __repr__(self) -> str:
        """Return the model and the choice in one line."""
        return f"SaliencyWidget({self.card.get('model')}, target={self.target!r}, method={self.method!r})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the live view, and for where none can be shown the state in words and the last map as a picture."""
        live = super()._repr_mimebundle_(**options)
        if live is None or self._session is None:
            return live
        return portrait.bundle(live, self._session, repr(self), self.explanation, self.display)

    # -- what the page sends ------------------------------------------------------------------------------------------

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over `display` from a page; everything else is the kernel's, and is put right there."""
        with self._lock:
            mine = self.get_state([name for name in sync_data if name in self.keys and name != "display"])
            wrong = [name for name, value in mine.items() if value != sync_data[name]]
            if "display" in sync_data:
                try:
                    self._live().locks.allow("display")
                    # Under the lock: while it lasts, ipywidgets holds back what other threads notify, and may lose it.
                    super().set_state({"display": protocol.display(sync_data["display"])})
                except SaliencyError as error:
                    _log.warning("%s", error)
                    wrong.append("display")
            if wrong:
                _log.warning("the page may not set %s; it sends requests instead", ", ".join(wrong))
                self.send_state(wrong)

    def _receive(self, _widget: object, content: Any, buffers: Sequence[Any]) -> None:
        """Answer a message of the page; on a handler's thread, so nothing is computed, and nothing raised."""
        try:
            answer(self._live(), protocol.parse(content, buffers))
        except Exception as error:  # noqa: BLE001 - the widget stays usable whatever a page sends
            req = protocol.req_of(content)
            known = isinstance(error, SaliencyError)
            if req is None or not known:
                _log.warning("a message of the page was refused: %s", error, exc_info=not known)
            if req is not None:
                code = error.code if isinstance(error, SaliencyError) else "internal"
                end = {"job": None, "req": req, "status": "error", "code": code, "message": str(error), "ms": 0.0}
                self.send(protocol.message("end", end))

    # -- traits -------------------------------------------------------------------------------------------------------

    @t.observe("comm")
    def _answer_while_cells_run(self, change: t.Bunch) -> None:
        """Let ipykernel 7.4 and later deliver a message to the shell that the page chose.

        7.4.0 sends it to the shell that last *published* on this comm instead, so that a frame from the compute thread, or
        a trait set by a cell, makes every click wait for the running cell: seconds instead of 10 ms. There is no public
        switch; where the name is another one, clicks are slow and the page says so ("queued"), nothing breaks.
        """
        comm = change["new"]
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001

    def notify_change(self, change: t.Bunch) -> None:
        """Let the wire hold back news of what the kernel writes; `display` and the host's own traits go at once."""
        if self._wire is None or not self._wire.holds(change):
            super().notify_change(change)

    def _retire(self) -> None:
        """Close, and keep nothing: IPython's ``Out`` holds on to every widget that a cell has shown."""
        self.close()
        self._explanations = []
        for name in ("base", "masks_data", "result_data"):
            self.set_trait(name, b"")

    def _relock(self, change: Callable[[Locks], Locks]) -> None:
        session = self._live()
        with self._lock:
            session.locks = change(session.locks)
            self.set_trait("locked", session.locks.card())

    def _ask(self, changes: Mapping[str, Any]) -> Job:
        return self._live().ask(changes)

    def _live(self) -> Session:
        if self._session is None:
            raise Closed
        return self._session
