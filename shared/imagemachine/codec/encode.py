"""Writing results: each format's own way to be small."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from PIL import Image

from imagemachine.codec import avif, deep, gif, gif_writer, jpeg, libwebp, png, turbojpeg, webp
from imagemachine.codec.animation import Shown, changed_box, opaque
from imagemachine.codec.metadata import Metadata
from imagemachine.codec.planes import Planes, Subsampling
from imagemachine.formats import Format
from imagemachine.transforms import narrowed

_FINE_QUALITY = 90
"""From here on a JPEG's colours are stored at full resolution, as libvips and sharp do it."""
_PROGRESSIVE_UP_TO = 160_000
"""Pixels. Progressive files are one to four hundredths smaller, but take three times as long to write."""

_AVIF_SPEEDS = ((500_000, 6), (8_000_000, 8), (math.inf, 10))
"""Up to so many pixels, libaom's speed. Two steps are half the time and a twentieth more bytes."""


@dataclass(frozen=True)
class Job:
    """How a result is to be written."""

    format: Format
    quality: int
    background: tuple[int, int, int]
    metadata: Metadata
    lossless: bool = False
    """For the formats that can be either."""
    progressive: bool = False
    """Whether the upload is, which tells that bytes count for more than time."""
    source_colours: int | None = None
    """How many colours the upload's palette had, if it had one."""
    remarks: gif.Gif | None = None
    """A GIF whose comments and application blocks are to be kept."""


def still(image: Image.Image, job: Job) -> bytes:
    """The file of one picture, in sRGB or grey."""
    image = _fitting(image, job)
    return _STILLS[job.format.name](image, job)


def deep_still(picture: deep.Deep, job: Job) -> bytes:
    """The file of one picture of 16 bits a channel, for a format that holds such."""
    return _DEEP_STILLS[job.format.name](picture, job)


def animated(frames: Sequence[Shown], loop: int | None, job: Job) -> bytes:
    """The file of several, for a format that holds animations; `loop` as in `decode.Upload`."""
    return _ANIMATIONS[job.format.name](frames, loop, job)


def _fitting(image: Image.Image, job: Job) -> Image.Image:
    """`image` in a mode that the format holds."""
    if image.mode in ("LA", "RGBA") and not job.format.alpha:
        return flattened(image, job.background)
    if image.mode.startswith("I;16") and not job.format.deep:
        return narrowed(image)
    return image


