"""Built-in data: buildings and fish scales whose evidence is known; models are added beside it."""

from .fish_scales.scene import FishScale, scale, scales
from .scene import TRAINING_SEEDS, Scene, building, buildings

__all__ = ["TRAINING_SEEDS", "FishScale", "Scene", "building", "buildings", "scale", "scales"]
