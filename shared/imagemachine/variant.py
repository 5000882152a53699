"""What a variant is, as plain data: it can be compared and sent to another process. No pixels here."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from imagemachine import policy
from imagemachine.engine import engine
from imagemachine.formats import CHOICES, KEEP
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.steps import Bounds, Fit, Step, Turn, chain
from imagemachine.written import Written, file, is_whole, likely

__all__ = ["Fit", "Limits", "Made", "Output", "Turn", "Variant"]

NAME = r"[a-z](?=[a-z0-9]*[g-z])[a-z0-9]{1,23}|[g-z][a-z0-9]{0,23}"
"""Of a variant: part of logical ids, and looked for among hexadecimal digests; see Variants in stack.yaml."""

_FOLDER = re.compile(r"(?:.*/)?images/([^/]+)/[^/]+\.py")


@dataclass(frozen=True)
class Limits:
    """What a picture may cost at most."""

    max_bytes: int
    max_pixels: int
    """Over all frames."""


@dataclass(frozen=True)
class Variant(metaclass=Written):
    """One kind of result: its name, what is done to the upright picture, and how the result is written.

    Raises ConfigurationError, in one sentence that names file and line, where something in it cannot be.
    """

    name: str
    steps: Sequence[Step]
    """In this order."""
    quality: int | Mapping[str, int] | None = None
    """1 to 100 for the formats that have one, or one for each by name, `keep` for all others; None: the policy's."""
    formats: Sequence[str] = (KEEP,)
    """Of `formats.CHOICES`: the first is the result, the others lie beside it."""
    background: tuple[int, int, int] = (255, 255, 255)
    """What shows through where the result's format has no transparency: sRGB, 0 to 255."""
    keep_metadata: bool = False
    manifest: bool = False
    """Whether a small JSON lies beside each result, for a page: its files, formats and sizes."""
    only: Sequence[str] = ()
    never: Sequence[str] = ()
    """Shell patterns of paths below the ingest prefix; what they leave out is skipped."""

    def __post_init__(self) -> None:
        for field_ in ("steps", "formats", "only", "never"):
            value = getattr(self, field_)
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"{field_} is a list, as in {field_}=[...]; {value!r} is none.")
            object.__setattr__(self, field_, tuple(value))
        problem = next(filter(None, _problems(self)), None)
        if problem:
            raise ValueError(problem)

    @property
    def turns(self) -> bool:
        """Whether it does nothing but turn: what it makes is then as near to its upload as can be."""
        return all(step.transpose is not None for step in self.steps)

    @property
    def bounds(self) -> Bounds:
        """The sizes that its results can have; they are held to them."""
        return chain.bounds(self.steps, _LARGEST_SIDE)

    def quality_in(self, format_name: str) -> int:
        """The quality of a result in that format."""
        if isinstance(self.quality, int):
            return self.quality
        default = policy.TURN_QUALITY if self.turns else policy.QUALITY
        return default if self.quality is None else self.quality.get(format_name, self.quality.get(KEEP, default))

    def configured(self, settings: Settings) -> "Variant":
        """This variant with what the function's environment overrides.

        A turn keeps format and quality as they are: it is lossless where it can be.
        """
        variant = replace(self, background=settings.background, keep_metadata=settings.keep_metadata)
        if self.turns:
            return variant
        return replace(
            variant,
            steps=[step.configured(settings.width, settings.height) for step in self.steps],
            quality=settings.quality or self.quality,
            formats=settings.formats or self.formats,
        )

    def aimed(self, point: Point) -> "Variant":
        """This variant for an upload that says its point of interest itself."""
        return replace(self, steps=[step.aimed(point) for step in self.steps])

    @cached_property
    def recipe(self) -> str:
        """Twelve hexadecimal digits that stand for everything that decides the result: steps, policy and engine."""
        described = {
            "steps": [step.described() for step in self.steps],
            "formats": self.formats,
            "quality": {name: self.quality_in(name) for name in CHOICES},
            "background": self.background,
            "keep_metadata": self.keep_metadata,
            "manifest": self.manifest,
            "policy": policy.numbers(),
            "engine": engine(),
        }
        import hashlib  # noqa: PLC0415 - loads OpenSSL, for which the codec's process would wait and has no use

        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


_LARGEST_SIDE = 1 << 31
"""In pixels; no format has a longer one."""


def _problems(variant: Variant) -> Iterator[str | None]:
    """A sentence for each thing in the variant that cannot be."""
    if not isinstance(variant.name, str) or re.fullmatch(NAME, variant.name) is None:
        yield (
            f"A variant cannot be called {variant.name!r}: its name is up to 24 lower-case letters and digits, begins"
            " with a letter, and holds one beyond f."
        )
    elif (folder := _FOLDER.fullmatch(file())) and folder[1] != variant.name:
        yield f"The variant is called {variant.name!r}, but its folder {folder[1]!r}: both have to have one name."
    yield from (_about_step(step) for step in variant.steps)
    yield from (_about_format(name) for name in variant.formats)
    if not variant.formats or len(set(variant.formats)) < len(variant.formats):
        yield f"formats names at least one format, and none twice, unlike {list(variant.formats)!r}."
    qualities = variant.quality if isinstance(variant.quality, Mapping) else {KEEP: variant.quality}
    for name, quality in qualities.items():
        yield _about_format(name)
        if quality is not None and not is_whole(quality, 1, 100):
            yield f"quality is a whole number from 1 to 100, not {quality!r}."


def _about_step(step: Any) -> str | None:
    if isinstance(step, Step):
        return None
    wrong = f"{step.__name__} without its arguments" if isinstance(step, type) else repr(step)
    return f"{wrong} is no step: steps are made like {Fit(320, 320)!r} or {Turn(90)!r}."


def _about_format(name: Any) -> str | None:
    if name in CHOICES:
        return None
    return f"{name!r} is no format that a result can have: {', '.join(CHOICES)} are.{likely(str(name), list(CHOICES))}"


class Output(NamedTuple):
    """One file of a result."""

    data: bytes
    format: str
    """A key of `formats.FORMATS`."""
    width: int
    height: int
    """In pixels."""
    frames: int


@dataclass(frozen=True)
class Made:
    """A finished result: a file for each of the variant's formats, the first of which is the result itself."""

    outputs: tuple[Output, ...]
    engine: str
    """What did the pixel work, for the log: `pillow 13.0.0`, `turbojpeg`, ..."""
    notes: tuple[str, ...] = ()
    """Sentences for the log: what was noticed and put right on the way, such as a broken colour profile."""
    colour: str = ""
    """The dominant colour, `#rrggbb`; empty where nothing had to be decoded."""
    placeholder: str = ""
    """A ThumbHash in base64, for a page to show until the picture has come; empty like the colour."""

    def without_data(self) -> "Made":
        """The same without the files' bytes, which take up memory."""
        return replace(self, outputs=tuple(output._replace(data=b"") for output in self.outputs))

    @property
    def data(self) -> bytes:
        """The first file."""
        return self.outputs[0].data

    @property
    def format(self) -> str:
        """Its format."""
        return self.outputs[0].format

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return self.outputs[0].width

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return self.outputs[0].height

    @property
    def frames(self) -> int:
        """How many it has."""
        return self.outputs[0].frames
