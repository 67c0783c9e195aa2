"""Fine-tuning: the same bytes for a seed, also after a break; teachers, labels, augmentation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeprune.errors import DataError, UsageError
from edgeprune.prune import checkpoint
from edgeprune.prune.augment import flip_crop
from edgeprune.prune.finetune import History, Progress, finetune


@dataclass(frozen=True, eq=False)
class Samples:
    x_train: np.ndarray
    y_train: np.ndarray


def stripes(count: int = 240, size: int = 8) -> Samples:
    """Images of noise with a bright row or a bright column: two classes, mirror images of themselves."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(count, size, size, 1)).astype(np.float32)
    y = rng.integers(0, 2, count)
    for image, label in zip(x, y, strict=True):
        at = rng.integers(0, size)
        line = image[at] if label else image[:, at]
        line += 3.0
    return Samples(x, y)


def tiny(last: str = "softmax", dropout: float = 0.3, units: int = 2) -> Any:
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(dropout),
            layers.GlobalMaxPooling2D(),
            layers.Dense(units, activation=last),
        ]
    )


def weights(model: Any) -> list[bytes]:
    return [np.asarray(w).tobytes() for w in model.get_weights()]


def train(model: Any, **options: Any) -> History:
    settings = {"epochs": 4, "seed": 1, "batch_size": 24, "learning_rate": 0.02, "augment": "flip-crop"}
    return finetune(model, options.pop("data", stripes()), **{**settings, **options})


def test_it_learns_and_keeps_the_best_epoch() -> None:
    model = tiny()
    history = train(model, epochs=8, augment=None)
    assert history.best.validation_accuracy >= 0.9
    assert history.best in history.epochs
    assert len(history.epochs) == 8
    assert model.layers[-1].activation.__name__ == "softmax"
    assert np.allclose(model.predict(stripes().x_train[:5], verbose=0).sum(axis=1), 1.0)


def test_same_seed_same_bytes() -> None:
    results = []
    for seed in (1, 1, 2):
        model = tiny()
        train(model, seed=seed, epochs=2)
        results.append(weights(model))
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_a_broken_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    whole, broken, resumed = tiny(), tiny(), tiny()
    uninterrupted = train(whole, checkpoint_dir=tmp_path / "whole", distill_from=tiny("linear"))

    def break_in_third(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (3, 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(broken, checkpoint_dir=tmp_path / "part", on_step=break_in_third, distill_from=tiny("linear"))
    assert broken.layers[-1].activation.__name__ == "softmax"
    lines: list[str] = []
    history = train(resumed, checkpoint_dir=tmp_path / "part", log=lines.append, distill_from=tiny("linear"))
    assert history.resumed_after == 2
    assert lines[0] == "resuming after epoch 2 of 4"
    assert weights(resumed) == weights(whole)
    assert [e.loss for e in history.epochs] == [e.loss for e in uninterrupted.epochs]


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    first, second = tiny(), tiny()
    train(first, checkpoint_dir=tmp_path, epochs=2)
    history = train(second, checkpoint_dir=tmp_path, epochs=2)
    assert history.resumed_after == 2
    assert weights(first) == weights(second)


def test_the_state_of_another_run_is_not_resumed(tmp_path: Path) -> None:
    train(tiny(), checkpoint_dir=tmp_path, epochs=2)
    lines: list[str] = []
    history = train(tiny(), checkpoint_dir=tmp_path, epochs=2, seed=9, log=lines.append)
    assert history.resumed_after == 0
    assert lines[0] == "the saved training state belongs to another run; starting afresh"


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    train(tiny(), checkpoint_dir=tmp_path, epochs=1)
    path = tmp_path / checkpoint.FILE_NAME
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="damaged training state"):
        train(tiny(), checkpoint_dir=tmp_path, epochs=1)


def test_a_failed_save_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tiny(), checkpoint_dir=tmp_path, epochs=1)
    old = checkpoint.load(tmp_path)
    assert old is not None

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(old, tmp_path)
    again = checkpoint.load(tmp_path)
    assert again is not None
    assert again.history == old.history


def test_a_teacher_hands_on_what_labels_do_not_say() -> None:
    """With labels of pure noise, a pupil follows the teacher."""
    samples = stripes()
    teacher = tiny()
    train(teacher, epochs=8, augment=None)
    noise = Samples(samples.x_train, np.random.default_rng(0).integers(0, 2, len(samples.y_train)))
    pupil = tiny()
    train(pupil, data=noise, epochs=8, distill_from=teacher, augment=None, patience=8)
    right = pupil.predict(samples.x_train, verbose=0).argmax(axis=1) == samples.y_train
    assert right.mean() > 0.8


def test_early_stop() -> None:
    history = train(tiny(), epochs=30, learning_rate=1e-9, patience=2, augment=None)
    assert history.stopped_early
    assert len(history.epochs) == len(history.epochs[: history.best.number]) + 2


