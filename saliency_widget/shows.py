"""What Python code hands to a widget's page to be shown, beside what the person there chooses; it computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from saliency_widget.errors import BadParameter
from saliency_widget.runner.cells import current_run

if TYPE_CHECKING:
    from saliency_widget.lab import Finding
    from saliency_widget.runner import Session

__all__ = ["Shows"]


class Shows:
    """The part of `SaliencyWidget` that takes what other code has made."""

    def show_finding(self, finding: Finding) -> None:
        """Show what an experiment found under the picture, also while a cell runs; returns at once.

        The map that the page shows, its choice and its jobs stay as they are. Findings that come faster than a page is told, some
        six a second, are left out, but for the newest.

        Parameters
        ----------
        finding : Finding
            Of any experiment of :mod:`saliency_widget.lab`, of this widget's model or another one.

        Raises
        ------
        BadParameter
            If it is no finding.
        SaliencyError
            If the widget is closed.

        Examples
        --------
        >>> watch = sw.lab.Watch(model, picture, "style:gothic", show=w.show_finding)  # doctest: +SKIP
        """
        from saliency_widget.lab import Finding

        if not isinstance(finding, Finding):
            message = (
                f"finding was given as {type(finding).__name__}; expected a Finding, such as sw.lab.run(...) returns"
            )
            raise BadParameter(message)
        self._live().showing.show(finding)

    def show_frame(self, image: Any) -> int:
        """Show a picture with its map in place of the chosen one, as the next one of a moving picture; returns at once.

        For a loop that has picture after picture: a microscope, a video that OpenCV reads, the screen. The map is of what is
        chosen on the page, by a method of one gradient or forward a picture. Of pictures that come faster than maps the newest
        counts, and none is kept. A click on another class goes on with it; *Stop live* on the page ends it, and what the running
        cell shows from then on is left out.

        Parameters
        ----------
        image : path, bytes, PIL.Image.Image, numpy.ndarray, torch.Tensor or None
            As for :func:`saliency_widget.explain`; an array is copied, so that a loop may fill it again. OpenCV's are blue,
            green, red: give ``frame[..., ::-1]``. None goes back to the chosen picture.

        Returns
        -------
        int
            How many pictures were left out since the first, or since the last None.

        Raises
        ------
        SaliencyError
            If it is no image; if the method is too slow to follow a moving picture; if the model failed at an earlier one; if the
            widget is closed.

        Examples
        --------
        >>> while camera.isOpened():                                            # doctest: +SKIP
        ...     _, frame = camera.read()
        ...     w.show_frame(frame[..., ::-1])
        >>> w.show_frame(None)                                                  # doctest: +SKIP
        """
        session = self._live()
        if image is None:
            return session.holding(session.moving.unfed)
        if isinstance(image, np.ndarray | Image.Image):
            image = image.copy()
        elif isinstance(image, torch.Tensor):
            image = image.detach().clone()
        picture = session.models[session.choice.model].read(image)
        run = current_run()
        return session.holding(lambda: session.moving.feed(picture, run))

    def _live(self) -> Session:
        raise NotImplementedError
