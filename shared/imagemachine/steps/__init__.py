"""The steps that a variant is made of: a file each, named here for whoever writes one down.

Each is loaded when it is asked for, from the file of its name: a function starts sooner without the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imagemachine.steps.step import Bounds, Step

if TYPE_CHECKING:
    from imagemachine.steps.cover import Cover
    from imagemachine.steps.exact import Exact
    from imagemachine.steps.fit import Fit
    from imagemachine.steps.pad import Pad
    from imagemachine.steps.sharpen import Sharpen
    from imagemachine.steps.turn import Turn
    from imagemachine.steps.watermark import Watermark

__all__ = ["Bounds", "Cover", "Exact", "Fit", "Pad", "Sharpen", "Step", "Turn", "Watermark"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name.lower()}"), name)
