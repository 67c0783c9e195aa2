"""Training for int8: the same network, zeros that stay, the same bytes again, a worker that ends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support import keras_networks
from support.tools import missing

from edgeprune.data import Dataset
from edgeprune.errors import InternalError, ModelError, ToolError, UsageError
from edgeprune.graph.forward import forward
from edgeprune.graph.keras_in import from_keras
from edgeprune.ops import ReferenceModel
from edgeprune.quant.qat import Settings, check_installed, process, quantize_aware
from edgeprune.quant.qat.place import places
from edgeprune.quant.qat.prepare import prepare
from edgeprune.quant.qat.request import Request
from edgeprune.tflite.read import read

L = keras.layers
BRIEF = Settings(1, 0, 32, 1e-3, None)
PACKAGE = Path(process.__file__).parents[3]


def require_extra() -> None:
    """Skip where edgeprune[qat] is not installed; without importing it, which would turn Keras to Keras 2."""
    if find_spec("tensorflow_model_optimization") is None:
        missing("the extra edgeprune[qat]")


def randomized(model: Any) -> Any:
    """Weights of ordinary size, statistics that do something."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 2.0, weight.shape))
        else:
            fan_in = max(1, int(np.prod(weight.shape[:-1])))
            weight.assign(rng.normal(0, 1.5 / np.sqrt(fan_in), weight.shape))
    return model


def _image() -> Any:
    x = inputs = keras.Input((12, 12, 3))
    x = L.Conv2D(8, 3, padding="same", use_bias=False)(L.Rescaling(0.5)(x))
    x = first = L.ReLU()(L.BatchNormalization()(x))
    x = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    x = L.BatchNormalization()(L.SeparableConv2D(8, 3, padding="same")(x))
    x = L.Activation("relu")(L.Add()([x, first]))
    pooled = L.MaxPooling2D(3, strides=1, padding="same")(x)
    x = L.Concatenate()([L.Conv2D(4, 1, activation="relu")(x), pooled, L.Conv2D(4, 3, padding="same")(x)])
    x = L.AveragePooling2D(2)(L.ReLU()(L.BatchNormalization()(x)))
    gate = L.GlobalAveragePooling2D(keepdims=True)(x)
    gate = L.Conv2D(16, 1, activation="hard_sigmoid")(L.Conv2D(4, 1, activation="silu")(gate))
    x = L.Flatten()(L.Dropout(0.3)(L.Multiply()([x, gate])))
    x = L.LeakyReLU(negative_slope=0.1)(L.BatchNormalization()(L.Dense(12, use_bias=False)(x)))
    return keras.Model(inputs, L.Dense(4, activation="softmax")(x))


def _signal() -> Any:
    x = inputs = keras.Input((24, 3))
    x = L.ReLU()(L.BatchNormalization()(L.Conv1D(6, 3, padding="causal")(x)))
    x = L.SeparableConv1D(8, 3, padding="same", activation="tanh")(L.DepthwiseConv1D(3)(x))
    x = L.AveragePooling1D(2)(L.MaxPooling1D(2)(x))
    return keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling1D()(x)))


def _upward() -> Any:
    x = inputs = keras.Input((6, 6, 2))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2DTranspose(4, 3, strides=2, padding="same")(x)))
    x = L.UpSampling2D(2)(L.ZeroPadding2D(1)(L.Cropping2D(1)(x)))
    x = L.Activation("hard_silu")(L.Maximum()([L.Conv2D(3, 1)(x), L.Conv2D(3, 3, padding="same")(x)]))
    return keras.Model(inputs, L.Dense(1, activation="sigmoid")(L.GlobalMaxPooling2D()(x)))


MODELS: dict[str, Callable[[], Any]] = {"image": _image, "signal": _signal, "upward": _upward}


