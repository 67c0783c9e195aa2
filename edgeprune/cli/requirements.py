"""What a command needs beyond the light installation, said before it starts."""

from importlib.util import find_spec

from edgeprune.errors import UsageError


def needs(*modules: str, extra: str, what: str) -> None:
    """Raise UsageError with the line to type unless all `modules` are installed."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"{what} needs {', '.join(missing)}, not installed here",
            hint=f"pip install 'edgeprune[{extra}]'",
        )
