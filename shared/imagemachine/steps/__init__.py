"""The steps that a variant is made of: a file each, named here for whoever writes one down."""

from imagemachine.steps.fit import Fit
from imagemachine.steps.step import Bounds, Step
from imagemachine.steps.turn import Turn

__all__ = ["Bounds", "Fit", "Step", "Turn"]