def dataset(model: Any, count: int = 160) -> Dataset:
    """Examples whose class, 0 to 3, is where they are brightest."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (count, *model.input_shape[1:])).astype(np.float32)
    y = (np.arange(count) % 4).astype(np.int32)
    for example, label in zip(x, y, strict=True):
        np.array_split(example, 4)[label][...] += 1
    return Dataset("bright", x, y, x[:20].copy(), y[:20].copy(), 4)


def request(model: Any, settings: Settings = BRIEF) -> Request:
    data = dataset(model)
    return Request(
        settings=settings,
        student=prepare(from_keras(model)),
        teacher=None,
        x=data.x_train,
        y=data.y_train,
        calibration=np.arange(64),
        probe=data.x_train[:4],
        outputs=np.asarray(model(data.x_train[:4], training=False)),
    )


def reals(raw: bytes, examples: np.ndarray) -> tuple[np.ndarray, float]:
    """Real outputs of an int8 network by the operators' references, and one step of them."""
    graph = read(raw)
    source, target = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    model = ReferenceModel(graph)
    found = []
    for example in examples:
        integers = np.clip(np.rint(example / source.scale) + source.zero_point, -128, 127).astype(np.int8)
        found.append(model.run([integers.reshape(source.shape)])[0][0].astype(np.float64))
    return (np.stack(found) - target.zero_point) * target.scale, target.scale


# --- the network that is trained ---


@pytest.mark.parametrize("name", [*MODELS, "sequential", "residual", "depthwise", "shared", "nested"])
def test_prepared_network_computes_the_same(name: str) -> None:
    model = randomized(MODELS[name]()) if name in MODELS else keras_networks.build(name)
    graph = from_keras(model)
    prepared = prepare(graph)
    x = np.random.default_rng(0).normal(0, 1, (3, *graph.by_name[graph.inputs[0]].shape))
    before, after = forward(graph, [x])[graph.outputs[0]], forward(prepared, [x])[prepared.outputs[0]]
    # Folded weights are rounded to float32: 2^-24 of each, through some ten layers.
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6 * max(1.0, np.abs(before).max()))
    assert not {node.kind for node in prepared.nodes} & {"BatchNormalization", "Rescaling", "Dropout"}


def test_rescaled_input_costs_no_operator() -> None:
    kinds = [node.kind for node in prepare(from_keras(_image())).nodes]
    assert kinds[:3] == ["InputLayer", "Conv2D", "ReLU"]


def test_what_is_read_twice_is_not_folded() -> None:
    x = inputs = keras.Input((4, 4, 2))
    x = L.Conv2D(3, 1, name="conv")(x)
    graph = from_keras(keras.Model(inputs, L.Add()([x, L.BatchNormalization(name="norm")(x)])))
    assert [node.kind for node in prepare(graph).nodes] == ["InputLayer", "Conv2D", "DepthwiseConv2D", "Add"]


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (L.Conv2D(2, 1, activation="gelu", name="bad"), "'bad' (Conv2D) has the activation 'gelu'"),
        (L.ReLU(max_value=3.0, name="bad"), "'bad' (ReLU) is neither ReLU nor ReLU6"),
        (L.LayerNormalization(name="bad"), "'bad' (LayerNormalization) is unknown"),
        (L.UpSampling2D(2, interpolation="bicubic", name="bad"), "'bad' (UpSampling2D) interpolates"),
    ],
)
def test_unknown_layer_is_named_with_a_way_out(layer: Any, words: str) -> None:
    model = keras.Sequential([keras.Input((4, 4, 2)), layer])
    with pytest.raises(ModelError) as caught:
        prepare(from_keras(model))
    assert words in caught.value.message
    assert "--quantize int8 " in str(caught.value.hint)


