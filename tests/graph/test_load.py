"""Models from files: published ones of every Keras since 2.2, damaged ones, hostile ones."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.tools import require_module

from edgeprune.errors import ModelError
from edgeprune.graph import h5_probe
from edgeprune.graph.check import check
from edgeprune.graph.cost import count
from edgeprune.graph.keras_in import from_keras
from edgeprune.graph.keras_out import to_keras
from edgeprune.graph.load import load_model

L = keras.layers

PUBLISHED = {
    "marabou/keras/cnn_max_mnist2": 16502,
    "marabou/keras/fc_2-2sigmoids-3": 15,
    "marabou/keras/robust_mnist_sigmoid_linear": 52650,
    "mlperf_tiny/ad/ad01": 269992,
    "mlperf_tiny/ic/pretrainedResnet": 78666,
    "mlperf_tiny/sww/str_ww_ref_model": 47707,
    "mlperf_tiny/vww/vww_96": 221794,
    "tflite/mltk/audio_example1/audio_example1": 7186,
    "tflite/mltk/autoencoder_example/autoencoder_example": 10484,
    "tflite/mltk/image_classification/image_classification": 78666,
    "tflite/mltk/image_example1/image_example1": 8443,
    "tflite/mltk/keyword_spotting/keyword_spotting": 24908,
    "tflite/mltk/keyword_spotting_mobilenetv2/keyword_spotting_mobilenetv2": 99560,
    "tflite/mltk/keyword_spotting_on_off/keyword_spotting_on_off": 6628,
    "tflite/mltk/keyword_spotting_pacman/keyword_spotting_pacman": 19901,
    "tflite/mltk/rock_paper_scissors/rock_paper_scissors": 72820,
    "tflite/mltk/tflite_micro_speech/tflite_micro_speech": 16684,
}
# .h5 -> its float32 .tflite, and the range of inputs that the network was made for
TWINS = {
    "mlperf_tiny/ic/pretrainedResnet": ("mlperf_tiny/ic/pretrainedResnet.tflite", 255.0),
    "mlperf_tiny/vww/vww_96": ("mlperf_tiny/vww/vww_96_float.tflite", 1.0),
    "tflite/mltk/autoencoder_example/autoencoder_example": ("", 1.0),
    "tflite/mltk/image_example1/image_example1": ("", 1.0),
    "tflite/mltk/keyword_spotting_pacman/keyword_spotting_pacman": ("", 255.0),
    "tflite/mltk/rock_paper_scissors/rock_paper_scissors": ("", 1.0),
}
MACS = {
    "mlperf_tiny/ic/pretrainedResnet": 12_501_632,
    "mlperf_tiny/vww/vww_96": 7_489_664,
    "mlperf_tiny/ad/ad01": 264_192,
    "tflite/mltk/keyword_spotting/keyword_spotting": 2_656_768,
}


def test_every_published_file_is_listed(shared_data: Path) -> None:
    found = {path.relative_to(shared_data).with_suffix("").as_posix() for path in shared_data.rglob("*.h5")}
    assert found == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_file_loads_and_survives_the_graph(name: str, shared_data: Path) -> None:
    model = load_model(shared_data / f"{name}.h5")
    graph = from_keras(model)
    check(graph)
    assert graph.parameters == PUBLISHED[name]
    if name in MACS:
        assert count(graph).macs == MACS[name]
    x = np.random.default_rng(0).random((1, *model.input_shape[1:]), np.float32)
    np.testing.assert_array_equal(np.asarray(to_keras(graph)(x)), np.asarray(model(x)))


def tflite_outputs(path: Path, examples: np.ndarray) -> np.ndarray:
    interpreter = require_module("ai_edge_litert.interpreter").Interpreter(str(path))
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = []
    for example in examples:
        interpreter.set_tensor(source["index"], example[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target["index"])[0])
    return np.array(rows)


@pytest.mark.parametrize("name", TWINS)
def test_published_file_computes_what_its_float_tflite_computes(name: str, shared_data: Path) -> None:
    twin, scale = TWINS[name]
    path = shared_data / (twin or f"{name}.float32.tflite")
    model = load_model(shared_data / f"{name}.h5")
    x = (np.random.default_rng(3).random((3, *model.input_shape[1:])) * scale).astype(np.float32)
    # Two sums of up to some hundred float32 products in different orders, through up to 30 layers that
    # do not amplify: 30 * sqrt(1000) * 2^-24 is 6e-5 of the largest output.
    expected = tflite_outputs(path, x)
    np.testing.assert_allclose(np.asarray(model(x)), expected, atol=1e-4 * np.abs(expected).max())


def test_anomaly_detection_differs_from_its_tflite_by_the_lost_biases(shared_data: Path) -> None:
    """The published conversion dropped the bias of each dense layer in front of a batch norm."""
    folder = shared_data / "mlperf_tiny" / "ad"
    model = load_model(folder / "ad01.h5")
    native = keras.models.load_model(folder / "ad01.h5", compile=False)
    x = np.random.default_rng(4).random((2, 640), np.float32)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(native(x)))
    for layer in model.layers:
        if layer.name.startswith("dense") and layer.name != "dense_9":
            layer.bias.assign(np.zeros(layer.bias.shape, np.float32))
    expected = tflite_outputs(folder / "ad01_fp32.tflite", x)
    # Means up to 7,361 are subtracted from sums of that size: 7361 * 2^-24 / sqrt(variance) each time.
    np.testing.assert_allclose(np.asarray(model(x)), expected, atol=1e-3 * np.abs(expected).max())


# --- files made here, in the formats of Keras 2 and 3 ---


def small_model() -> Any:
    x = keras.Input((8, 8, 3), name="image")
    y = L.DepthwiseConv2D(3, name="depthwise")(x)
    y = L.BatchNormalization(name="norm")(L.SeparableConv2D(4, 3, name="separable")(y))
    y = L.Conv2DTranspose(2, 2, name="transposed")(L.PReLU(name="prelu")(y))
    inner = keras.Sequential(
        [keras.Input((50,)), L.Dense(6, name="hidden"), L.Dense(3, name="last")], name="head"
    )
    model = keras.Model(x, inner(L.Flatten(name="flat")(y)), name="small")
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, array.shape).astype(np.float32) for array in model.get_weights()])
    return model


IMAGES = np.random.default_rng(5).random((2, 8, 8, 3), np.float32)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_3_file(suffix: str, tmp_path: Path) -> None:
    model = small_model()
    model.compile("adam", "mse")
    path = tmp_path / f"model{suffix}"
    model.save(path)
    np.testing.assert_array_equal(np.asarray(load_model(path)(IMAGES)), np.asarray(model(IMAGES)))


def keras2_config(layer: Any) -> dict[str, Any]:
    """A layer's options as Keras 2 wrote them."""
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)["config"]))
    config["dtype"] = "float32"
    for key in [key for key in config if key.endswith("_initializer")]:
        config[key] = {"class_name": "Zeros", "config": {}}
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        config["axis"] = [3]
        for key in ("synchronized", "renorm"):
            config.pop(key, None)
    if kind == "InputLayer":
        return {"batch_input_shape": config["batch_shape"], "dtype": "float32", "name": config["name"]}
    if "Conv2D" in kind:
        config["groups"] = 1
    return config


