"""Data sets: where they come from, what they must be, and how their values are scaled."""

from edgeprune.data.dataset import Dataset
from edgeprune.data.load import load_data
from edgeprune.data.scale import SCALES, Scale
from edgeprune.data.scaling import ScalingCheck, check_scaling

__all__ = ["SCALES", "Dataset", "Scale", "ScalingCheck", "check_scaling", "load_data"]