def test_rounding_is_where_tflite_rounds() -> None:
    x = inputs = keras.Input((4, 4, 2), name="x")
    x = L.Conv2D(2, 1, name="fused")(x)
    x = r = L.ReLU(name="relu")(x)
    x = L.MaxPooling2D(2, name="pool")(x)
    a, b = L.Conv2D(2, 1, name="left")(x), L.Conv2D(2, 1, name="right")(x)
    x = L.GlobalAveragePooling2D(name="mean")(L.Concatenate(name="join")([a, b]))
    x = L.Dense(2, name="scores")(L.Multiply(name="mul")([x, x]))
    graph = prepare(from_keras(keras.Model(inputs, [L.Softmax(name="soft")(x), r])))
    assert places(graph) == {
        **dict.fromkeys(("x", "relu", "join", "mean", "mul", "scores"), "own"),
        **dict.fromkeys(("fused", "left", "right"), "none"),
        "pool": "same",
        "soft": "fixed",
    }


def test_request_survives_the_disk(tmp_path: Path) -> None:
    made = request(randomized(_image()), Settings(3, 7, 16, 2e-4, "flip-crop"))
    made.write(tmp_path)
    found = Request.read(tmp_path)
    assert found.settings == made.settings and found.teacher is None
    for one, other in zip(found.student.nodes, made.student.nodes, strict=True):
        assert (one.name, one.kind, one.inputs, one.shape, one.layer) == (
            *(other.name, other.kind, other.inputs, other.shape, other.layer),
        )
        assert all(np.array_equal(one.weights[key], value) for key, value in other.weights.items())
    np.testing.assert_array_equal(found.x, made.x)


# --- the worker ---

SCRIPT = """
import sys
from pathlib import Path
from edgeprune.quant.qat import train
from edgeprune.quant.qat.request import Request
for place in map(Path, sys.argv[1:]):
    request = Request.read(place)
    train.check_twin(request)
    ranges = train.start_ranges(request.student, request.x[request.calibration])
    rounded = train.rounded_twin(request.student, ranges)
    graph, learned = train.trained_graph(request.student, rounded), train.learned_ranges(rounded)
    assert learned.keys() == ranges.keys()
    assert all(abs(a - b) < 1e-5 for n in ranges for a, b in zip(ranges[n], learned[n], strict=True))
    (place / "model.tflite").write_bytes(train.convert(train.export_model(graph, learned)))
    import numpy as np
    np.save(place / "rounded.npy", np.asarray(rounded.model(request.probe, training=False)))
"""


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    """MODELS, prepared, rounded and converted without training, by one process of Keras 2."""
    require_extra()
    made = {}
    for name, make in MODELS.items():
        model, place = randomized(make()), tmp_path_factory.mktemp(name)
        request(model).write(place)
        made[name] = model, place
    environment = os.environ | {"PYTHONPATH": str(PACKAGE), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", "-c", SCRIPT, *(str(place) for _, place in made.values())]
    subprocess.run(command, check=True, env=environment, timeout=600)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_int8_network_is_what_training_saw(name: str, converted: dict[str, tuple[Any, Path]]) -> None:
    model, place = converted[name]
    raw = (place / "model.tflite").read_bytes()
    process.check_integer(raw)
    examples = dataset(model).x_train[:4]
    found, step = reals(raw, examples)
    expected = np.asarray(model(examples, training=False)).reshape(found.shape)
    # Ranges of least squared error clip a little; the network has some ten layers of a step each.
    assert np.abs(found - expected).max() <= 12 * step
    scores = np.load(place / "rounded.npy").reshape(found.shape)
    seen = {"image": _softmax, "signal": lambda v: v, "upward": lambda v: 1 / (1 + np.exp(-v))}[name](scores)
    # Training rounds where the converter does. Left are sums in another order at a rounding's border, and
    # the pooling that TFLite rounds to its input's range and training does not round: a step or two each.
    assert np.abs(found - seen).max() <= 4 * step


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.slow
def test_every_channel_has_its_scale(converted: dict[str, tuple[Any, Path]]) -> None:
    graph = read((converted["image"][1] / "model.tflite").read_bytes())
    kernels = {n.op: graph.tensors[n.inputs[1]] for n in graph.nodes if "CONV" in n.op or "FULLY" in n.op}
    for op, tensor in kernels.items():
        assert tensor.quantization is not None
        channels = tensor.shape[-1] if op.startswith("DEPTHWISE") else tensor.shape[0]
        assert len(tensor.quantization.scales) == channels
    operators = [node.op for node in graph.nodes]
    assert "RELU" not in operators and operators.count("QUANTIZE") <= 1


def small() -> Any:
    """A network one of whose kernel positions is dead in all filters."""
    x = inputs = keras.Input((8, 8, 1))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, use_bias=False, name="conv")(x)))
    model = randomized(keras.Model(inputs, L.Dense(4, activation="softmax")(L.Flatten()(x))))
    kernel = model.get_layer("conv").kernel
    kernel.assign(kernel.numpy() * np.arange(9).reshape(3, 3, 1, 1).astype(bool))
    return model