def keras2_layer(layer: Any, inbound: list[str]) -> dict[str, Any]:
    if isinstance(layer, keras.Sequential):
        inner = [{"class_name": type(each).__name__, "config": keras2_config(each)} for each in layer.layers]
        inner[0]["config"]["batch_input_shape"] = [None, *layer.input_shape[1:]]
        described: dict[str, Any] = {
            "class_name": "Sequential",
            "config": {"name": layer.name, "layers": inner},
        }
    else:
        described = {"class_name": type(layer).__name__, "config": keras2_config(layer)}
    return {
        **described,
        "name": layer.name,
        "inbound_nodes": [[[name, 0, 0, {}] for name in inbound]] if inbound else [],
    }


OLD_NAMES = {("DepthwiseConv2D", "kernel"): "depthwise_kernel"}


def save_keras2(
    model: Any, path: Path, change: Callable[[dict[str, Any]], None] = lambda config: None
) -> None:
    """Write a chain of layers as Keras 2.4 did; `change` may damage the configuration first."""
    names = [layer.name for layer in model.layers]
    layers = [
        keras2_layer(layer, names[index - 1 : index] if index else [])
        for index, layer in enumerate(model.layers)
    ]
    config = {
        "name": model.name,
        "layers": layers,
        "input_layers": [[names[0], 0, 0]],
        "output_layers": [[names[-1], 1, 0]],
    }
    change(config)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["training_config"] = json.dumps(
            {"loss": "my_own_loss", "optimizer_config": {"class_name": "Mine"}}
        )
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in names]
        group.attrs["backend"] = b"tensorflow"
        for layer in model.layers:
            leaves = layer.layers if isinstance(layer, keras.Sequential) else [layer]
            inner = group.create_group(layer.name)
            titles = []
            for leaf in leaves:
                for weight in leaf.weights:
                    old = OLD_NAMES.get((type(leaf).__name__, weight.name), weight.name)
                    titles.append(f"{leaf.name}/{old}:0")
                    inner[titles[-1]] = np.asarray(weight)
            inner.attrs["weight_names"] = [title.encode() for title in titles]


