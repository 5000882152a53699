"""The steps that a variant is made of: a file each, named here for whoever writes one down."""

from imagemachine.steps.cover import Cover
from imagemachine.steps.exact import Exact
from imagemachine.steps.fit import Fit
from imagemachine.steps.pad import Pad
from imagemachine.steps.sharpen import Sharpen
from imagemachine.steps.step import Bounds, Step
from imagemachine.steps.turn import Turn
from imagemachine.steps.watermark import Watermark

__all__ = ["Bounds", "Cover", "Exact", "Fit", "Pad", "Sharpen", "Step", "Turn", "Watermark"]