SETTINGS = Settings(epochs=3, seed=0, batch_size=16, learning_rate=2e-2, augment=None)


@pytest.mark.slow
def test_training_learns_resumes_and_leaves_zeros_and_nobody(tmp_path: Path) -> None:
    require_extra()
    model = small()
    data = dataset(model)
    places_ = [tmp_path / name for name in ("broken", "whole")]
    for place in places_:
        place.mkdir()
    lines: list[str] = []
    pids: list[int] = []
    started = process.subprocess.Popen

    def popen(*args: Any, **options: Any) -> Any:
        child = started(*args, **options)
        pids.append(child.pid)
        return child

    def stop(progress: Any) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process.subprocess, "Popen", popen)
        with pytest.raises(KeyboardInterrupt):
            quantize_aware(model, data, SETTINGS, places_[0], log=lines.append, on_step=stop)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert sorted(p.name for p in places_[0].iterdir()) == ["training_state.npz"]
    first = quantize_aware(model, data, SETTINGS, places_[0], log=lines.append)
    assert "resuming after epoch 1 of 3" in lines
    whole = quantize_aware(model, data, SETTINGS, places_[1])
    assert first.raw == whole.raw
    assert len(whole.epochs) == 3
    assert whole.epochs[-1]["loss"] < whole.epochs[0]["loss"]
    kernel = read(whole.raw).tensors[read(whole.raw).nodes[0].inputs[1]].array()  # (filters, 3, 3, 1)
    assert not kernel[:, 0, 0].any()
    assert all(kernel.reshape(4, 9)[:, position].any() for position in range(1, 9))
    found, _ = reals(whole.raw, data.x_test)
    assert np.mean(found.argmax(axis=1) == data.y_test) > 0.8


@pytest.mark.slow
def test_network_that_keras_2_computes_differently_is_refused(tmp_path: Path) -> None:
    require_extra()
    made = request(small())
    replace(made, outputs=made.outputs + 0.01).write(tmp_path)
    with pytest.raises(InternalError, match=r"as Keras 2 computes it differs by 1\.0e-02"):
        process._run_worker(tmp_path, lambda line: None, None)


def test_broken_worker_is_a_tool_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_MODULE", "edgeprune.no_such_worker")
    with pytest.raises(ToolError, match=r"ended with status 1:(.|\n)*no_such_worker"):
        process._run_worker(tmp_path, lambda line: None, None)


def test_worker_ends_when_its_parent_does() -> None:
    """The parent's end of its stdin is closed, even by SIGKILL, and that is all it waits for."""
    script = "import os, time; from edgeprune.quant.qat.worker import _end_with_parent as end; end()"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    child = subprocess.Popen([sys.executable, "-P", "-c", script], stdin=subprocess.PIPE, env=environment)
    time.sleep(0.2)
    assert child.poll() is None
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(timeout=60) == 1


def test_without_the_extra_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="tensorflow_model_optimization, tf_keras, not installed") as caught:
        check_installed()
    assert caught.value.hint == "pip install 'edgeprune[qat]'"
    assert caught.value.exit_status == 2


def test_worker_process_is_what_imports_keras_2() -> None:
    """tensorflow-model-optimization would turn this process, and all that it starts, to Keras 2."""
    script = "import edgeprune.quant.qat, sys, json; print(json.dumps(sorted(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    modules = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not modules & {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"}
