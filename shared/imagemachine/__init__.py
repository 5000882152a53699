"""Image Machine: an upload lands in a bucket, seconds later its variants are there.

A variant's file takes all that it needs from here. Each is loaded when it is asked for: a function starts sooner so.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagemachine.bootstrap import function
    from imagemachine.steps import Cover, Exact, Fit, Pad, Sharpen, Turn, Watermark
    from imagemachine.variant import Variant

__all__ = ["Cover", "Exact", "Fit", "Pad", "Sharpen", "Turn", "Variant", "Watermark", "function"]

_HOMES = {"function": "bootstrap", "Variant": "variant"}
"""The modules of what is no step."""


def __getattr__(name: str) -> Any:
    """What a variant's file names; a step that there is not is a ConfigurationError, with the place."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'steps')}"), name)
    if name[:1].isupper():
        from imagemachine.errors import ConfigurationError  # noqa: PLC0415 - as everything here
        from imagemachine.written import likely, place  # noqa: PLC0415

        raise ConfigurationError(f"{place()}: there is no {name} in imagemachine.{likely(name, __all__)}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
