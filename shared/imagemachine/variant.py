"""What a variant is, as plain data: it can be compared, hashed and sent to another process. No pixels here."""

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from imagemachine.settings import Settings

RECIPE_VERSION = 3
"""Raised by hand whenever the code makes other pixels or bytes of the same recipe."""


@dataclass(frozen=True)
class Limits:
    """What a picture may cost at most."""

    max_bytes: int
    max_pixels: int
    """Over all frames."""


@dataclass(frozen=True)
class Turn:
    """A turn by `degrees` clockwise: 90 or 270."""

    degrees: int

    def __post_init__(self) -> None:
        if self.degrees not in (90, 270):
            raise ValueError(f"A Turn is by 90 or 270 degrees clockwise, not by {self.degrees}.")

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The result's width and height in pixels for an upright picture of this size."""
        return height, width


@dataclass(frozen=True)
class Fit:
    """Fitted into a box of `width` x `height` pixels: never exceeded, never enlarged, proportions kept."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"A box of {self.width} x {self.height} pixels holds nothing.")

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The result's width and height in pixels for an upright picture of this size; no side falls to zero."""
        if width <= self.width and height <= self.height:
            return width, height
        # Integers throughout: a float can push the longer side one pixel over the box.
        if width * self.height >= height * self.width:
            return self.width, max(1, (2 * height * self.width + width) // (2 * width))
        return max(1, (2 * width * self.height + height) // (2 * height)), self.height


Transform = Turn | Fit


@dataclass(frozen=True)
class Variant:
    """One kind of result: its name, what is done to the upright picture, and how the result is written."""

    name: str
    transform: Transform
    quality: int = 80
    """1 to 100, for the formats that have one."""
    format: str = "keep"
    """One of `formats.CHOICES`."""
    background: tuple[int, int, int] = (255, 255, 255)
    """What shows through where the result's format has no transparency: sRGB, 0 to 255."""
    keep_metadata: bool = False

    def configured(self, settings: Settings) -> "Variant":
        """This variant with what the function's environment overrides.

        A turn keeps format and quality as they are: it is lossless where it can be.
        """
        variant = replace(self, background=settings.background, keep_metadata=settings.keep_metadata)
        if isinstance(self.transform, Turn):
            return variant
        box = Fit(settings.width or self.transform.width, settings.height or self.transform.height)
        return replace(
            variant,
            transform=box,
            quality=settings.quality or self.quality,
            format=settings.format or self.format,
        )

    @cached_property
    def recipe(self) -> str:
        """Twelve hexadecimal digits that stand for everything that decides the result."""
        described = {"version": RECIPE_VERSION, **asdict(self)}
        import hashlib  # noqa: PLC0415 - loads OpenSSL, for which the codec's process would wait and has no use

        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Made:
    """A finished result."""

    data: bytes
    format: str
    """A key of `formats.FORMATS`."""
    width: int
    height: int
    """In pixels."""
    frames: int
    engine: str
    """What did the pixel work, for the log: `pillow-simd 12.1.1`, `turbojpeg`, ..."""
    notes: tuple[str, ...] = ()
    """Sentences for the log: what was noticed and put right on the way, such as a broken colour profile."""
