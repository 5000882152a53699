"""Animations as whole pictures one after another: composed from a file's patches, and compared for new ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from PIL import Image, ImageChops

from imagemachine.codec import gif, png

Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


class Shown(NamedTuple):
    """A whole picture, and how many seconds it is shown."""

    image: Image.Image
    seconds: Fraction


@dataclass(frozen=True)
class Patch:
    """What a file holds of one frame, as RGBA."""

    image: Image.Image
    left: int
    top: int
    seconds: Fraction
    over: bool = True
    """Blended over what is there; otherwise put in its place."""
    disposal: int = gif.KEEP


def composed(patches: Iterable[Patch], size: tuple[int, int]) -> Iterator[Shown]:
    """What a viewer sees, frame by frame, on a canvas that is transparent at first."""
    canvas = Image.new("RGBA", size)
    for patch in patches:
        box = (patch.left, patch.top, patch.left + patch.image.width, patch.top + patch.image.height)
        before = canvas.crop(box) if patch.disposal == gif.RESTORE else None
        if patch.over:
            canvas.alpha_composite(patch.image, box[:2])
        else:
            canvas.paste(patch.image, box)
        yield Shown(canvas.copy(), patch.seconds)
        if patch.disposal == gif.CLEAR:
            canvas.paste((0, 0, 0, 0), box)
        elif before is not None:
            canvas.paste(before, box)


def gif_patches(file: gif.Gif) -> Iterator[Patch]:
    """The frames of a GIF. A first frame that asks for what was before it gets an empty canvas."""
    for frame in file.frames:
        indices = frame.indices()
        colours = frame.palette or file.palette or bytes(768)
        # An index beyond the palette has no colour of its own; black is what other decoders make of it.
        alpha = bytearray(b"\xff" * 256)
        if frame.transparent is not None:
            alpha[frame.transparent] = 0
        image = Image.frombytes("P", indices.size, indices.tobytes())
        image.putpalette(colours.ljust(768, b"\0"))
        rgba = image.convert("RGB").convert("RGBA")
        if frame.transparent is not None:
            rgba.putalpha(indices.point(alpha))
        yield Patch(rgba, frame.left, frame.top, Fraction(frame.delay, 100), disposal=frame.disposal)


def png_patches(file: png.Png) -> Iterator[Patch]:
    """The frames of an APNG."""
    about = [(name, payload) for name, payload in file.chunks if name in (b"PLTE", b"tRNS")]
    disposals = {png.DISPOSE_BACKGROUND: gif.CLEAR, png.DISPOSE_PREVIOUS: gif.RESTORE}
    for frame in file.frames:
        header = png.Header(frame.width, frame.height, file.header.depth, file.header.colour, file.header.interlaced)
        image = png.open_chunks(header, frame.data, about).convert("RGBA")
        disposal = disposals.get(frame.dispose, gif.KEEP)
        delay = Fraction(frame.delay[0], frame.delay[1] or 100)
        yield Patch(image, frame.left, frame.top, delay, frame.blend == png.BLEND_OVER, disposal)


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


def opaque(frames: Sequence[Shown]) -> bool:
    """Whether no frame is transparent anywhere."""
    return all(frame.image.getchannel("A").getextrema() == (255, 255) for frame in frames if "A" in frame.image.mode)
