"""Spoken digits as MFCC images, as a data set of edgeprune, from the project's shared data folder.

    edgeprune build … --data tools.reproduce.spoken_digits:load

The Free Spoken Digit Dataset's own split: takes 0 to 4 are test, the others training. A clip becomes one
second at 8 kHz (cut, or padded with silence behind), 49 windows of 40 ms each 20 ms, and of each the
first 10 cepstral coefficients of 40 mel bands, as keyword spotting in MLPerf Tiny has them. Coefficients
are scaled by the mean and deviation of the training clips.
"""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.reproduce.cifar10 import folder

Array = npt.NDArray[Any]

RATE_HZ = 8000
WINDOW, HOP, FFT = 320, 160, 512
WINDOWS, BANDS, COEFFICIENTS = 49, 40, 10
LOWEST_HZ, HIGHEST_HZ = 20.0, 4000.0
TEST_TAKES = 5


def load() -> tuple[Array, Array, Array, Array]:
    """x_train (N, 49, 10, 1) float32, y_train, x_test, y_test."""
    with np.load(folder() / "datasets" / "spoken_digits.npz") as stored:
        samples, offsets = stored["samples"], stored["offsets"]
        labels, takes = stored["labels"], stored["takes"]
    clips = np.stack([mfcc(samples[a:b]) for a, b in itertools.pairwise(offsets)])
    is_test = takes < TEST_TAKES
    mean, deviation = clips[~is_test].mean(axis=(0, 1)), clips[~is_test].std(axis=(0, 1))
    images = ((clips - mean) / deviation).astype(np.float32)[..., None]
    return images[~is_test], labels[~is_test], images[is_test], labels[is_test]


def mfcc(clip: Array) -> Array:
    """Cepstral coefficients of an int16 clip, (windows, coefficients)."""
    from scipy.fft import dct

    second = np.zeros(RATE_HZ)
    length = min(len(clip), RATE_HZ)
    second[:length] = clip[:length] / 32768.0
    starts = HOP * np.arange(WINDOWS)
    frames = second[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2
    cepstrum = dct(np.log(power @ mel_bands().T + 1e-6), type=2, norm="ortho", axis=1)
    return np.asarray(cepstrum[:, :COEFFICIENTS])


def mel_bands() -> Array:
    """Triangles with equal distances in mel, (bands, frequencies of the FFT)."""
    edges = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    hertz = 700.0 * (np.exp(edges / 1127.0) - 1)
    at = np.linspace(0, RATE_HZ / 2, FFT // 2 + 1)
    low, middle, high = hertz[:-2, None], hertz[1:-1, None], hertz[2:, None]
    return np.asarray(
        np.clip(np.minimum((at - low) / (middle - low), (high - at) / (high - middle)), 0, None)
    )


def _mel(hertz: float) -> float:
    return float(1127.0 * np.log1p(hertz / 700.0))
