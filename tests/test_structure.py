"""The structure that the design fixes: imports point one way, and the light installation is light."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "edgeprune"

# Each part may import from its own line and from the lines above it.
LAYERS = (
    {"errors", "table"},
    {"artifact"},
    {"graph"},
    {"data", "tflite"},
    {"prune", "quant", "ops"},
    {"memory"},
    {"codegen", "runner"},
    {"device", "runner.linux"},  # which speaks device/wire.py, in Python
    {"profile"},
    {"report", "recipe"},
    {"stages"},
    {"pipeline"},
    {"cli"},
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
HEAVY = {"numpy", "pydantic", "ziglang", "tensorflow", "keras", "h5py", "sklearn", "PIL"}


def imports(path: Path) -> set[str]:
    """The parts of edgeprune that a module imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return {part(name.split(".")[1:]) for name in found if name.startswith("edgeprune.")}


def part(names: Sequence[str]) -> str:
    """The part that a module belongs to: a package of edgeprune, or one in it that has a place of its own."""
    return ".".join(names[:2]) if ".".join(names[:2]) in RANK else names[0]


def part_of(path: Path) -> str:
    return part([name.removesuffix(".py") for name in path.relative_to(PACKAGE).parts])


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if part_of(path) != "__init__")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    rank = RANK[part_of(path)]
    wrong = [name for name in imports(path) if RANK.get(name, -1) > rank]
    assert not wrong, f"{path.name} is below {wrong}"


def test_every_folder_has_its_place() -> None:
    parts = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if not p.name.startswith("_")}
    assert parts == {name for name in RANK if "." not in name}


def test_light_commands_start_without_the_heavy_packages() -> None:
    """--help, flash, profile, doctor, targets, boards: only what `pip install edgeprune` brings."""
    script = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(HEAVY)!r}:
            raise ModuleNotFoundError("not in the light installation: " + name, name=name)
sys.meta_path.insert(0, Refuse())
import importlib
from edgeprune.cli.main import COMMANDS
for name in COMMANDS:
    importlib.import_module("edgeprune.cli." + COMMANDS[name][0])
import edgeprune.profile.measure, edgeprune.device.flash, edgeprune.device.session, edgeprune.report.html
print("light")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "light\n", done.stderr


def test_files_and_functions_stay_readable() -> None:
    """No module outgrows 500 lines: split by responsibility before it does."""
    long = {str(p.relative_to(PACKAGE)): n for p in MODULES if (n := p.read_text().count("\n")) > 500}
    assert not long
