"""Several steps, one after the other, as if they were one."""

from collections.abc import Sequence

from imagemachine.pictures import Picture, Size
from imagemachine.pictures.transpose import Transpose, after
from imagemachine.steps.step import Bounds, Step


def size(steps: Sequence[Step], size: Size) -> Size:
    """The result's width and height for an upright picture of this size."""
    for step in steps:
        size = step.size(*size)
    return size


def needs(steps: Sequence[Step], size: Size) -> Size:
    """How small a picture of `size` may be decoded: each step says what it needs, the last one first."""
    sizes = [size]
    for step in steps:
        sizes.append(step.size(*sizes[-1]))
    needed = sizes.pop()
    for step, before in zip(reversed(steps), reversed(sizes), strict=True):
        needed = step.needs(before, needed)
    return needed


def only_turn(steps: Sequence[Step], size: Size) -> bool:
    """Whether they change nothing of a picture of `size` but the way it lies."""
    for step in steps:
        if step.transpose is None and not step.leaves(*size):
            return False
        size = step.size(*size)
    return True


def transpose(steps: Sequence[Step]) -> Transpose | None:
    """What steps that only turn a picture come to."""
    turned = None
    for step in steps:
        turned = after(turned, step.transpose)
    return turned


def apply(steps: Sequence[Step], picture: Picture) -> Picture:
    """The picture after all of them."""
    for step in steps:
        picture = step.apply(picture)
    return picture


def bounds(steps: Sequence[Step], most: int) -> Bounds:
    """The sizes that a result can have, where no side of an upload has more than `most` pixels."""
    found = Bounds((1, 1), (most, most))
    for step in steps:
        found = step.bounds(found)
    return found
