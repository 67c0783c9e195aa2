"""Data sets from every kind of source, and every way in which they can be wrong."""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeprune.data import SCALES, Dataset, load_data
from edgeprune.errors import DataError, UsageError

SHAPE, OUTPUT = (4, 5, 1), (3,)


def arrays(**changes: Any) -> dict[str, Any]:
    """Twelve training and six test examples of three classes."""
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for part, count in (("train", 12), ("test", 6)):
        found[f"x_{part}"] = rng.integers(0, 256, (count, *SHAPE)).astype(np.uint8)
        found[f"y_{part}"] = (np.arange(count) % 3).astype(np.int64)
    return {**found, **changes}


def saved(path: Path, **changes: Any) -> str:
    np.savez(
        path / "set.npz", **{name: array for name, array in arrays(**changes).items() if array is not None}
    )
    return str(path / "set.npz")


def load(spec: str, input_shape: tuple[int, ...] = SHAPE, output_shape: tuple[int, ...] = OUTPUT) -> Dataset:
    return load_data(spec, input_shape=input_shape, output_shape=output_shape)


def test_npz_as_it_is(tmp_path: Path) -> None:
    data = load(saved(tmp_path))
    original = arrays()
    assert (data.name, data.classes, data.x_train.dtype, data.y_train.dtype) == (
        "set.npz",
        3,
        np.uint8,
        np.int32,
    )
    for name, array in original.items():
        np.testing.assert_array_equal(getattr(data, name), array)
    batch = data.batch(data.x_train[2:4])
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, original["x_train"][2:4])
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0] = 0


