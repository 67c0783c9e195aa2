"""The structure that the design fixes: imports point one way, and the light installation is light."""

import ast
import subprocess
import sys
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
    {"device"},
    {"profile"},
    {"report", "recipe"},
    {"stages"},
    {"pipeline"},
    {"cli"},
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
HEAVY = {"numpy", "pydantic", "ziglang", "tensorflow", "keras", "h5py", "sklearn", "PIL"}


def imports(path: Path) -> set[str]:
    """The first two parts of what a module imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {".".join(alias.name.split(".")[:2]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(".".join(node.module.split(".")[:2]))
    return found


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if part_of(path) != "__init__")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    rank = RANK[part_of(path)]
    wrong = [
        name
        for name in imports(path)
        if name.startswith("edgeprune.") and RANK.get(name.split(".")[1], -1) > rank
    ]
    assert not wrong, f"{path.name} is below {wrong}"


def test_every_folder_has_its_place() -> None:
    parts = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if not p.name.startswith("_")}
    assert parts == set(RANK)


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
