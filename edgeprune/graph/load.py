"""A Keras model from a file, and never code from it.

The configuration in the file is looked through before Keras sees it: Lambda layers, custom classes and
functions are refused by name. `.keras` and `.h5` of Keras 3 are then loaded by Keras in safe mode; `.h5`
of Keras 2, which Keras 3 reads only in part, by `keras2`.
"""

import io
import json
import logging
import re
import zipfile
from pathlib import Path
from typing import Any

from edgeprune.errors import ModelError
from edgeprune.graph import h5_probe, keras2

_log = logging.getLogger(__name__)

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGIC = b"PK\x03\x04"
_COLOURS = re.compile("\x1b\\[[0-9;]*m")
_RESAVE = "save the model again with model.save('model.keras')"
# More than any network for these devices needs; a damaged or hostile file must not fill the memory.
_MAX_FILE_BYTES = 2 << 30
_MAX_CONFIG_BYTES = 64 << 20


def load_model(path: str | Path) -> Any:
    """Return the `keras.Model` in a `.keras` or `.h5` file, not compiled.

    Raises ModelError where the file is missing, damaged, no model, or holds what cannot be loaded safely.
    """
    path = Path(path)
    magic = _check_file(path)
    try:
        if magic.startswith(_ZIP_MAGIC):
            return _load_keras(path)
        if magic.startswith(_HDF5_MAGIC):
            return _load_h5(path)
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # h5py, zipfile and Keras raise nearly anything for a damaged file
        _log.debug("loading %s", path, exc_info=True)
        raise ModelError(f"{path.name} cannot be loaded: {_in_short(error)}", hint=_RESAVE) from error
    raise ModelError(
        f"{path.name} is neither a .keras nor an .h5 file of Keras (it begins with {magic[:8]!r})",
        hint=_RESAVE,
    )


def _check_file(path: Path) -> bytes:
    """Return the first bytes of the file; raises ModelError where there is none."""
    if path.is_dir():
        kind = "a SavedModel folder" if (path / "saved_model.pb").exists() else "a folder"
        raise ModelError(
            f"{path.name} is {kind}, not a model file",
            hint="load it where it was made and use model.save('model.keras'), or give an int8 .tflite",
        )
    if not path.exists():
        raise ModelError(f"no such model file: {path}", hint="check the path")
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            magic = file.read(16)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
    if size_bytes == 0:
        raise ModelError(f"{path.name} is empty", hint=_RESAVE)
    if size_bytes > _MAX_FILE_BYTES:
        raise ModelError(f"{path.name} has {size_bytes} bytes, more than the {_MAX_FILE_BYTES} allowed")
    return magic


def _load_keras(path: Path) -> Any:
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if not {"config.json", "model.weights.h5"} <= names:
                raise ModelError(f"{path.name} is a zip file but no Keras model", hint=_RESAVE)
            if archive.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
                raise ModelError(f"{path.name} has an implausibly large configuration", hint=_RESAVE)
            if archive.getinfo("model.weights.h5").file_size > _MAX_FILE_BYTES:
                raise ModelError(f"{path.name} has implausibly large weights", hint=_RESAVE)
            config = _parse(archive.read("config.json"), path)
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise ModelError(f"{path.name} is damaged or cut off: {error}", hint="copy it again") from error
    if damaged is not None:
        raise ModelError(f"{path.name} is damaged: bad checksum of {damaged}", hint="copy it again")
    refuse_code(config)
    _check_content(path)
    model = keras.models.load_model(_with_suffix(path, ".keras"), compile=False, safe_mode=True)
    # Keras complains of weights that are missing, not of weights that it has no layer for.
    stored, held = _count_weights(path), len(model.weights)
    if stored != held:
        raise ModelError(f"{path.name} holds {stored} weights, its network has {held}", hint=_RESAVE)
    return model


def _count_weights(path: Path) -> int:
    """Weights of the layers in a `.keras` file; not the optimizer's, nor the seeds of random layers."""
    import h5py

    found: list[str] = []
    with (
        zipfile.ZipFile(path) as archive,
        h5py.File(io.BytesIO(archive.read(h5_probe.WEIGHTS)), "r") as file,
    ):
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    paths = [name.split("/") for name in found]
    return sum(path[0] in ("layers", "vars") and "seed_generator" not in path for path in paths)


def _with_suffix(path: Path, suffix: str) -> Any:
    """What Keras may load: it goes by the name of a file, we go by its content."""
    if path.suffix == suffix:
        return path
    raise ModelError(f"{path.name} holds a {suffix} model", hint=f"rename it to {path.stem}{suffix}")


def _load_h5(path: Path) -> Any:
    import h5py
    import keras

    _check_content(path)
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs or "model_weights" not in file:
            raise ModelError(
                f"{path.name} holds no network, at most weights",
                hint="save the whole model with model.save('model.keras')",
            )
        config = _parse(file.attrs["model_config"], path)
        refuse_code(config)
        version = _text(
            file.attrs.get("keras_version", file["model_weights"].attrs.get("keras_version", "1"))
        )
        if version.startswith("2."):
            return keras2.load(config, file["model_weights"])
        if version.startswith("3."):
            model = keras.models.load_model(_with_suffix(path, ".h5"), compile=False, safe_mode=True)
            keras2.check_weights(model, file["model_weights"])
            return model
    raise ModelError(f"{path.name} was saved by Keras {version}; 2 and 3 are supported", hint=_RESAVE)


def _check_content(path: Path) -> None:
    reason = h5_probe.probe(path)
    if reason is not None:
        raise ModelError(f"{path.name} is damaged or cut off: {reason}", hint="copy it again")


def _parse(text: Any, path: Path) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} has a damaged configuration", hint="copy it again") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict | list):
        raise ModelError(f"{path.name} has no configuration of a model", hint=_RESAVE)
    return config


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _in_short(error: Exception) -> str:
    """What a library said, as one line without colours, at most 250 characters."""
    text = " ".join(_COLOURS.sub("", str(error)).split())
    return (text or type(error).__name__)[:250]


def refuse_code(config: Any, layer: str = "") -> None:
    """Raise ModelError where a model's configuration would run code, or needs a class that is not Keras's.

    `layer` names the layer around `config` in messages.
    """
    if isinstance(config, list):
        for value in config:
            refuse_code(value, layer)
        return
    if not isinstance(config, dict):
        return
    kind = config.get("class_name")
    inner = config.get("config")
    if isinstance(kind, str):
        name = inner.get("name") if isinstance(inner, dict) else None
        if isinstance(name, str) and kind not in ("DTypePolicy", "Policy"):
            layer = name
        _refuse_object(config, kind, layer)
    for key, value in config.items():
        if key != "compile_config":
            refuse_code(value, layer)


def _refuse_object(config: dict[str, Any], kind: str, layer: str) -> None:
    place = f"layer {layer!r}" if layer else "the model"
    if kind in ("Lambda", "__lambda__", "TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda"):
        raise ModelError(
            f"{place} ({kind}) holds code, which is never run from a file",
            hint="replace it with a layer of keras.layers",
        )
    module, registered = config.get("module"), config.get("registered_name")
    foreign = isinstance(module, str) and module.split(".")[0] not in ("keras", "builtins", "tf_keras")
    custom = ">" in kind or (isinstance(registered, str) and ">" in registered and "keras" not in registered)
    if foreign or custom or kind == "function":
        raise ModelError(
            f"{place} uses {registered or kind!r}, which is not part of Keras",
            hint="build the model from layers and functions of Keras",
        )