@pytest.mark.parametrize(("last", "units"), [("sigmoid", 1), ("linear", 2), ("linear", 1)])
def test_other_last_layers(last: str, units: int) -> None:
    model = tiny(last, dropout=0.0, units=units)
    assert train(model, epochs=8, augment=None).best.validation_accuracy >= 0.9
    out = model.predict(stripes().x_train, verbose=0)
    chosen = out[:, 0] > (0.5 if last == "sigmoid" else 0) if units == 1 else out.argmax(axis=1)
    assert (chosen == stripes().y_train).mean() >= 0.9


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (stripes().x_train, "are not class numbers 0…1"),
        (stripes().y_train + 1, "are not class numbers 0…1"),
        (stripes().y_train.astype(np.float32), "are not class numbers 0…1"),
        (stripes().y_train[:7], "240 training samples but 7 labels"),
    ],
)
def test_labels_that_do_not_fit(labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train(tiny(), data=Samples(stripes().x_train, labels))


def test_only_classifiers_are_trained() -> None:
    import keras

    autoencoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    with pytest.raises(DataError, match="needs one output of class scores"):
        train(autoencoder, data=Samples(stripes().x_train, stripes().x_train))


def test_samples_and_teachers_of_another_shape() -> None:
    with pytest.raises(DataError, match="the model takes"):
        train(tiny(), data=stripes(size=9))
    with pytest.raises(UsageError, match="teacher"):
        train(tiny(), distill_from=tiny(units=3))


def test_flip_crop_moves_pixels_and_makes_none() -> None:
    images = np.arange(20 * 12 * 10, dtype=np.int32).reshape(20, 12, 10, 1)
    out = flip_crop(images, np.random.default_rng(0))
    assert out.shape == images.shape
    assert out.dtype == images.dtype
    assert all(np.isin(new, old).all() for new, old in zip(out, images, strict=True))
    assert not np.array_equal(out, images)
    steps = np.diff(out[:, 5, :, 0], axis=1)
    mirrored = (np.sum(steps, axis=1) < 0).sum()
    assert 3 <= mirrored <= 17
    again = flip_crop(images, np.random.default_rng(0))
    assert np.array_equal(out, again)


def test_unknown_augmentation_and_nonsense_settings() -> None:
    with pytest.raises(UsageError, match="unknown augmentation 'rotate'"):
        train(tiny(), augment="rotate")
    with pytest.raises(UsageError, match="must be positive"):
        train(tiny(), epochs=0)


def test_remembered_teacher_is_the_teacher(tmp_path: Path) -> None:
    """A run that reads the teacher's scores ends in the bytes of the one that worked them out."""
    teacher = tiny(dropout=0.0)
    train(teacher, epochs=1)

    def taught(folder: Path | None) -> list[bytes]:
        student = tiny()
        train(student, epochs=2, distill_from=teacher, teacher_dir=folder)
        return weights(student)

    plain = taught(None)
    assert taught(tmp_path) == plain
    assert taught(tmp_path) == plain
    first, second = sorted(tmp_path.glob("*.npy"))
    whole = first.read_bytes()
    first.write_bytes(whole[: len(whole) // 2])  # cut off: worked out again
    assert taught(tmp_path) == plain
    assert first.read_bytes() == whole
    np.save(second, -np.load(second))  # and it is read indeed
    assert taught(tmp_path) != plain


def test_few_steps_an_epoch_are_enough_for_batch_norm() -> None:
    """The averages follow what training sees, and the layer's own momentum is there again afterwards."""
    model = tiny()
    norm = next(layer for layer in model.layers if hasattr(layer, "moving_mean"))
    norm.moving_variance.assign(np.full(8, 1e4, np.float32))
    train(model, epochs=3)  # 9 steps each: with a momentum of 0.99 the first left 9,135 and the last 7,623
    assert float(np.max(norm.moving_variance)) < 2000
    assert norm.momentum == 0.99


def test_fused_normalization_computes_what_keras_does() -> None:
    """Outputs, gradients and moving averages, with and without scale and offset; sums of 1,152 terms."""
    import keras
    import tensorflow as tf

    from edgeprune.prune.normalization import fuse_normalization

    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(2.0, 3.0, (8, 12, 12, 5)).astype(np.float32))
    towards = tf.constant(rng.normal(size=x.shape).astype(np.float32))
    for scale, center in ((True, True), (False, True), (True, False)):
        layer = keras.layers.BatchNormalization(scale=scale, center=center, momentum=0.7)
        layer.build(x.shape)
        for variable in layer.trainable_variables:
            variable.assign(rng.normal(1.0, 0.5, variable.shape))
        start = [np.array(v) for v in layer.variables]

        def results(layer: Any = layer) -> list[np.ndarray]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(y * towards)
            gradients = tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])
            return [np.array(a) for a in (y, *gradients, layer.moving_mean, layer.moving_variance)]

        plain = results()
        for variable, value in zip(layer.variables, start, strict=True):
            variable.assign(value)
        restore = fuse_normalization([layer])
        assert "call" in vars(layer)
        fused = results()
        inference = np.array(layer(x, training=False))
        restore()
        assert "call" not in vars(layer)
        assert np.array_equal(inference, np.array(layer(x, training=False)))
        for one, other in zip(plain, fused, strict=True):
            assert np.allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(one).max())


def test_what_the_fused_kernel_cannot_do_stays_with_keras() -> None:
    import keras

    from edgeprune.prune.normalization import fuse_normalization

    class Mine(keras.layers.BatchNormalization):
        pass

    def built(layer: Any, shape: tuple[int, ...]) -> Any:
        layer.build(shape)
        return layer

    left = [
        built(keras.layers.BatchNormalization(axis=1), (2, 4, 4, 4)),
        built(keras.layers.BatchNormalization(), (2, 4)),
        built(keras.layers.BatchNormalization(renorm=True), (2, 4, 4, 4)),
        built(keras.layers.BatchNormalization(dtype="float16"), (2, 4, 4, 4)),
        built(Mine(), (2, 4, 4, 4)),
        keras.layers.ReLU(),
    ]
    fuse_normalization(left)
    assert not [layer for layer in left if "call" in vars(layer)]
