"""Built-in data: buildings and fish scales whose evidence is known; models are added beside it, heads onto other networks."""

from .fish_scales.scene import FishScale, scale, scales
from .heading import two_heads
from .scene import TRAINING_SEEDS, Scene, building, buildings

__all__ = ["TRAINING_SEEDS", "FishScale", "Scene", "building", "buildings", "scale", "scales", "two_heads"]