def test_keras_2_file_with_depthwise_separable_and_nested_layers(tmp_path: Path) -> None:
    model = small_model()
    save_keras2(model, tmp_path / "old.h5")
    with pytest.raises(Exception, match=r"."):  # the reason for our own reader
        keras.models.load_model(tmp_path / "old.h5", compile=False)
    np.testing.assert_array_equal(
        np.asarray(load_model(tmp_path / "old.h5")(IMAGES)), np.asarray(model(IMAGES))
    )


def _set(path: str, key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        layer = next(layer for layer in config["layers"] if layer["name"] == path)
        (layer if key == "class_name" else layer["config"])[key] = value

    return change


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "lambda": (_set("prelu", "class_name", "Lambda"), r"'prelu' \(Lambda\) holds code"),
    "custom class": (_set("prelu", "class_name", "Custom>Swirl"), "'prelu' uses 'Custom>Swirl'"),
    "unknown class": (_set("prelu", "class_name", "Swirl"), r"'prelu' \(Swirl\) is not a supported layer"),
    "own activation": (_set("separable", "activation", "my_act"), "'separable'.*'my_act'"),
    "own regularizer": (
        _set("separable", "pointwise_regularizer", {"class_name": "Mine", "config": {}}),
        "'separable'.*pointwise regularizer",
    ),
    "unknown option": (_set("norm", "sideways", 3), "'norm'.*sideways"),
    "renorm": (_set("norm", "renorm", True), "'norm' has 7 weights, the file 4"),
    "half precision": (
        _set("norm", "dtype", {"class_name": "Policy", "config": {"name": "mixed_float16"}}),
        "mixed",
    ),
    "loop": (lambda c: c["layers"][1].update(inbound_nodes=[[["norm", 0, 0, {}]]]), "inputs are missing"),
    "fewer units": (
        _set("transposed", "filters", 1),
        r"expected shape=\(None, 50\), found shape=\(None, 25\)",
    ),
    "no bias": (_set("transposed", "use_bias", False), "'transposed' has 1 weights, the file 2"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_keras_2_file_that_cannot_be_honoured_is_refused(change: str, tmp_path: Path) -> None:
    alter, message = CHANGES[change]
    save_keras2(small_model(), tmp_path / "old.h5", alter)
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "old.h5")


def test_weight_that_no_layer_wants_is_refused(tmp_path: Path) -> None:
    save_keras2(small_model(), tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        group = file["model_weights"]
        names = [*(layer.name for layer in small_model().layers), "ghost"]
        group.attrs["layer_names"] = [name.encode() for name in names]
        group.create_group("ghost").attrs["weight_names"] = [b"w:0"]
        group["ghost"]["w:0"] = np.zeros(3, np.float32)
    with pytest.raises(ModelError, match="'ghost'"):
        load_model(tmp_path / "old.h5")


def test_keras_3_weight_that_no_layer_wants_is_refused(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file["layers/ghost/vars/0"] = np.zeros(3)
    with zipfile.ZipFile(tmp_path / "more.keras", "w") as archive:
        for name, content in {**members, "model.weights.h5": weights.getvalue()}.items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match=r"holds (\d+) weights, its network has"):
        load_model(tmp_path / "more.keras")


def test_keras_3_file_of_a_trained_model_with_every_kind_of_state(tmp_path: Path) -> None:
    normalization = L.Normalization()
    normalization.adapt(IMAGES)
    inner = keras.Sequential([keras.Input((8, 8, 3)), L.Dropout(0.5), L.Conv2D(2, 3)])
    layers = [keras.Input((8, 8, 3)), normalization, L.RandomFlip(), inner, L.Flatten(), L.Dense(2)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(IMAGES, np.zeros((2, 2)), verbose=0)
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"model{suffix}")
        loaded = load_model(tmp_path / f"model{suffix}")
        expected = np.asarray(model(IMAGES, training=False))
        np.testing.assert_array_equal(np.asarray(loaded(IMAGES, training=False)), expected)


def test_keras_3_lambda_is_refused_and_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = f"lambda x: (__import__('os').makedirs({str(marker)!r}, exist_ok=True), x)[1]"
    layer = L.Lambda(eval(code), name="trick", output_shape=(4,))
    model = keras.Sequential([keras.Input((4,)), layer])
    for suffix in (".keras", ".h5"):
        marker.mkdir(exist_ok=True)
        model.save(tmp_path / f"model{suffix}")
        marker.rmdir()
        with pytest.raises(ModelError, match=r"'trick'.*never run"):
            load_model(tmp_path / f"model{suffix}")
        assert not marker.exists()


def test_weights_without_a_network_are_refused(tmp_path: Path) -> None:
    small_model().save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(ModelError, match="no network") as caught:
        load_model(tmp_path / "only.weights.h5")
    assert "model.save" in str(caught.value.hint)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.keras").write_text("hello")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("a.txt", "hello")
    for name, message in (
        ("empty.h5", "is empty"),
        ("text.keras", "neither"),
        ("saved", "SavedModel"),
        ("other.keras", "no Keras model"),
        ("absent.h5", "no such model file"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            load_model(tmp_path / name)
        assert caught.value.hint


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_cut_off_file_is_refused(suffix: str, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), L.Dense(3)], name="tiny")
    path = tmp_path / f"model{suffix}"
    model.save(path)
    raw = path.read_bytes()
    for length in [1, 8, 100, len(raw) // 3, len(raw) - 1]:
        path.write_bytes(raw[:length])
        with pytest.raises(ModelError):
            load_model(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_damaged_file_never_crashes_or_hangs(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, or other numbers where the format has no checksum. libhdf5 loops for ever on some."""
    monkeypatch.setattr(h5_probe, "TIMEOUT_S", 5)
    model = keras.Sequential([keras.Input((4,)), L.Dense(3)], name="tiny")
    path = tmp_path / f"model{suffix}"
    model.save(path)
    raw = path.read_bytes()
    rng = np.random.default_rng(6)
    refused = 0
    for _ in range(10):
        damaged = bytearray(raw)
        for place in rng.integers(0, len(raw), 12):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            load_model(path)
        except ModelError:
            refused += 1
    assert refused > 0


def test_file_that_takes_too_long_to_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras.Sequential([keras.Input((4,)), L.Dense(3)]).save(tmp_path / "model.h5")
    monkeypatch.setattr(h5_probe, "TIMEOUT_S", 0.001)
    with pytest.raises(ModelError, match="longer than"):
        load_model(tmp_path / "model.h5")


@pytest.mark.parametrize("kind", ["external data", "external link", "huge"])
def test_weights_that_reach_outside_the_file_are_refused(kind: str, tmp_path: Path) -> None:
    save_keras2(small_model(), tmp_path / "old.h5")
    (tmp_path / "secret").write_bytes(bytes(400))
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        group = file["model_weights"]
        if kind == "external link":
            group["more"] = h5py.ExternalLink(str(tmp_path / "secret"), "/x")
        elif kind == "external data":
            group.create_dataset("more", (100,), "f4", external=[(str(tmp_path / "secret"), 0, 400)])
        else:
            group.create_dataset("more", (1 << 40,), "f4", chunks=(1 << 20,))
    with pytest.raises(ModelError, match=r"'more'|more than \d+ bytes"):
        load_model(tmp_path / "old.h5")
