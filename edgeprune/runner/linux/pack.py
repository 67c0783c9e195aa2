"""Host side: the runner as one file, and what has to be installed beside it.

`runner.pyz` is a zip archive that Python runs. It holds the modules that `__main__` imports, directly or not,
found by reading their imports, so nothing that is needed is left out and nothing else comes along. The same
sources give the same bytes, on every computer: nothing is compressed, since compressors differ.
"""

import ast
import io
import zipfile
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from edgeprune.errors import UsageError
from edgeprune.table import Table

MAIN = "edgeprune.runner.linux.__main__"
SHEBANG = b"#!/usr/bin/env python3\n"
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can tell
START = "import sys\n\nfrom edgeprune.runner.linux.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"


@dataclass(frozen=True)
class Environment:
    """What pip is to install for a runtime, and the versions of Python that it does so for."""

    name: str
    pythons: tuple[str, ...]
    pins: tuple[str, ...]


# Everything that pip installs is named, so that a device gets tomorrow what was tested today. All have wheels
# for x86_64 and aarch64 and each of these Pythons, or are pure Python. numpy 2.2.6 is the last for 3.10.
ENVIRONMENTS: Table[Environment] = Table(
    "runtime in Python",
    Environment(
        "litert",
        ("3.10", "3.11", "3.12", "3.13"),
        (
            "ai-edge-litert==2.3.0",
            "backports.strenum==1.2.8",
            "flatbuffers==25.12.19",
            "ml_dtypes==0.6.0",
            "numpy==2.2.6",
            "protobuf==7.36.2",
            "pyserial==3.5",
            "tqdm==4.70.1",
            "typing_extensions==4.16.0",
        ),
    ),
    # Of 2023, for systems whose C library is older than 2.34; it was built for numpy 1 and dies with 2.
    Environment(
        "tflite-runtime",
        ("3.10", "3.11"),
        ("numpy==1.26.4", "pyserial==3.5", "tflite-runtime==2.14.0"),
    ),
)


def runner_pyz() -> bytes:
    """The runner with all its modules, ready to run under Python 3.10 or later."""
    out = io.BytesIO()
    out.write(SHEBANG)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        files = {"__main__.py": START, **{path: _source(path) for path in modules()}}
        for path, text in sorted(files.items()):
            entry = zipfile.ZipInfo(path, DATE)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, text)
    return out.getvalue()


def modules() -> list[str]:
    """The files of edgeprune that the runner imports, as paths in the archive, sorted."""
    found: set[str] = set()
    waiting = [MAIN]
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path is None or path in found:
            continue
        found.add(path)
        waiting += _imports(_source(path))
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return sorted(found)


def requirements(runtime: str = "litert", python: str | None = None) -> str:
    """The text of requirements.txt for `runtime`; UsageError where there is none for that Python ("3.11")."""
    environment = ENVIRONMENTS[runtime]
    if python is not None and python not in environment.pythons:
        raise UsageError(
            f"{environment.pins[0 if runtime == 'litert' else -1]} is not for Python {python}",
            hint=f"Python {', '.join(environment.pythons)}",
        )
    least, most = environment.pythons[0], environment.pythons[-1]
    head = f"# What runner.pyz needs: Python {least} to {most}, x86_64 and aarch64.\n"
    return head + "".join(f"{pin}\n" for pin in environment.pins)


def _path(name: str) -> str | None:
    """The file of module `name`, relative to where edgeprune is; None where it is no module of ours."""
    if name.partition(".")[0] != "edgeprune":
        return None
    base = name.replace(".", "/")
    return next((path for path in (f"{base}.py", f"{base}/__init__.py") if _file(path).is_file()), None)


def _file(path: str) -> Traversable:
    return resources.files("edgeprune").joinpath(*path.split("/")[1:])


def _source(path: str) -> str:
    return _file(path).read_text(encoding="utf-8")


def _imports(source: str) -> list[str]:
    """All modules that a source may import, wherever in it; some of the names are not of modules."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
