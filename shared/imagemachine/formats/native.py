"""Loading C libraries: the first of several that has all that is wanted of it."""

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any

Signature = tuple[Any, tuple[Any, ...]]
"""What a function of C returns, and what it takes; int and None are ctypes' own ways to say so."""


def load(candidates: Iterable[str], wanted: Mapping[str, Signature], optional: Mapping[str, Signature]) -> Any:
    """The first library among the candidates that can be loaded and has every function that is wanted, or None.

    Its functions, those that are optional too if it has them, are told what they take and return.
    """
    for candidate in candidates:
        try:
            library = ctypes.CDLL(candidate)
            for name, signature in wanted.items():
                _tell(library, name, signature)
        except (OSError, AttributeError):
            continue
        for name, signature in optional.items():
            if hasattr(library, name):
                _tell(library, name, signature)
        return library
    return None


def _tell(library: ctypes.CDLL, name: str, signature: Signature) -> None:
    function = getattr(library, name)
    function.restype, function.argtypes = signature
