"""Quantisation-aware training: the network learns to live with int8."""

from edgeprune.quant.qat.process import Outcome, check_installed, quantize_aware
from edgeprune.quant.qat.request import Settings

__all__ = ["Outcome", "Settings", "check_installed", "quantize_aware"]