def test_hash_follows_content_not_place(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = load(saved(tmp_path))
    assert load(saved(tmp_path / "other")).sha256 == first.sha256
    changed = arrays()["x_test"].copy()
    changed[5, 3, 4, 0] ^= 1
    assert load(saved(tmp_path, x_test=changed)).sha256 != first.sha256
    assert first.scaled(SCALES["1/255"]).sha256 != first.sha256


ACCEPTED: dict[str, dict[str, Any]] = {
    "column of labels": {"y_train": arrays()["y_train"][:, None]},
    "one-hot": {"y_train": np.eye(3, dtype=np.float32)[arrays()["y_train"]]},
    "whole floats": {"y_train": arrays()["y_train"].astype(np.float64)},
    "no channel axis": {"x_train": arrays()["x_train"][..., 0]},
    "flat": {"x_train": arrays()["x_train"].reshape(12, -1)},
    "doubles": {"x_train": arrays()["x_train"].astype(np.float64)},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_equivalent_forms_are_accepted(case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        data = load(saved(tmp_path, **ACCEPTED[case]))
    np.testing.assert_array_equal(data.x_train, arrays()["x_train"])
    np.testing.assert_array_equal(data.y_train, arrays()["y_train"])
    assert ("reshaped from" in caplog.text) == (case in ("no channel axis", "flat"))


def _with(name: str, index: Any, value: float) -> dict[str, Any]:
    array = arrays()[name].astype(np.float32)
    array[index] = value
    return {name: array}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "missing arrays": (
        {"x_test": None, "y_test": None, "extra": np.zeros(1)},
        r"no x_test, y_test; it has extra, x_train, y_train",
    ),
    "wrong shape": ({"x_train": np.zeros((12, 5, 4, 1))}, r"\[5, 4, 1\], the model takes \[4, 5, 1\]"),
    "rows only": ({"x_train": np.zeros(12)}, r"shape \[\]"),
    "label too high": (
        {"y_test": np.array([0, 1, 2, 3, 0, 0])},
        "from 0 to 3, the model's classes go from 0 to 2",
    ),
    "label negative": ({"y_test": np.array([0, -1, 2, 1, 0, 0])}, "from -1 to 2"),
    "label fraction": ({"y_train": np.full(12, 0.5)}, "fractions"),
    "labels short": ({"y_train": np.zeros(11, int)}, "12 examples, y_train 11 labels"),
    "labels text": ({"y_train": np.array(["cat"] * 12)}, "numbers are needed"),
    "one-hot of 4": ({"y_train": np.eye(4)[arrays()["y_train"]]}, r"\[12, 4\].*3 classes"),
    "not one-hot": ({"y_train": np.full((12, 3), 1.0)}, "not one-hot"),
    "labels deep": ({"y_train": np.zeros((12, 2, 2))}, r"shape \[12, 2, 2\]"),
    "not a number": (_with("x_train", (7, 0, 0, 0), np.nan), r"x_train\[7\]"),
    "infinite": (_with("x_test", (5, 3, 4, 0), np.inf), r"x_test\[5\]"),
    "empty": ({"x_test": np.zeros((0, *SHAPE)), "y_test": np.zeros(0)}, "empty"),
    "scalar": ({"x_test": np.float32(3)}, "empty, its shape is"),
    "complex": ({"x_train": np.zeros((12, *SHAPE), complex)}, "complex128"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arrays_are_refused(case: str, tmp_path: Path) -> None:
    changes, message = REFUSED[case]
    with pytest.raises(DataError, match=message):
        load(saved(tmp_path, **changes))


def test_channels_first_are_not_reshaped_in_silence(tmp_path: Path) -> None:
    spec = saved(tmp_path, x_train=np.zeros((12, 3, 8, 8), np.uint8))
    with pytest.raises(DataError, match=r"\[3, 8, 8\], the model takes \[8, 8, 3\]") as caught:
        load(spec, (8, 8, 3))
    assert "transpose" in str(caught.value.hint)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    ragged = np.array([[1], [1, 2]], dtype=object)
    with pytest.raises(DataError, match="Python objects"):
        load(saved(tmp_path, x_train=ragged))
    hostile = np.array([_Hostile(str(marker))] * 2, dtype=object)
    with pytest.raises(DataError, match="Python objects"):
        load(saved(tmp_path, x_train=hostile))
    assert not marker.exists()


class _Hostile:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def test_damaged_npz_is_refused(tmp_path: Path) -> None:
    spec = saved(tmp_path)
    raw = Path(spec).read_bytes()
    rng = np.random.default_rng(1)
    for length in [0, 3, 50, *rng.integers(1, len(raw), 10).tolist()]:
        Path(spec).write_bytes(raw[:length])
        with pytest.raises(DataError):
            load(spec)
    refused = 0
    for _ in range(40):
        damaged = bytearray(raw)
        for place in rng.integers(0, len(raw), 20):
            damaged[place] ^= 255
        Path(spec).write_bytes(bytes(damaged))
        try:
            load(spec)
        except DataError:
            refused += 1
    assert refused == 40


def test_binary_model_has_two_classes(tmp_path: Path) -> None:
    labels = {"y_train": np.arange(12) % 2, "y_test": np.arange(6) % 2}
    assert load(saved(tmp_path, **labels), SHAPE, (1,)).classes == 2


@pytest.mark.parametrize(
    "spec", ["nowhere", "no/such/folder", "absent.npz", "mnist", "C:\\data", "keras:mist"]
)
def test_unknown_source_is_explained(spec: str) -> None:
    with pytest.raises(DataError) as caught:
        load(spec)
    assert caught.value.hint


# --- image folders ---


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (10, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_image_folder_is_split_by_name(tmp_path: Path) -> None:
    for index in range(10):
        picture(tmp_path / "red" / f"{index}.png", (200, 0, index))
        picture(tmp_path / "blue" / f"{index}.png", (0, index, 100))
    (tmp_path / "red" / "notes.txt").write_text("not an image")
    data = load(str(tmp_path), (4, 5, 3), (2,))
    assert data.x_train.shape == (16, 4, 5, 3)
    assert data.x_test.shape == (4, 4, 5, 3)
    assert np.bincount(data.y_train).tolist() == [8, 8]
    blue = data.x_train[data.y_train == 0]  # classes in the order of their names
    assert (blue[..., 2] == 100).all()
    picture(tmp_path / "red" / "10.png", (200, 0, 10))
    again = load(str(tmp_path), (4, 5, 3), (2,))
    kept = {tuple(image[0, 0]) for image in data.x_test}
    assert {tuple(image[0, 0]) for image in again.x_test} & kept, "a new image must not shuffle the split"


def test_image_folder_with_its_own_split_and_grey_model(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("test", 1)):
        for name, level in (("dark", 10), ("light", 200)):
            for index in range(count):
                picture(tmp_path / part / name / f"{index}.png", (level, level, level), (5, 4))
    data = load(str(tmp_path), (4, 5, 1), (2,))
    assert data.x_train.shape == (6, 4, 5, 1)
    assert data.x_test[:, 0, 0, 0].tolist() == [10, 200]


def test_image_turned_by_its_camera(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for index in range(2):
            path = tmp_path / name / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            image = Image.new("L", (5, 4))
            image.paste(255, (0, 0, 5, 1))
            exif = image.getexif()
            exif[0x0112] = 3  # upside down
            image.save(path, exif=exif)
    data = load(str(tmp_path), (4, 5, 1), (2,))
    assert data.x_train[0, :, 0, 0].tolist() == [0, 0, 0, 255]


def _broken(path: Path) -> None:
    picture(path / "a" / "0.png", (0, 0, 0))
    (path / "a" / "1.png").write_bytes((path / "a" / "0.png").read_bytes()[:40])


def _uneven(path: Path) -> None:
    for name in ("train/a", "train/b", "test/a"):
        picture(path / name / "0.png", (0, 0, 0))


def _deep(path: Path) -> None:
    for index in range(2):
        picture(path / "a" / f"{index}.png", (0, 0, 0))
        Image.new("I;16", (5, 4)).save(path / "a" / f"{index}.png")


BAD_FOLDERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: None, "no sub-folders"),
    "no images": (lambda path: (path / "a").mkdir(), "no images"),
    "single image": (lambda path: picture(path / "a" / "0.png", (0, 0, 0)), "one image"),
    "broken image": (_broken, r"1\.png cannot be read"),
    "classes differ": (_uneven, "different classes: b"),
    "deep": (_deep, "more than 8 bits"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_image_folder_is_refused(case: str, tmp_path: Path) -> None:
    make, message = BAD_FOLDERS[case]
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        load(str(tmp_path), SHAPE, (2,))


def test_folder_must_have_the_models_classes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for index in range(2):
            picture(tmp_path / name / f"{index}.png", (0, 0, 0))
    with pytest.raises(DataError, match=r"has 2 classes \(a, b\), the model's output \[3\] tells 3"):
        load(str(tmp_path))
    with pytest.raises(DataError, match="folder of images, the model takes"):
        load(str(tmp_path), (20,), (2,))


# --- Keras's cache ---


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def idx(path: Path, array: np.ndarray) -> None:
    head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(head + array.tobytes())


def test_cached_mnist_and_fashion_mnist(keras_home: Path) -> None:
    images = np.random.default_rng(2).integers(0, 256, (8, 28, 28)).astype(np.uint8)
    labels = np.arange(8, dtype=np.uint8)
    np.savez(keras_home / "mnist.npz", x_train=images, y_train=labels, x_test=images[:3], y_test=labels[:3])
    folder = keras_home / "fashion-mnist"
    folder.mkdir()
    for stem, count in (("train", 8), ("t10k", 3)):
        idx(folder / f"{stem}-images-idx3-ubyte.gz", images[:count])
        idx(folder / f"{stem}-labels-idx1-ubyte.gz", labels[:count])
    for name in ("mnist", "fashion_mnist"):
        data = load(f"keras:{name}", (28, 28, 1), (10,))
        np.testing.assert_array_equal(data.x_train[..., 0], images)
        assert data.y_test.tolist() == [0, 1, 2]
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="damaged"):
        load("keras:fashion_mnist", (28, 28, 1), (10,))


@pytest.mark.parametrize("folder", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"])
def test_cached_cifar10(folder: str, keras_home: Path) -> None:
    path = keras_home / folder
    path.mkdir(parents=True)
    images = np.random.default_rng(3).integers(0, 256, (12, 32, 32, 3)).astype(np.uint8)
    for index, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        rows = images[2 * index : 2 * index + 2].transpose(0, 3, 1, 2).reshape(2, 3072)
        batch = {b"data": rows, b"labels": [index, 9]}
        (path / name).write_bytes(pickle.dumps(batch, protocol=2))
    data = load("keras:cifar10", (32, 32, 3), (10,))
    np.testing.assert_array_equal(data.x_train, images[:10])
    assert data.y_train.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    marker = keras_home / "ran"
    (path / "test_batch").write_bytes(pickle.dumps({b"data": _Hostile(str(marker))}))
    with pytest.raises(DataError, match=r"asks for (posix|nt)\.mkdir"):
        load("keras:cifar10", (32, 32, 3), (10,))
    assert not marker.exists()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_missing_cache_says_how_to_fill_it(name: str, keras_home: Path) -> None:
    with pytest.raises(DataError, match=f"keras:{name} is not in the cache") as caught:
        load(f"keras:{name}")
    assert f"keras.datasets.{name}.load_data()" in str(caught.value.hint)


def test_mistyped_keras_name() -> None:
    with pytest.raises(DataError, match="'mnits'") as caught:
        load("keras:mnits")
    assert "did you mean 'mnist'" in str(caught.value.hint)


def test_real_mnist(shared_data: Path) -> None:
    data = load(str(shared_data / "datasets" / "mnist.npz"), (28, 28, 1), (10,))
    assert data.x_train.shape == (60000, 28, 28, 1)
    assert data.x_train.dtype == np.uint8


def test_sklearn_digits() -> None:
    data = load("sklearn:digits", (8, 8, 1), (10,))
    assert len(data.x_train) + len(data.x_test) == 1797
    assert set(np.bincount(data.y_test).tolist()) <= {34, 35, 36}
    assert (data.x_train.min(), data.x_train.max()) == (0, 16)


# --- the user's own function ---

MODULE = """
import numpy as np
x, y = np.zeros((12, 4, 5, 1), np.uint8), np.arange(12) % 3
def four():
    return x, y, x[:6], y[:6]
def pairs():
    return (x, y), (x[:6], y[:6])
def named():
    return {"x_train": x, "y_train": y, "x_test": x[:6], "y_test": y[:6]}
def fails():
    raise OSError("no such drive")
def nothing():
    return 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"own_data_{abs(hash(tmp_path)) % 10**8}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize("function", ["four", "pairs", "named"])
def test_function_in_the_current_folder(function: str, module: str) -> None:
    assert load(f"{module}:{function}").x_test.shape == (6, 4, 5, 1)


def test_function_that_fails_is_named_with_its_line(module: str) -> None:
    with pytest.raises(DataError, match=rf"fails failed: OSError: no such drive \({module}.py:11\)"):
        load(f"{module}:fails")
    with pytest.raises(DataError, match="returned int, not four arrays"):
        load(f"{module}:nothing")
    with pytest.raises(DataError, match="no function 'other'") as caught:
        load(f"{module}:other")
    assert "four" in str(caught.value.hint)
    with pytest.raises(DataError, match="cannot be imported: ModuleNotFoundError"):
        load("no_such_module_at_all:four")


# --- picking and scaling ---


def test_picked_examples_are_stratified_and_repeatable(tmp_path: Path) -> None:
    labels = np.array([0] * 8 + [1] * 3 + [2])
    data = load(saved(tmp_path, y_train=labels))
    chosen = data.pick_train(7, np.random.default_rng(5))
    assert np.bincount(data.y_train[chosen]).tolist() == [3, 3, 1]
    assert chosen.tolist() == data.pick_train(7, np.random.default_rng(5)).tolist() == sorted(chosen)
    assert any(
        data.pick_train(7, np.random.default_rng(seed)).tolist() != chosen.tolist() for seed in range(5)
    )
    assert data.pick_train(100, np.random.default_rng(0)).tolist() == list(range(12))


def test_scales_are_what_they_are_called(tmp_path: Path) -> None:
    data = load(saved(tmp_path))
    x = data.x_train.astype(np.float32)
    np.testing.assert_array_equal(data.scaled(SCALES["1/255"]).x_train, x / np.float32(255))
    np.testing.assert_array_equal(data.scaled(SCALES["1/127.5-1"]).x_train, x / np.float32(127.5) - 1)
    back = data.scaled(SCALES["1/255"]).scaled(SCALES["255"])
    np.testing.assert_allclose(back.x_test, data.x_test, atol=255 * 2**-23)  # two roundings
    assert data.scaled(SCALES["none"]) is data
    with pytest.raises(UsageError, match="unknown scale"):
        SCALES["1/256"]
