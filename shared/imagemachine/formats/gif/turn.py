"""GIFs turned: every frame, its time and its colours as they were, without the colours that no pixel has."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from imagemachine.formats.gif import blocks
from imagemachine.pictures.raster import transposed
from imagemachine.pictures.transpose import SWAPPING, Transpose, transposed_box, transposed_size

_TABLE = 256


def turned(file: blocks.Gif, transpose: Transpose) -> blocks.Gif:
    """The animation turned, frame by frame. Raises ValueError for damaged frames."""
    canvas = (file.width, file.height)
    width, height = transposed_size(canvas, transpose)
    pictures = [_turned_frame(frame, canvas, transpose) for frame in file.frames]
    aspect = _lying(file.aspect) if transpose in SWAPPING else file.aspect
    return _packed(replace(file, width=width, height=height, aspect=aspect), pictures)


def _lying(aspect: int) -> int:
    """A pixel's width to its height on its side. They are told in 64ths, less 15; 0 says nothing."""
    return max(1, round(64 * 64 / (aspect + 15)) - 15) if aspect else 0


@dataclass(frozen=True)
class _TurnedBlock:
    """A frame in its new place, and its palette indices."""

    frame: blocks.ImageBlock
    indices: Image.Image


def _turned_frame(frame: blocks.ImageBlock, canvas: tuple[int, int], transpose: Transpose) -> _TurnedBlock:
    indices = frame.indices()
    # What lies outside of the canvas is never shown, and would get a negative place on the other side.
    left, top = min(frame.left, canvas[0] - 1), min(frame.top, canvas[1] - 1)
    right, bottom = min(frame.left + frame.width, canvas[0]), min(frame.top + frame.height, canvas[1])
    part = (left - frame.left, top - frame.top, right - frame.left, bottom - frame.top)
    if part != (0, 0, *indices.size):
        indices = indices.crop(part)
    left, top, width, height = transposed_box((left, top, right - left, bottom - top), canvas, transpose)
    place = replace(frame, left=left, top=top, width=width, height=height, interlaced=False)
    if frame.left >= canvas[0] or frame.top >= canvas[1]:  # Never seen at all, but it has its time.
        place = replace(place, transparent=0, controlled=True)
    return _TurnedBlock(place, transposed(indices, transpose))


def _packed(file: blocks.Gif, pictures: Sequence[_TurnedBlock]) -> blocks.Gif:
    """The file of these pictures, with as many of their colours in the palette of all as there is room for."""
    colours = [_colours(file, picture) for picture in pictures]
    # An index without a colour looks different to each viewer, and so does a frame that clears without transparency:
    # some take the background's index for one of its own palette. It is not for us to say what is meant.
    if None in colours or any(p.frame.disposal == blocks.CLEAR and p.frame.transparent is None for p in pictures):
        return replace(file, frames=tuple(_written(picture) for picture in pictures))
    shared = _Table()
    frames = []
    for picture, used in zip(pictures, colours, strict=True):
        own = None if shared.add(used or {}) else _Table()
        if own is not None:
            own.add(used or {})
        frames.append((picture, used or {}, own))
    made = tuple(_written(picture, used, own or shared, local=own is not None) for picture, used, own in frames)
    return replace(file, palette=shared.bytes(), background=0, frames=made)


def _colours(file: blocks.Gif, picture: _TurnedBlock) -> dict[int, bytes] | None:
    """The colour of every index that a pixel has; None where one of them has none.

    That of the transparent index, which some viewers remember, has a zero in front, so that no other is taken for it.
    """
    palette = picture.frame.palette or file.palette
    colours = {
        index: palette[3 * index : 3 * index + 3] for index, count in enumerate(picture.indices.histogram()) if count
    }
    transparent = picture.frame.transparent
    if transparent is not None:
        colours[transparent] = b"\0" + palette[3 * transparent : 3 * transparent + 3].ljust(3, b"\0")
    return colours if all(len(colour) >= 3 for colour in colours.values()) else None


class _Table:
    """A colour table in the making."""

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}

    def add(self, colours: dict[int, bytes]) -> bool:
        """Give each colour a place, unless there is none for all of them."""
        new = dict.fromkeys(colour for colour in colours.values() if colour not in self.places)
        if len(self.places) + len(new) > _TABLE:
            return False
        for colour in new:
            self.places[colour] = len(self.places)
        return True

    def bytes(self) -> bytes:
        """The table as a file holds it: a power of two of colours."""
        colours = b"".join(colour[-3:] for colour in self.places)
        return colours.ljust(6 << max(0, (len(self.places) - 1).bit_length() - 1), b"\0")


def _written(
    picture: _TurnedBlock, colours: dict[int, bytes] | None = None, table: _Table | None = None, *, local: bool = False
) -> blocks.ImageBlock:
    frame, indices = picture.frame, picture.indices
    if colours is not None and table is not None:
        indices = indices.point([table.places[colours[index]] if index in colours else 0 for index in range(256)])
        frame = replace(frame, palette=table.bytes() if local else b"")
        if frame.transparent is not None:
            frame = replace(frame, transparent=table.places[colours[frame.transparent]])
    code_size = blocks.code_size_of(indices)
    return replace(frame, data=blocks.compressed(indices, code_size), code_size=code_size)
