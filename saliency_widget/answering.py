"""What is done for each message of the page: one table; it checks nothing and computes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saliency_widget import channelled, experimented, protocol
from saliency_widget.runner import Session, channels, experimenting, grid, receiving, survey, takeaway, thumbs
from saliency_widget.runner.live import Shot
from saliency_widget.runner.occluding import Mask
from saliency_widget.wire import module

__all__ = ["answer"]

_TABLE: dict[type, Callable[[Session, Any], object]] = {
    protocol.Hello: lambda session, m: session.hello(m.page, visible=m.visible),
    protocol.Explain: lambda session, m: session.explain(**vars(m)),
    protocol.Live: lambda session, m: session.live(**vars(m)),
    protocol.Shot: lambda session, m: session.shot(Shot(**vars(m))),
    protocol.Grid: lambda session, m: grid.ask(session, m.req, m.cells),
    protocol.File: lambda session, m: takeaway.ask(session, **vars(m)),
    protocol.Occlude: lambda session, m: session.occluding.begin(m.req, m.image),
    protocol.Paint: lambda session, m: session.occluding.paint(Mask(**vars(m))),
    protocol.Thumbs: lambda session, m: thumbs.ask(session, m.pictures),
    protocol.Image: lambda session, m: receiving.receive(session, m.req, name=m.name, data=m.data),
    protocol.Cut: lambda session, m: receiving.cut(session, m.req, image=m.image, box=m.box),
    protocol.Survey: lambda session, m: survey.ask(session, m.req, first=m.first, count=m.count),
    experimented.Experiments: lambda session, m: experimenting.catalogue(session, m.page),
    experimented.Lab: experimenting.ask,
    channelled.Channels: lambda session, m: channels.ask(session, **vars(m)),
    protocol.Predict: lambda session, m: session.predict(m.req, image=m.image),
    protocol.Fetch: lambda session, m: session.say(*module(m.page, m.name)),
    protocol.Cancel: lambda session, m: session.cancel(m.job),
    protocol.Ack: lambda session, m: session.ack(m.page, m.seq),
    protocol.Visible: lambda session, m: session.visible(m.page, on=m.on),
    protocol.Resend: lambda session, _: session.resend(),
    protocol.Bye: lambda session, m: session.bye(m.page),
}
"""Each of them returns at once."""


def answer(session: Session, message: Any) -> None:
    """Do what a message of the page asks for.

    Raises
    ------
    SaliencyError
        Whatever in it does not fit.
    """
    _TABLE[type(message)](session, message)
