"""Whole published models: our references compute what TFLM computes, bit for bit."""

import csv
from pathlib import Path

import numpy as np
import pytest
from support.oracle import tflm_runs

from edgeprune.errors import ModelError
from edgeprune.ops import ReferenceModel, bind
from edgeprune.tflite.graph import Array, QuantGraph, Tensor
from edgeprune.tflite.read import read

RUNS = 2
GOLDEN_SEED = 20240101

SUPPORTED = [
    "mlperf_tiny/ad/ad01_fp32.tflite",
    "mlperf_tiny/ad/ad01_int8.tflite",
    "mlperf_tiny/ad/model_ToyCar_quant_fullint.tflite",
    "mlperf_tiny/ic/pretrainedResnet.tflite",
    "mlperf_tiny/ic/pretrainedResnet_quant.tflite",
    "mlperf_tiny/kws/kws_ref_model.tflite",
    "mlperf_tiny/sww/str_ww_ref_model.tflite",
    "mlperf_tiny/vww/vww_96_float.tflite",
    "mlperf_tiny/vww/vww_96_int8.tflite",
    "tflite/coral/keras_lstm_mnist_ptq.tflite",
    "tflite/mediapipe/hand_recrop.tflite",
    "tflite/micro_wake_word/v1_alexa.tflite",
    "tflite/micro_wake_word/v1_hey_jarvis.tflite",
    "tflite/micro_wake_word/v2_alexa.tflite",
    "tflite/micro_wake_word/v2_choo_choo_homie.tflite",
    "tflite/micro_wake_word/v2_hey_jarvis.tflite",
    "tflite/micro_wake_word/v2_hey_peppa_pig.tflite",
    "tflite/micro_wake_word/v2_okay_nabu.tflite",
    "tflite/micro_wake_word/v2_vad.tflite",
    "tflite/mltk/anomaly_detection/anomaly_detection.tflite",
    "tflite/mltk/audio_example1/audio_example1.tflite",
    "tflite/mltk/autoencoder_example/autoencoder_example.float32.tflite",
    "tflite/mltk/autoencoder_example/autoencoder_example.tflite",
    "tflite/mltk/image_classification/image_classification.tflite",
    "tflite/mltk/image_example1/image_example1.float32.tflite",
    "tflite/mltk/image_example1/image_example1.tflite",
    "tflite/mltk/keyword_spotting/keyword_spotting.tflite",
    "tflite/mltk/keyword_spotting_alexa/keyword_spotting_alexa.float32.tflite",
    "tflite/mltk/keyword_spotting_alexa/keyword_spotting_alexa.tflite",
    "tflite/mltk/keyword_spotting_mobilenetv2/keyword_spotting_mobilenetv2.tflite",
    "tflite/mltk/keyword_spotting_on_off/keyword_spotting_on_off.tflite",
    "tflite/mltk/keyword_spotting_on_off_v3.tflite",
    "tflite/mltk/keyword_spotting_pacman/keyword_spotting_pacman.float32.tflite",
    "tflite/mltk/keyword_spotting_pacman/keyword_spotting_pacman.tflite",
    "tflite/mltk/rock_paper_scissors/rock_paper_scissors.float32.tflite",
    "tflite/mltk/rock_paper_scissors/rock_paper_scissors.tflite",
    "tflite/mltk/tflite_micro_speech/tflite_micro_speech.tflite",
    "tflite/mltk/visual_wake_words/visual_wake_words.tflite",
    "tflite/other/helia_tiny_cnn.tflite",
    "tflite/other/mlonmcu_qnn_model.tflite",
    "tflite/tflm/dtln_noise_suppression.tflite",
    "tflite/tflm/hello_world_float.tflite",
    "tflite/tflm/hello_world_int8.tflite",
    "tflite/tflm/micro_speech_quantized.tflite",
    "tflite/tflm/simple_add_model.tflite",
    "tflite/tflm/trained_lstm.tflite",
    "tflite/tflm/trained_lstm_int8.tflite",
    "tflite/tinyengine/ptq_mnist_lenet-300-100.tflite",
    "tflite/tinyengine/vww.tflite",
]


def draw(tensor: Tensor, rng: np.random.RandomState) -> Array:
    """An input as `tflite_golden.npz` draws them; its document says how."""
    if tensor.dtype == "float32":
        return rng.random_sample(size=tensor.shape).astype(np.float32)
    ends = {"int8": (-128, 128), "uint8": (0, 256), "int16": (-32768, 32768)}[tensor.dtype]
    return rng.randint(*ends, size=tensor.shape).astype(tensor.dtype)


def golden_inputs(graph: QuantGraph) -> list[list[Array]]:
    rng = np.random.RandomState(GOLDEN_SEED)
    return [[draw(graph.tensors[i], rng) for i in graph.inputs] for _ in range(RUNS)]


@pytest.mark.parametrize("name", SUPPORTED)
def test_model_is_tflm(name: str, shared_data: Path) -> None:
    data = (shared_data / name).read_bytes()
    graph = read(data)
    inputs = golden_inputs(graph)
    model = ReferenceModel(graph)
    results = [model.run(run) for run in inputs]
    for expected, actual in zip(tflm_runs(data, inputs), results, strict=True):
        for wanted, got in zip(expected, actual, strict=True):
            assert (wanted.dtype, wanted.tobytes()) == (got.dtype, got.tobytes())


def test_models_are_the_published_goldens(shared_data: Path) -> None:
    """Where TFLM is known to equal LiteRT, LiteRT's stored outputs are ours too."""
    goldens = np.load(shared_data / "tflite_golden.npz")
    with (shared_data / "tflite_index.csv").open(newline="") as file:
        equal = [row["path"] for row in csv.DictReader(file) if row["tflm_vs_ref"] == "equal"]
    names = [name for name in SUPPORTED if name in equal]
    assert len(names) >= 18
    for name in names:
        graph = read((shared_data / name).read_bytes())
        model = ReferenceModel(graph)
        for run, inputs in enumerate(golden_inputs(graph)):
            for output, got in enumerate(model.run(inputs)):
                assert np.array_equal(goldens[f"{name}/{run}/{output}"], got), (name, run)


def test_other_models_are_refused_with_a_hint(shared_data: Path) -> None:
    paths = sorted(shared_data.rglob("*.tflite"))
    others = [path for path in paths if str(path.relative_to(shared_data)) not in SUPPORTED]
    assert len(others) == len(paths) - len(SUPPORTED)
    for path in others:
        with pytest.raises(ModelError) as caught:
            bind(read(path.read_bytes()))
        assert caught.value.hint, path


def test_macs_are_the_published_ones(shared_data: Path) -> None:
    """ResNet-8 has 12.5 million, from its layers' shapes: 12,501,632."""
    graph = read((shared_data / "mlperf_tiny/ic/pretrainedResnet_quant.tflite").read_bytes())
    assert sum(node.macs for node in bind(graph)) == 12_501_632