def flattened(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """`image` (LA or RGBA) on the background; it stays grey where both are."""
    if image.mode == "LA" and len(set(background)) == 1:
        canvas = Image.new("L", image.size, background[0])
        canvas.paste(image.getchannel("L"), mask=image.getchannel("A"))
        return canvas
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return canvas


def _saved(image: Image.Image, format_name: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_name, **options)
    return stream.getvalue()


def subsampling(job: Job) -> Subsampling:
    """How many luma samples stand above a chroma sample in a JPEG or WebP."""
    return (1, 1) if job.format.name == "jpeg" and job.quality >= _FINE_QUALITY else (2, 2)


def planes(picture: Planes, size: tuple[int, int], job: Job) -> bytes:
    """The JPEG or WebP file of a picture in planes, in sRGB or grey, resampled to `size`."""
    chosen = subsampling(job)
    resized = picture.resized(size, chosen)
    if job.format.name == "webp":
        return _webp_labelled(libwebp.encoded(resized, job.quality), size, job)
    data = turbojpeg.encoded(resized, chosen, job.quality, **_jpeg_options(size, job))
    return jpeg.write_metadata(data, job.metadata)


def _jpeg(image: Image.Image, job: Job) -> bytes:
    options: dict[str, Any] = {"quality": job.quality, **_jpeg_options(image.size, job)}
    if image.mode == "RGB":
        options["subsampling"] = {(1, 1): "4:4:4", (2, 2): "4:2:0"}[subsampling(job)]
    return jpeg.write_metadata(_saved(image, "JPEG", **options), job.metadata)


def _jpeg_options(size: tuple[int, int], job: Job) -> dict[str, bool]:
    pixels = size[0] * size[1]
    return {
        "optimize": pixels <= jpeg.OPTIMIZED_UP_TO,
        "progressive": job.progressive and pixels <= _PROGRESSIVE_UP_TO,
    }


def _png(image: Image.Image, job: Job) -> bytes:
    return png.serialise(_png_labelled(png.parse(png.written(image)), job.metadata))


def _png_labelled(file: png.Png, metadata: Metadata) -> png.Png:
    colour = [(b"sRGB", b"\0")] if metadata.icc else []
    return replace(file, chunks=(*colour, *file.chunks, *png.metadata_chunks(metadata)))


def _deep_png(picture: deep.Deep, job: Job) -> bytes:
    return png.serialise(_png_labelled(png.deep_file(picture), job.metadata))


def _deep_tiff(picture: deep.Deep, job: Job) -> bytes:
    return deep.tiff(picture, job.metadata)


_DEEP_STILLS: dict[str, Callable[[deep.Deep, Job], bytes]] = {"png": _deep_png, "tiff": _deep_tiff}


def _gif(image: Image.Image, job: Job) -> bytes:
    return _gif_animation([Shown(image, Fraction(0))], None, job)


def _webp(image: Image.Image, job: Job) -> bytes:
    return _webp_labelled(_webp_picture(image, job), image.size, job)


def _webp_labelled(data: bytes, size: tuple[int, int], job: Job) -> bytes:
    return webp.with_metadata(data, job.metadata, size) if job.metadata != Metadata() else data


def _webp_picture(image: Image.Image, job: Job) -> bytes:
    if job.lossless:
        return _saved(image, "WEBP", lossless=True)
    return _saved(image, "WEBP", quality=job.quality)


def _avif(image: Image.Image, job: Job) -> bytes:
    return _saved(image, "AVIF", **_avif_options(image, job))


def _avif_options(image: Image.Image, job: Job) -> dict[str, Any]:
    pixels = image.width * image.height
    speed = next(speed for most, speed in _AVIF_SPEEDS if pixels <= most)
    metadata = {name: value for name, value in (("exif", job.metadata.exif), ("xmp", job.metadata.xmp)) if value}
    return {"quality": job.quality, "speed": speed, "max_threads": 1, **metadata}


def _tiff(image: Image.Image, job: Job) -> bytes:
    options: dict[str, Any] = {"icc_profile": job.metadata.icc} if job.metadata.icc else {}
    compression = "group4" if image.mode == "1" else "tiff_adobe_deflate"
    return _saved(image, "TIFF", compression=compression, exif=job.metadata.exif, **options)


def _bmp(image: Image.Image, job: Job) -> bytes:
    del job
    return _saved(image, "BMP")


_STILLS: dict[str, Callable[[Image.Image, Job], bytes]] = {
    "jpeg": _jpeg,
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "avif": _avif,
    "tiff": _tiff,
    "bmp": _bmp,
}


def _gif_animation(frames: Sequence[Shown], loop: int | None, job: Job) -> bytes:
    file = gif_writer.animation(frames, loop and min(loop, 0xFFFF), job.source_colours)
    if job.remarks is not None:
        file = replace(file, comments=job.remarks.comments, applications=job.remarks.applications)
    return gif.serialise(file)


def plays(loop: int | None, most: int) -> int:
    """How often it plays, 0 for ever, where GIF says how often it is repeated."""
    return 1 if loop is None else loop and min(loop + 1, most)


def _png_animation(frames: Sequence[Shown], loop: int | None, job: Job) -> bytes:
    mode = "RGB" if opaque(frames) else "RGBA"
    made: list[png.Frame] = []
    before = None
    for shown in frames:
        now = shown.image.convert(mode)
        box = changed_box(before, now)
        delay = shown.seconds.limit_denominator(0xFFFF)
        file = png.parse(png.written(now.crop(box)))
        still = file.pictures[0]
        unit = (delay.numerator, delay.denominator) if delay.numerator <= 0xFFFF else (0xFFFF, 1)
        made.append(png.Frame(still.width, still.height, still.data, box[0], box[1], unit))
        before = now
    header = replace(file.header, width=frames[0].image.width, height=frames[0].image.height)
    return png.serialise(_png_labelled(png.Png(header, (), None, tuple(made), plays(loop, 0xFFFFFFFF)), job.metadata))


def _webp_animation(frames: Sequence[Shown], loop: int | None, job: Job) -> bytes:
    mode = "RGB" if opaque(frames) else "RGBA"
    size = frames[0].image.size
    made = []
    before = None
    for shown in frames:
        now = shown.image.convert(mode)
        box = changed_box(before, now, step=2)
        part = now.crop(box)
        milliseconds = min(0xFFFFFF, round(shown.seconds * 1000))
        made.append(webp.Frame(_webp_picture(part, job), box[0], box[1], *part.size, milliseconds))
        before = now
    data = webp.animation(made, size, plays(loop, 0xFFFF))
    return webp.with_metadata(data, job.metadata, size)


def _avif_animation(frames: Sequence[Shown], loop: int | None, job: Job) -> bytes:
    del loop  # Pillow's writer knows none: it always repeats for ever.
    mode = "RGB" if opaque(frames) else "RGBA"
    images = [shown.image.convert(mode) for shown in frames]
    data = _saved(
        images[0],
        "AVIF",
        save_all=True,
        append_images=images[1:],
        duration=[round(shown.seconds * 1000) for shown in frames],
        **_avif_options(images[0], job),
    )
    return avif.timeless(data)


_ANIMATIONS: dict[str, Callable[[Sequence[Shown], int | None, Job], bytes]] = {
    "gif": _gif_animation,
    "png": _png_animation,
    "webp": _webp_animation,
    "avif": _avif_animation,
}
