"""Keras to int8: integers only, the same bytes every time, right on TFLM, and refusals that name."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.oracle import tflm

from edgeprune.data import Dataset
from edgeprune.errors import ModelError, UsageError
from edgeprune.graph.keras_in import from_keras
from edgeprune.quant import check_integer, quantize
from edgeprune.quant.post_training import export_model
from edgeprune.tflite.read import read

L = keras.layers


def dataset(shape: tuple[int, ...], classes: int = 3) -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (40, *shape)).astype(np.float32)
    y = (np.arange(40) % classes).astype(np.int32)
    return Dataset("random", x, y, x[:10].copy(), y[:10].copy(), classes)


def sequence(shape: tuple[int, ...], *layers: Any) -> Any:
    model = keras.Sequential([keras.Input(shape, name="x"), *layers], name="net")
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(-0.5, 0.5, a.shape).astype(np.float32) for a in model.get_weights()])
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "convolution": lambda: sequence(
        (8, 8, 3),
        L.RandomFlip(name="flip"),
        L.Conv2D(4, 3, activation="relu", name="conv"),
        L.Dropout(0.5, name="drop"),
        L.MaxPooling2D(name="pool"),
        L.Flatten(name="flat"),
        L.Dense(3, activation="softmax", name="dense"),
    ),
    "nearest up-sampling": lambda: sequence(
        (4, 4, 2), L.Conv2D(3, 3, padding="same"), L.UpSampling2D((2, 3)), L.Conv2D(2, 1)
    ),
    "up-sampled sequence": lambda: sequence(
        (6, 2), L.Conv1D(3, 3), L.UpSampling1D(2), L.Flatten(), L.Dense(3)
    ),
}


def int8_run(raw: bytes, example: np.ndarray) -> tuple[np.ndarray, float]:
    """Real outputs of the int8 network in TFLM, and the size of one step of them."""
    graph = read(raw)
    source, target = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    integers = np.clip(np.rint(example / source.scale) + source.zero_point, -128, 127).astype(np.int8)
    found = tflm(raw, [integers[None]])[0].astype(np.float64)
    return (found - target.zero_point) * target.scale, target.scale


@pytest.mark.parametrize("name", MODELS)
def test_int8_network_runs_on_tflm_and_is_near_the_float_one(name: str) -> None:
    model = MODELS[name]()
    data = dataset(model.input_shape[1:])
    raw = quantize(model, data, seed=0)
    for example in data.x_train[:5]:
        expected = np.asarray(model(example[None], training=False))
        found, step = int8_run(raw, example)
        # A layer loses about one step of its own; these are a few layers deep, and nothing cancels.
        assert np.abs(found - expected).max() <= 6 * step


def test_up_sampling_is_a_resize_and_training_layers_are_gone() -> None:
    data = dataset((4, 4, 2))
    operators = [node.op for node in read(quantize(MODELS["nearest up-sampling"](), data, seed=0)).nodes]
    assert operators == ["CONV_2D", "RESIZE_NEAREST_NEIGHBOR", "CONV_2D"]
    exported = export_model(from_keras(MODELS["convolution"]()))
    assert exported.input_shape == (1, 8, 8, 3)
    kinds = [type(layer).__name__ for layer in exported.layers]
    assert "Dropout" not in kinds and "RandomFlip" not in kinds


@pytest.mark.parametrize("name", ["nearest up-sampling", "up-sampled sequence"])
def test_export_copy_computes_the_same(name: str) -> None:
    model = MODELS[name]()
    x = dataset(model.input_shape[1:]).x_train[:1]
    np.testing.assert_array_equal(np.asarray(export_model(from_keras(model))(x)), np.asarray(model(x)))


def test_weights_are_per_channel_and_batch_is_one() -> None:
    graph = read(quantize(MODELS["convolution"](), dataset((8, 8, 3)), seed=0))
    kernel = graph.tensors[next(node for node in graph.nodes if node.op == "CONV_2D").inputs[1]]
    assert kernel.quantization is not None
    assert len(kernel.quantization.scales) == 4
    assert graph.tensors[graph.inputs[0]].shape == (1, 8, 8, 3)
    assert [node.op for node in graph.nodes] == [
        "CONV_2D",
        "MAX_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from quant_models import MODELS, dataset, quantize
raw = quantize(MODELS["convolution"](), dataset((8, 8, 3)), samples=20, seed=7)
print("sha256", hashlib.sha256(raw).hexdigest())
"""


def test_same_bytes_in_another_process_and_other_bytes_for_another_seed(tmp_path: Path) -> None:
    model, data = MODELS["convolution"](), dataset((8, 8, 3))
    here = hashlib.sha256(quantize(model, data, samples=20, seed=7)).hexdigest()
    assert hashlib.sha256(quantize(model, data, samples=20, seed=8)).hexdigest() != here
    (tmp_path / "quant_models.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    tests = Path(__file__).parents[1]
    command = f"import sys; sys.path[:0] = [{str(tests)!r}, {str(tests.parent)!r}]\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", command, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"sha256 {here}" in done.stdout.splitlines()


def test_converter_is_silent(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "edgeprune"):
        quantize(MODELS["convolution"](), dataset((8, 8, 3)), seed=0)
    caught = capfd.readouterr()
    assert (caught.out, caught.err) == ("", "")


@pytest.mark.parametrize(
    ("layer", "operator"),
    [(L.ELU(), "ELU"), (L.UpSampling2D(2, interpolation="bicubic"), "tf.ResizeBicubic")],
)
def test_operator_without_int8_form_is_named(layer: Any, operator: str) -> None:
    model = sequence((4, 4, 2), L.Conv2D(2, 3), layer, L.Flatten(), L.Dense(3))
    with pytest.raises(ModelError, match=rf"\b{operator}\b.*(no int8 form|cannot|$)") as caught:
        quantize(model, dataset((4, 4, 2)), seed=0)
    assert caught.value.hint


def test_float_tflite_is_not_taken_for_int8(shared_data: Path) -> None:
    check_integer((shared_data / "mlperf_tiny" / "ic" / "pretrainedResnet_quant.tflite").read_bytes())
    with pytest.raises(ModelError, match=r"CONV_2D.*floating point"):
        check_integer((shared_data / "mlperf_tiny" / "ic" / "pretrainedResnet.tflite").read_bytes())
    with pytest.raises(ModelError, match=r"QUANTIZE.*floating point"):
        path = shared_data / "tflite" / "mltk" / "image_example1" / "image_example1.tflite"
        check_integer(path.read_bytes())


def test_number_of_samples_must_be_positive() -> None:
    with pytest.raises(UsageError, match="0 calibration samples"):
        quantize(MODELS["convolution"](), dataset((8, 8, 3)), samples=0, seed=0)
