"""The build file: everything that a build depends on, typed; unknown keys are refused.

The command line makes a Recipe, a `.toml` file is one, and every Bundle carries the one it came
from, so that `edgeprune build recipe.toml` repeats it.
"""

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgeprune.errors import UsageError
from edgeprune.table import did_you_mean

DEFAULT_METHOD = "l1"
# What only a network that is pruned looks at.
TUNING = (
    *("allocation", "speedup_in", "round_to", "keep", "steps", "epochs", "batch_size", "learning_rate"),
    *("augment", "distill"),
)


class Recipe(BaseModel):
    """One build. Paths are relative to the folder that the command runs in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str
    target: str = "virtual-m4"
    data: str | None = None
    scale: str = "none"
    method: str | None = None
    speedup: float | None = Field(default=None, ge=1.0)
    speedup_in: Literal["macs", "instructions", "tiles"] = "macs"
    budget: str | None = None
    allocation: str | None = None
    round_to: int | None = Field(default=None, ge=1)
    steps: int = Field(default=1, ge=1)
    keep: tuple[str, ...] = ()
    epochs: int | None = Field(default=None, ge=0)
    batch_size: int | None = Field(default=None, ge=1)
    learning_rate: float | None = Field(default=None, gt=0.0)
    augment: Literal["auto", "none", "flip-crop"] = "auto"
    distill: bool = True
    quantize: Literal["int8", "int8-qat", "float32", "dynamic"] = "int8"
    qat_epochs: int | None = Field(default=None, ge=1)
    samples: int = Field(default=200, ge=1)
    optimize: Literal["speed", "balanced", "size", "auto"] = "balanced"
    toolchain: str = "zig"
    runtime: Literal["auto", "litert", "native"] = "auto"
    wheels: bool = False
    out: str | None = None
    seed: int = Field(default=0, ge=0)

    def to_toml(self) -> str:
        """The recipe as TOML, without what was left at None and without `out`."""
        lines = ["# Repeat this build: edgeprune build recipe.toml"]
        for name, value in self.model_dump(exclude_none=True, exclude={"out"}).items():
            lines.append(f"{name} = {json.dumps(value)}")
        return "\n".join(lines) + "\n"


def make_recipe(values: dict[str, Any], where: str) -> Recipe:
    """A Recipe from `values`; raises UsageError that names the key, `where` it stands, and the fix.

    A speed-up without a method is pruned for by DEFAULT_METHOD.
    """
    if values.get("speedup") is not None and values.get("method") is None:
        values = {**values, "method": DEFAULT_METHOD}
    try:
        return Recipe(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(key, Recipe.model_fields)
            raise UsageError(f"{where}: unknown key {key!r}", hint=hint) from None
        if first["type"] == "missing":
            raise UsageError(f"{where}: the key {key!r} is missing", hint=f"{key} = '...'") from None
        reason = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise UsageError(
            f"{where}: {key} = {first.get('input')!r}: {reason}",
            hint="edgeprune build --help says what each option takes",
        ) from None


def read_recipe(path: Path, overrides: dict[str, Any]) -> Recipe:
    """Read a recipe file; options given on the command line (`overrides`) win."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no recipe at {path}", hint="every Bundle has one: recipe.toml") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"{path} is not readable as TOML: {error}",
            hint="a recipe has lines such as target = 'virtual-m4'",
        ) from error
    return make_recipe({**values, **overrides}, str(path))
