"""Built-in data: pictures of buildings whose evidence is known; models are added beside it."""

from .scene import TRAINING_SEEDS, Scene, building, buildings

__all__ = ["TRAINING_SEEDS", "Scene", "building", "buildings"]
