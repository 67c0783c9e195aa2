"""Finds the C files of kernels in the operators' folders, with the headers that they include."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import edgeprune.ops
from edgeprune.errors import InternalError

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


@cache
def c_files() -> dict[str, Path]:
    """Every C file and header of the operators, by its name, which is unique."""
    folder = Path(edgeprune.ops.__file__).parent
    files: dict[str, Path] = {}
    for path in sorted((*folder.rglob("*.c"), *folder.rglob("*.h"))):
        if path.name in files:
            raise InternalError(f"two operators have a file {path.name}")
        files[path.name] = path
    return files


def kernel_files(kernels: Iterable[str]) -> dict[str, str]:
    """The texts, by file name, that a program needs to call `kernels`: sources and all headers."""
    texts: dict[str, str] = {}
    wanted = [f"{kernel}{suffix}" for kernel in sorted(set(kernels)) for suffix in (".c", ".h")]
    while wanted:
        name = wanted.pop()
        if name in texts:
            continue
        if name not in c_files():
            raise InternalError(f"no operator has the file {name}")
        texts[name] = c_files()[name].read_text(encoding="utf-8")
        included = _INCLUDE.findall(texts[name])
        # A header may come with a source of its own that holds what several kernels share.
        sources = [f"{header.removesuffix('.h')}.c" for header in included]
        wanted += [*included, *(source for source in sources if source in c_files())]
    return dict(sorted(texts.items()))
