"""Linear light as numbers, in Pillow's arithmetic on whole channels, and from there to the levels of sRGB."""

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageMath

_STRAIGHT_UP_TO = 0.0031308
"""So much light has levels on a straight line in sRGB."""


class Maths:
    """Pillow's arithmetic: its operands by name, and its functions."""

    def __init__(self, of: dict[str, Any]) -> None:
        self.of = of
        self.least: Callable[[Any, Any], Any] = of["min"]
        self.most: Callable[[Any, Any], Any] = of["max"]

    def level(self, light: Any) -> Any:
        """The level of sRGB, 0 to 1, of linear light."""
        within = self.least(self.most(light, 0.0), 1.0)
        straight = self.least(within, _STRAIGHT_UP_TO) * 12.92
        curved = 1.055 * self.most(within, _STRAIGHT_UP_TO) ** (1 / 2.4)
        return straight + curved - 1.055 * _STRAIGHT_UP_TO ** (1 / 2.4)

    def samples(self, level: Any) -> Any:
        """Levels from 0 to 1 as bytes."""
        return self.of["convert"](level * 255 + 0.5, "L")


def to_srgb(channels: Sequence[Image.Image]) -> Image.Image:
    """The picture of red, green, blue and maybe alpha, 0 to 1 in mode F, whose light is linear."""
    bands = [ImageMath.lambda_eval(lambda of: _level(Maths(of)), light=channel) for channel in channels[:3]]
    bands += [ImageMath.lambda_eval(lambda of: _part(Maths(of)), part=channel) for channel in channels[3:4]]
    return Image.merge("RGBA" if len(bands) == 4 else "RGB", bands)


def _level(maths: Maths) -> Any:
    return maths.samples(maths.level(maths.of["light"]))


def _part(maths: Maths) -> Any:
    return maths.samples(maths.least(maths.most(maths.of["part"], 0.0), 1.0))
