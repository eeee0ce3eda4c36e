"""Guided Grad-CAM: guided backprop, seen through Grad-CAM."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from torch.nn.functional import interpolate

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.cams import cam, needs_layer
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.rectifiers import changes_relus, guided_backprop
from saliency_widget.methods.registry import Applies, method
from saliency_widget.model import ImageModel

__all__ = ["guided_grad_cam"]


def _check(model: ImageModel) -> Applies:
    applies = needs_layer(model)
    if not applies:
        return applies
    relus = changes_relus(model)
    if relus.status == "equals":
        return Applies.works("no ReLU in the network: it is the plain gradient, not guided backprop, times Grad-CAM")
    return relus


@method(
    label="Guided Grad-CAM",
    explain="Guided backprop, dimmed where Grad-CAM is small and hidden where it is negative: Grad-CAM says where, guided "
    "backprop draws the edges there, whatever the class.",
    cite="Selvaraju et al. 2016, arXiv:1610.02391",
    cost=lambda: 2,
    family="cam",
    values="relative",
    layer=True,
    check=_check,
)
def guided_grad_cam(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield guided backprop times Grad-CAM, rectified and enlarged bilinearly (Selvaraju et al. 2016, arXiv:1610.02391).

    The ReLU around Grad-CAM belongs to the formula here: with its sign, evidence against the class would turn guided
    backprop's own sign. What fails for guided backprop fails here too (Adebayo et al. 2018, arXiv:1810.03292).
    """
    chunk = next(iter(f.at().each([x])))
    where = cam(chunk.activations[0], chunk.gradients[:, 0]).clamp_min(0)
    size = (int(x.shape[1]), int(x.shape[2]))
    where = interpolate(where, size, mode="bilinear", align_corners=False)
    for estimate in guided_backprop(f, x):
        yield Estimate(estimate.attribution * where, 2, 2)
