"""Pictures of 16 bits a channel, which Pillow holds in grey only: as two pictures, of the high and of the low bytes.

Its decoders take the one byte of each pair or the other, depending on which end they are told comes first.
"""

import struct
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageFile, ImageMath

from imagemachine.codec.metadata import Metadata
from imagemachine.codec.orientation import Transpose, transposed

_OTHER_END = {"16L": "16B", "16B": "16L", "16N": "16B" if sys.byteorder == "little" else "16L"}
_LAYOUTS = frozenset({"RGB", "RGBA", "CMYK"})
_TIFF_COLOURS = {"RGB": 2, "RGBA": 2, "CMYK": 5}
_SHORT, _LONG, _TEXT, _BYTES = 3, 4, 2, 7


@dataclass(frozen=True)
class Deep:
    """The high and the low bytes of an RGB, RGBA or CMYK picture."""

    high: Image.Image
    low: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.high.size

    def samples(self) -> bytes:
        """Every sample of every pixel, the high byte first."""
        pairs = bytearray(2 * len(self.high.getbands()) * self.high.width * self.high.height)
        pairs[0::2], pairs[1::2] = self.high.tobytes(), self.low.tobytes()
        return bytes(pairs)

    def transposed(self, transpose: Transpose | None) -> "Deep":
        """The picture after the transposition."""
        return Deep(transposed(self.high, transpose), transposed(self.low, transpose))

    def resized(self, size: tuple[int, int]) -> "Deep":
        """The picture resampled with Lanczos' kernel, its transparency premultiplied."""
        planes = [_plane(*halves) for halves in zip(self.high.split(), self.low.split(), strict=True)]
        if self.high.mode != "RGBA":
            return _merged(self.high.mode, [plane.resize(size, Image.Resampling.LANCZOS) for plane in planes])
        *colours, alpha = planes
        small_alpha = alpha.resize(size, Image.Resampling.LANCZOS)
        small = []
        for colour in colours:
            product = ImageMath.lambda_eval(lambda of: of["colour"] * of["alpha"] / 65535, colour=colour, alpha=alpha)
            product = product.resize(size, Image.Resampling.LANCZOS)
            small.append(
                ImageMath.lambda_eval(
                    lambda of: of["colour"] * 65535 / of["max"](of["alpha"], 1), colour=product, alpha=small_alpha
                )
            )
        return _merged("RGBA", [*small, small_alpha])


def _plane(high: Image.Image, low: Image.Image) -> Image.Image:
    """One channel as numbers from 0 to 65,535, in mode F."""
    halves = {"high": high.convert("F"), "low": low.convert("F")}
    plane: Image.Image = ImageMath.lambda_eval(lambda of: of["high"] * 256 + of["low"], **halves)
    return plane


def _merged(mode: str, planes: Sequence[Image.Image]) -> Deep:
    high, low = [], []
    for plane in planes:
        whole = ImageMath.lambda_eval(
            lambda of: of["int"](of["min"](of["max"](of["plane"], 0), 65535) + 0.5), plane=plane
        )
        high.append(ImageMath.lambda_eval(lambda of: of["convert"](of["plane"] / 256, "L"), plane=whole))
        low.append(ImageMath.lambda_eval(lambda of: of["convert"](of["plane"] % 256, "L"), plane=whole))
    return Deep(Image.merge(mode, high), Image.merge(mode, low))


def read(opened: Callable[[], ImageFile.ImageFile]) -> Deep | None:
    """The picture that `opened` opens, anew each time; None where it is not one of 16 bits in colour."""
    high = opened()
    layouts = {_layout(tile) for tile in high.tile}
    if len(layouts) != 1:
        return None
    name, _, ending = layouts.pop().partition(";")
    if name not in _LAYOUTS or name != high.mode or ending not in _OTHER_END:
        return None
    low = opened()
    low.tile = [_with_layout(tile, f"{name};{_OTHER_END[ending]}") for tile in low.tile]
    high.load()
    low.load()
    return Deep(high, low)


def _layout(tile: "ImageFile._Tile") -> str:
    return tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0])


def _with_layout(tile: "ImageFile._Tile", layout: str) -> "ImageFile._Tile":
    args = layout if isinstance(tile.args, str) else (layout, *(tile.args or ())[1:])
    return tile._replace(args=args)


def tiff(picture: Deep, metadata: Metadata) -> bytes:
    """The picture as a TIFF file, deflated. https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf"""
    width, height = picture.size
    bands = len(picture.high.getbands())
    strip = zlib.compress(picture.samples(), 6)
    entries: list[tuple[int, int, bytes]] = [
        (256, _LONG, struct.pack(">L", width)),
        (257, _LONG, struct.pack(">L", height)),
        (258, _SHORT, struct.pack(">H", 16) * bands),
        (259, _SHORT, struct.pack(">H", 8)),  # Deflate.
        (262, _SHORT, struct.pack(">H", _TIFF_COLOURS[picture.high.mode])),
        (273, _LONG, struct.pack(">L", 8)),
        (277, _SHORT, struct.pack(">H", bands)),
        (278, _LONG, struct.pack(">L", height)),
        (279, _LONG, struct.pack(">L", len(strip))),
    ]
    if picture.high.mode == "RGBA":
        entries.append((338, _SHORT, struct.pack(">H", 2)))  # Alpha, not premultiplied.
    entries += [(tag, _TEXT, text + b"\0") for tag, text in metadata.rights]
    if metadata.icc:
        entries.append((34675, _BYTES, metadata.icc))
    body = strip + b"\0" * (len(strip) % 2)
    directory, values = b"", b""
    start = 8 + len(body) + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries):
        count = len(value) // {_SHORT: 2, _LONG: 4}.get(kind, 1)
        if len(value) > 4:
            place = struct.pack(">L", start + len(values))
            values += value + b"\0" * (len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        directory += struct.pack(">HHL", tag, kind, count) + place
    head = struct.pack(">2sHL", b"MM", 42, 8 + len(body))
    return head + body + struct.pack(">H", len(entries)) + directory + bytes(4) + values
