"""Experiments on what a map is worth, each one plain generator function with typed parameters; no page, no drawing."""

from saliency_widget.lab.adversarial import adversarial
from saliency_widget.lab.class_model import class_model
from saliency_widget.lab.cost import Work
from saliency_widget.lab.faithfulness import faithfulness
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.localisation import localisation
from saliency_widget.lab.randomise import randomise
from saliency_widget.lab.registry import Experiment, Setup, experiment, experiments, get, run, set_up, stream
from saliency_widget.lab.shattered import shattered
from saliency_widget.lab.taylor import taylor
from saliency_widget.lab.training import Watch

__all__ = [
    "Curve",
    "Experiment",
    "Finding",
    "Number",
    "Position",
    "Setup",
    "Watch",
    "Work",
    "adversarial",
    "class_model",
    "experiment",
    "experiments",
    "faithfulness",
    "get",
    "localisation",
    "randomise",
    "run",
    "set_up",
    "shattered",
    "stream",
    "taylor",
]
