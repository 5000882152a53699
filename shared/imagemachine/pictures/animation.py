"""Animations as whole pictures one after another: composed from a file's patches, and compared for new ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from PIL import Image, ImageChops

from imagemachine.colour.said import Said
from imagemachine.pictures import Area, Box, Colour, Picture, Size
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose, transposed_size


class Frame(NamedTuple):
    """A composed frame: a whole picture, and how many seconds it is shown."""

    picture: Picture
    seconds: Fraction

    @property
    def image(self) -> Image.Image:
        """Its pixels, in eight bits."""
        return self.picture.as_raster().pixels()


@dataclass(frozen=True)
class Animation:
    """Frames of one size. They may come one by one from a decoder, anew for whoever asks; drawn they are all there."""

    frames: Iterable[Frame]
    size: Size
    loop: int | None
    """How often to repeat, 0 for ever, None for not at all."""

    @property
    def grey(self) -> bool:
        """Whether its first frame is grey, where it is drawn."""
        return next(iter(self.frames)).picture.grey

    def cropped(self, area: Area, size: Size) -> "Animation":
        """The part in `area` of every frame, in another size."""
        return self._each(lambda picture: picture.cropped(area, size), size)

    def resized(self, size: Size) -> "Animation":
        """Every frame in another size."""
        return self._each(lambda picture: picture.resized(size), size)

    def transposed(self, transpose: Transpose | None) -> "Animation":
        """Every frame after the transposition."""
        return self._each(lambda picture: picture.transposed(transpose), transposed_size(self.size, transpose))

    def to_srgb(self, said: Said, notes: list[str]) -> "Animation":
        """The colours of every frame in sRGB, or in grey with sRGB's tone curve."""
        return self._each(lambda picture: picture.to_srgb(said, notes), self.size)

    def flattened(self, background: Colour) -> "Animation":
        """Every frame on the background."""
        return self._each(lambda picture: picture.flattened(background), self.size)

    def painted(self, paint: Callable[[Image.Image], Image.Image], size: Size) -> "Animation":
        """Every frame after `paint`."""
        return self._each(lambda picture: picture.painted(paint, size), size)

    def as_raster(self) -> Raster:
        """The first frame."""
        return next(iter(self.frames)).picture.as_raster()

    def glimpse(self, size: Size) -> Image.Image:
        """Single pixels of its first frame, as an image of `size`."""
        return next(iter(self.frames)).picture.glimpse(size)

    def drawn(self) -> "Animation":
        """The same with every frame drawn, each before the next one is decoded."""
        frames = [Frame(frame.picture.drawn(), frame.seconds) for frame in self.frames]
        return replace(self, frames=frames, size=frames[0].picture.size)

    def plays(self, most: int) -> int:
        """How often it plays, at most so often, 0 for ever: some formats count this, others the repetitions."""
        return 1 if self.loop is None else self.loop and min(self.loop + 1, most)

    def mapped(self, change: Callable[[Picture], Picture]) -> "Animation":
        """Every frame changed alike, into pictures of any size."""
        return self._each(change, self.size).drawn()

    def _each(self, change: Callable[[Picture], Picture], size: Size) -> "Animation":
        return replace(self, frames=_Changed(self.frames, change), size=size)


def look_through(picture: Picture) -> None:
    """Have every frame of it decoded, which a still picture is already: damage shows itself."""
    if isinstance(picture, Animation):
        for _frame in picture.frames:
            pass


@dataclass(frozen=True)
class _Changed:
    """Frames, each changed when it comes."""

    frames: Iterable[Frame]
    change: Callable[[Picture], Picture]

    def __iter__(self) -> Iterator[Frame]:
        return (Frame(self.change(frame.picture), frame.seconds) for frame in self.frames)


class Disposal(Enum):
    """What happens to a frame's rectangle before the next one is shown."""

    KEEP = "keep"
    CLEAR = "clear"
    RESTORE = "restore"
    """It becomes what it was before the frame."""


@dataclass(frozen=True)
class Patch:
    """What a file holds of one frame, as RGBA."""

    image: Image.Image
    left: int
    top: int
    seconds: Fraction
    over: bool = True
    """Blended over what is there; otherwise put in its place."""
    disposal: Disposal = Disposal.KEEP


def composed(patches: Iterable[Patch], size: Size) -> Iterator[Frame]:
    """What a viewer sees, frame by frame, on a canvas that is transparent at first."""
    canvas = Image.new("RGBA", size)
    for patch in patches:
        box = (patch.left, patch.top, patch.left + patch.image.width, patch.top + patch.image.height)
        before = canvas.crop(box) if patch.disposal is Disposal.RESTORE else None
        if patch.over:
            canvas.alpha_composite(patch.image, box[:2])
        else:
            canvas.paste(patch.image, box)
        yield Frame(Raster.of(canvas.copy()), patch.seconds)
        if patch.disposal is Disposal.CLEAR:
            canvas.paste((0, 0, 0, 0), box)
        elif before is not None:
            canvas.paste(before, box)


def changed_box(before: Image.Image | None, now: Image.Image, step: int = 1) -> Box:
    """The rectangle in which two frames differ, its upper left corner at multiples of `step`; never empty."""
    if before is None:
        return (0, 0, *now.size)
    box = ImageChops.difference(before, now).getbbox(alpha_only=False) or (0, 0, 1, 1)
    return (box[0] - box[0] % step, box[1] - box[1] % step, box[2], box[3])


def changed_mask(before: Image.Image, now: Image.Image) -> Image.Image:
    """An `L` picture: 255 where the two differ in any channel."""
    bands = ImageChops.difference(before, now).split()
    mask = bands[0]
    for band in bands[1:]:
        mask = ImageChops.lighter(mask, band)
    return mask.point([0] + [255] * 255)


def in_one_mode(animation: Animation) -> list[tuple[Image.Image, Fraction]]:
    """The pixels of every frame and its seconds: in RGB where no frame is transparent anywhere, else in RGBA."""
    images = [(frame.image, frame.seconds) for frame in animation.frames]
    mode = "RGB" if opaque([image for image, _ in images]) else "RGBA"
    return [(image.convert(mode), seconds) for image, seconds in images]


def opaque(images: Sequence[Image.Image]) -> bool:
    """Whether none of them is transparent anywhere."""
    return all(image.getchannel("A").getextrema() == (255, 255) for image in images if "A" in image.mode)
