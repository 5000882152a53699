"""Opening an upload: its header first, its pixels only after the limits have been checked."""

import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import import_module
from typing import Any, NamedTuple

from PIL import AvifImagePlugin, Image, ImageFile, UnidentifiedImageError
from pillow_heif import register_heif_opener

from imagemachine.codec import animation, boxes, deep, gif, jpeg, libwebp, png, turbojpeg, webp
from imagemachine.codec.animation import Shown
from imagemachine.codec.identify import identify
from imagemachine.codec.metadata import Metadata
from imagemachine.codec.planes import Planes, Subsampling
from imagemachine.codec.stored import Source, Stored
from imagemachine.colour.said import Points, Said, in_heif, in_png
from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS
from imagemachine.transforms import REDUCING_GAP
from imagemachine.variant import Limits

register_heif_opener(thumbnails=False, decode_threads=1)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Pillow loads its decoders when it first needs them, which a confined process may not; all of them take 20 ms.
for _plugin in ("Bmp", "Gif", "Ico", "Jpeg", "Mpo", "Png", "Tiff", "WebP"):
    import_module(f"PIL.{_plugin}ImagePlugin")
Image.preinit()
# The limit is ours, from the header and over all frames; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None

_EXIF = b"Exif\0\0"
_AT_ONCE = 1 << 22
"""So many bytes of a PNG's pixels are decoded at once, where it is made smaller."""
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
"""Pillow's modes with transparency, and those in which it resamples them."""
_TIFF_TEXTS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""Description, maker, model, software, time, artist and copyright; libtiff as Pillow has it writes no directories."""
_UNSUPPORTED = re.compile(
    r"(?i)unsupported|not (?:supported|installed)|unknown (?:pixel|raw|data|compression)|cannot handle"
)
"""What decoders say of a file that may well be whole."""


@dataclass
class Upload:
    """A picture file whose header has been read."""

    format: str
    """A key of `formats.FORMATS`."""
    source: Source
    """The file; that of a PNG may stay where it is stored."""
    size: tuple[int, int]
    """Width and height as stored, before any orientation."""
    frames: int = 1
    loop: int | None = None
    """As in a GIF: how often to repeat, 0 for ever, None for not at all."""
    metadata: Metadata = field(default_factory=Metadata)
    said: Said = Said()  # noqa: RUF009 - frozen
    """What it says of its colours."""
    orientation: int = 1
    mode: str = ""
    """Pillow's name for what its pixels are, where Pillow read the header."""
    as_jpeg: ImageFile.ImageFile | None = None
    """As Pillow has opened it, no pixel decoded."""
    as_gif: gif.Gif | None = None
    as_png: png.Png | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        """The file's bytes, all of them."""
        return bytes(self.source)

    @property
    def colours(self) -> int | None:
        """How many the palette has, of a GIF or PNG that has one."""
        if self.as_png is not None:
            return next((len(payload) // 3 for name, payload in self.as_png.chunks if name == b"PLTE"), None)
        if self.as_gif is None:
            return None
        return max(len(palette) for palette in (self.as_gif.palette, *(f.palette for f in self.as_gif.frames))) // 3


class Decoded(NamedTuple):
    """A picture, and which part of it, in broken pixels, is meant: a JPEG decoded smaller has a padded edge."""

    image: Image.Image
    box: tuple[float, float, float, float] | None = None


@contextmanager
def picture_errors(format_name: str) -> Iterator[None]:
    """Whatever a decoder raises on a picture means that the picture is broken, and becomes `Rejected`."""
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow warns of oddities that it copes with.
            yield
    except (Rejected, MemoryError):
        raise
    except Exception as error:
        why = str(error).strip(". ") or type(error).__name__
        if _UNSUPPORTED.search(why):
            raise Rejected(
                Reason.UNSUPPORTED_FORMAT,
                f"The file is a {FORMATS[format_name].title} of a kind that is not read here ({why});"
                " save it with ordinary settings and upload that.",
            ) from error
        raise Rejected(
            Reason.CORRUPT,
            f"The file is a damaged or incomplete {FORMATS[format_name].title} ({why});"
            " save it again from the original and upload that.",
        ) from error


def open_upload(source: Source | memoryview, limits: Limits) -> Upload:
    """What the header of the file says.

    Raises Rejected: empty, not-an-image, unsupported-format, corrupt or too-many-pixels.
    """
    name = identify(source)
    with picture_errors(name):
        if name == "png" and isinstance(source, Stored):
            upload = _open_png(name, source)
        else:  # Its decoders want all of it in memory.
            upload = _OPENERS.get(name, _open_other)(name, bytes(source))
    pixels = upload.size[0] * upload.size[1] * upload.frames
    if upload.as_gif is not None:  # Frames may be larger than the canvas, and are decoded whole.
        pixels = max(pixels, sum(frame.width * frame.height for frame in upload.as_gif.frames))
    if pixels > limits.max_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"The picture has {pixels:,} pixels over all its frames, more than the {limits.max_pixels:,} allowed;"
            " upload a smaller one.",
        )
    return upload


def _open_gif(name: str, data: bytes) -> Upload:
    file = gif.parse(data)
    return Upload(name, data, (file.width, file.height), len(file.frames), file.loop, as_gif=file)


def _open_png(name: str, data: Source) -> Upload:
    file = png.parse(data)
    metadata = png.read_metadata(file)
    said = in_png(dict(reversed(file.chunks)))
    metadata = replace(metadata, icc=said.icc)
    loop = _repeats(file.loop)
    size = (file.header.width, file.header.height)
    return Upload(name, data, size, max(1, len(file.frames)), loop, metadata, said, metadata.orientation, as_png=file)


def _open_jpeg(name: str, data: bytes) -> Upload:
    image = opened(name, data)
    metadata = jpeg.read_metadata(data)
    upload = Upload(
        name,
        data,
        image.size,
        metadata=metadata,
        said=Said(metadata.icc),
        orientation=metadata.orientation,
        mode=image.mode,
        as_jpeg=image,
    )
    pictures = int(getattr(image, "n_frames", 1))
    if pictures > 1:
        upload.notes.append(f"The file holds {pictures} pictures; the first one was taken.")
    return upload


def _open_webp(name: str, data: bytes) -> Upload:
    header = libwebp.header(data)
    if header is None:
        return _open_other(name, data)
    metadata = Metadata(header.exif.removeprefix(_EXIF), header.xmp, icc=header.icc)
    said = Said(header.icc)
    return Upload(name, data, header.size, header.frames, _repeats(header.plays), metadata, said, metadata.orientation)


def _repeats(plays: int) -> int | None:
    """How often to repeat what `plays` so often, 0 for ever."""
    return None if plays == 1 else max(0, plays - 1)


def _open_other(name: str, data: bytes) -> Upload:
    image = opened(name, data)
    info = image.info
    exif = bytes(info.get("exif") or b"").removeprefix(_EXIF)
    xmp = info.get("xmp") or b""
    xmp = xmp if isinstance(xmp, bytes) else xmp.encode()
    metadata = Metadata(exif, xmp, icc=bytes(info.get("icc_profile") or b""))
    said = _said_in_heif(name, data, info, metadata.icc)
    upload = Upload(
        name, data, image.size, metadata=metadata, said=said, orientation=metadata.orientation, mode=image.mode
    )
    pictures = int(getattr(image, "n_frames", 1))
    if name == "webp":
        upload.loop = _repeats(webp.structure(data).loop)
    if name == "tiff":
        if info.get("compression") == "webp":  # Its decoder would only say that something is wrong.
            raise ValueError("unsupported compression: WebP")
        upload.metadata = replace(metadata, exif=_tiff_exif(image))
        upload.orientation = 1  # Pillow turns a TIFF upright itself as it decodes, and tells the size accordingly.
    if FORMATS[name].animation:
        upload.frames = pictures
    elif pictures > 1:
        upload.notes.append(f"The file holds {pictures} pictures; the first one was taken.")
    sizes = info.get("sizes") if name == "ico" else None
    if sizes and len(sizes) > 1:
        upload.notes.append(f"The file holds {len(sizes)} sizes; the largest was taken.")
    return upload


def _said_in_heif(name: str, data: bytes, info: Mapping[Any, Any], icc: bytes) -> Said:
    if name == "avif":
        found = boxes.properties(data)
        return in_heif(icc, found.points, found.brightest)
    nclx = info.get("nclx_profile") or {}
    points = Points(nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None
    brightest = (info.get("content_light_level") or {}).get("max_content_light_level")
    return in_heif(icc, points, brightest)


_OPENERS = {"gif": _open_gif, "png": _open_png, "jpeg": _open_jpeg, "webp": _open_webp}


def _tiff_exif(image: ImageFile.ImageFile) -> bytes:
    """What a TIFF's own tags say of more than its pixels, as an Exif block: they are of the same kind."""
    found, exif = image.getexif(), Image.Exif()
    for tag in _TIFF_TEXTS:
        if text := found.get(tag):
            exif[tag] = text
    return exif.tobytes().removeprefix(_EXIF) if len(exif) else b""


def opened(name: str, data: bytes) -> ImageFile.ImageFile:
    """The file as Pillow sees it, pixels undecoded. Raises what its decoder does where the header makes no sense."""
    try:
        return Image.open(io.BytesIO(data), formats=(FORMATS[name].decoder,))
    except UnidentifiedImageError:
        Image.OPEN[FORMATS[name].decoder][0](io.BytesIO(data), "")  # Pillow has kept the reason to itself.
        raise


def still(upload: Upload, wanted: tuple[int, int]) -> Decoded:
    """The picture, or the first of several, decoded; not yet upright.

    `wanted` is the size it will be resized to: a JPEG or WebP may come out smaller than it is, though never as small,
    and a PNG of that very size.
    """
    with picture_errors(upload.format):
        if upload.as_gif is not None:
            return Decoded(next(_shown(upload)).image)
        if upload.format == "webp" and upload.frames == 1:
            smaller = libwebp.decoded(upload.data, wanted)
            if smaller is not None:
                return Decoded(smaller)
        if upload.as_png is not None:
            return _shrunk(png.opened(upload.as_png, upload.source), wanted)
        image = opened(upload.format, upload.data)
        drafted = None
        if upload.format == "jpeg":
            drafted = image.draft(None, _larger(wanted, turbojpeg.GAP))
            image.decodermaxblock = len(upload.data)  # In one piece: the decoder stumbles over every seam.
        image.load()
        return Decoded(image, drafted[1] if drafted else None)


def _shrunk(image: ImageFile.ImageFile, wanted: tuple[int, int]) -> Decoded:
    """A PNG decoded band by band, each made smaller at once, to the very pixels that `transforms.resized` makes of all.

    So the whole picture, which would be most of all the memory, is there at no time. Where that cannot be, it is.
    """
    if (
        isinstance(image, png.Picture)
        and image.mode in ("L", "RGB", "P", *_PREMULTIPLIED)
        and image.size != wanted
        and image.has_bands
    ):
        with suppress(OSError):  # It is damaged: what can be done about that is done with the whole.
            return Decoded(_of_bands(image, wanted))
    image.load()
    return Decoded(image)


def _of_bands(image: png.Picture, wanted: tuple[int, int]) -> Image.Image:
    (wide, high), mode = image.size, _PREMULTIPLIED.get(image.mode, "RGB" if image.mode == "P" else image.mode)
    # As Pillow has it: whole blocks of pixels averaged first, though none of a picture with transparency.
    across, down = (max(1, int(has / length / REDUCING_GAP)) for has, length in zip(image.size, wanted, strict=True))
    if image.mode in _PREMULTIPLIED:
        across = down = 1
    averaged = (across, down) != (1, 1)
    smaller = Image.new(mode, (-(-wide // across), -(-high // down)) if averaged else (wanted[0], high))
    rows = max(1, _AT_ONCE // (4 * wide * down)) * down
    for number, band in enumerate(image.bands(rows)):
        if image.palette is not None:
            band.putpalette(image.palette)
        plain_band = band.convert(mode)
        if averaged:
            small = plain_band.reduce((across, down))
        else:
            small = plain_band.resize((wanted[0], band.height), Image.Resampling.LANCZOS)
        smaller.paste(small, (0, number * rows // down))
    box = (0.0, 0.0, wide / across if averaged else wanted[0], high / down)
    made = smaller.resize(wanted, Image.Resampling.LANCZOS, box)
    return made.convert(image.mode) if image.mode in _PREMULTIPLIED else made


def planes(upload: Upload, wanted: tuple[int, int], subsampling: Subsampling) -> Planes | None:
    """A JPEG or WebP in planes, as it holds them; `wanted` as in `still`, which is there where this gives None."""
    if upload.format == "webp":
        return libwebp.planes(upload.data, wanted)
    return turbojpeg.decoded(upload.data, upload.size, wanted, subsampling)


def _larger(size: tuple[int, int], times: float) -> tuple[int, int]:
    return math.ceil(size[0] * times), math.ceil(size[1] * times)


def deep_still(upload: Upload) -> deep.Deep | None:
    """The picture with 16 bits a channel, where it is one in RGB or RGBA; not yet upright."""
    with picture_errors(upload.format):
        if upload.as_png is not None:
            if upload.as_png.header.depth < 16:
                return None
            file = upload.as_png
            return deep.read(lambda: png.opened(file, upload.source))
        if upload.format != "tiff" or upload.mode not in ("RGB", "RGBA"):
            return None
        return deep.read(lambda: opened("tiff", upload.data))


def check(upload: Upload) -> None:
    """Decode every pixel of the upload, for a result that is the upload itself. Raises Rejected where it is damaged."""
    if upload.frames > 1:
        for _frame in shown(upload):
            pass
    elif upload.format == "webp":
        with picture_errors(upload.format):
            opened(upload.format, upload.data).load()  # Stricter than `still` is: other viewers are, too.
    else:
        still(upload, upload.size)


def shown(upload: Upload) -> Iterator[Shown]:
    """Every frame of an animation as a viewer sees it, not yet upright."""
    frames = _shown(upload)
    while True:
        with picture_errors(upload.format):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def _shown(upload: Upload) -> Iterator[Shown]:
    if upload.as_gif is not None:
        yield from animation.composed(animation.gif_patches(upload.as_gif), upload.size)
    elif upload.as_png is not None and upload.as_png.frames:
        yield from animation.composed(animation.png_patches(upload.as_png), upload.size)
    else:
        image = opened(upload.format, upload.data)
        durations = webp.structure(upload.data).milliseconds if upload.format == "webp" else ()
        for number in range(upload.frames):
            image.seek(number)
            image.load()
            milliseconds = durations[number] if durations else image.info.get("duration", 0)
            yield Shown(image.copy(), Fraction(milliseconds).limit_denominator(1000) / 1000)
