"""`package.module:function`: the user's own Python; modules in the current folder are found too.

The function takes no arguments and returns `x_train, y_train, x_test, y_test`, or
`(x_train, y_train), (x_test, y_test)` as the data sets of Keras do, or a dictionary of the four names.
"""

import importlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeprune.data.fit import NAMES, Raw
from edgeprune.errors import DataError

_RETURNS = "return x_train, y_train, x_test, y_test"


def read(spec: str) -> Raw:
    """Import and call the function; raises DataError that says where it failed."""
    module_name, _, function_name = spec.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        function = _find(module_name, function_name)
        try:
            result = function()
        except Exception as error:
            raise DataError(f"{spec} failed: {_where(error)}", hint="run it by itself first") from error
    finally:
        sys.path.remove(here)
    return Raw(_arrays(spec, result))


def _find(module_name: str, function_name: str) -> Any:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise DataError(
            f"module {module_name!r} cannot be imported: {_where(error)}",
            hint="run edgeprune where the module is, or install it",
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise DataError(
            f"module {module_name!r} has no function {function_name!r}",
            hint=f"it has {', '.join(known[:8]) or 'none'}",
        )
    return function


def _where(error: Exception) -> str:
    """Kind, message and the innermost line of an error."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _arrays(spec: str, result: Any) -> dict[str, Any]:
    if isinstance(result, Mapping):
        return {str(name): value for name, value in result.items()}
    if isinstance(result, tuple | list) and len(result) == 4:
        return dict(zip(NAMES, result, strict=True))
    if (
        isinstance(result, tuple | list)
        and len(result) == 2
        and all(isinstance(part, tuple | list) and len(part) == 2 for part in result)
    ):
        return dict(zip(NAMES, (*result[0], *result[1]), strict=True))
    raise DataError(f"{spec} returned {type(result).__name__}, not four arrays", hint=_RETURNS)
