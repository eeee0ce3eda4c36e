"""Jobs of widgets: one compute thread per device, newest first, cancelled in the network, flow-controlled; no Jupyter in it."""

from saliency_widget.runner.choosing import choose
from saliency_widget.runner.job import Choice, Closed, Job, Stopped
from saliency_widget.runner.outbox import Port
from saliency_widget.runner.session import Session
from saliency_widget.runner.thread import compute_thread

__all__ = ["Choice", "Closed", "Job", "Port", "Session", "Stopped", "choose", "compute_thread"]
