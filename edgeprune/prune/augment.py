"""Light augmentation of image batches: mirror half of them, shift each by up to four pixels.

Source:  He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2: pad by 4, crop
         at random, flip at random; the usual recipe for CIFAR-10
Differs: the border is filled by reflection, not zeros, so that no input range has to be known
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError

Array = npt.NDArray[np.generic]
Augment = Callable[[Array, np.random.Generator], Array]

_SHIFT_SHARE = 16  # of the image: 2 pixels of 32; small networks have little to spare for more


def flip_crop(images: Array, rng: np.random.Generator) -> Array:
    """Mirror and shift each of `images`, shape (N, height, width, channels); dtype and shape stay."""
    count, height, width = images.shape[:3]
    rows = _shifted(height, _offsets(height, count, rng))
    cols = _shifted(width, _offsets(width, count, rng))
    mirrored = rng.integers(0, 2, (count,)).astype(bool)
    cols[mirrored] = cols[mirrored, ::-1]
    return images[np.arange(count)[:, None, None], rows[:, :, None], cols[:, None, :]]


def _offsets(length: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """`count` shifts of at most a sixteenth of `length`, one pixel at least."""
    most = max(1, length // _SHIFT_SHARE)
    return rng.integers(-most, most + 1, (count,))


def _shifted(length: int, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Source positions (N, length) of a line shifted by each offset, reflected at both ends."""
    at = np.abs(np.arange(length)[None, :] + offsets[:, None])
    positions: npt.NDArray[np.int64] = np.where(at >= length, 2 * (length - 1) - at, at)
    return positions.clip(0, length - 1)


AUGMENTATIONS: dict[str, Augment] = {"flip-crop": flip_crop}


def augmentation(name: str | None, sample_shape: tuple[int, ...]) -> Augment | None:
    """The function called `name`, or None for None; images must be (height, width, channels)."""
    if name is None:
        return None
    if name not in AUGMENTATIONS:
        raise UsageError(f"unknown augmentation {name!r}", hint=f"known: {', '.join(AUGMENTATIONS)}")
    if len(sample_shape) != 3:
        raise UsageError(f"augmentation {name!r} needs images, the samples have shape {sample_shape}")
    return AUGMENTATIONS[name]
