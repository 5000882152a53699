"""Every number that decides what a result looks like or how large it is, each with its reason.

A recipe is made of these, among others: who changes one makes every earlier result stale, and an audit shows it.
What only decides how fast a result is made, or in how much memory, stands where it is used.
"""

import math

QUALITY = 80
"""Of a resized picture whose variant names none: where people stop to see a difference, and files get small."""

TURN_QUALITY = 88
"""Of a turn that cannot be lossless: a fifth larger than an upload of quality 80, and hardly worse."""

REDUCING_GAP = 3.0
"""Where a picture is more than so many times too large, whole blocks of pixels are averaged before Lanczos' kernel."""

JPEG_GAP = 1.23
"""So many times larger than wanted a JPEG is left by its decoder, as near as sharp goes.

Chroma may come out at half its size as long as that is as much as wanted: what is lost then is a thirtieth of what
quality 80 loses.
"""
JPEG_FINE_FROM = 90
"""From this quality on a JPEG's colours are stored at full resolution, as libvips and sharp do it."""
JPEG_PROGRESSIVE_UP_TO = 160_000
"""Pixels. Progressive files are one to four hundredths smaller, but take three times as long to write."""
JPEG_OPTIMIZED_UP_TO = 250_000
"""Pixels. Code tables of its own make a small file two to four hundredths smaller, a larger one by less than one; it
takes up to thrice as long to write."""

WEBP_FAR, WEBP_GAP = 6.0, 1.5
"""From so many times the wanted size on a WebP is decoded smaller, to so many times that size.

libwebp has every scale, but averages more coarsely than Lanczos' kernel.
"""
WEBP_UNFILTERED_FROM = 4 / 3
"""Times the wanted size. Of larger pictures libwebp itself leaves out the filter against blocks when it scales them."""

AVIF_SPEEDS = ((2_000_000, 5), (4_000_000, 6), (8_000_000, 8), (math.inf, 10))
"""Up to so many pixels, libaom's speed: two seconds at most on the processor of the benchmark.

At the same SSIM as sharp's a photograph of 828 x 621 takes 0.9 of its bytes at 5, 0.98 to 1.0 at 6, and 1.03 to 1.07
at 8, in 0.25, 0.1 and 0.05 of its time.
"""
AVIF_MOVING_SPEEDS = ((500_000, 6), (8_000_000, 8), (math.inf, 10))
"""The same for each frame of an animation."""
AVIF_ENCODER = {"enable-rect-partitions": "0"}
"""libaom's own options: at speed 5 half the time and 0.03 more bytes. Above it makes no difference."""

PNG_LEVEL, PNG_QUICK_LEVEL = 6, 3
"""Deflate's, of drawings, and of those that become small so quickly that a larger level is not worth its time."""
PNG_DRAWING = 0.8
"""A picture that deflate makes so much smaller than runs alone do is a drawing: of photographs it is 0.9 and more."""
PNG_REPETITIVE = 25
"""A drawing that becomes so many times smaller may become half as large again, in next to no time."""
PNG_BANDS, PNG_BAND = 3, 16_384
"""How many bands are tried, of at least so many bytes: half of what deflate looks back."""

GIF_SAMPLES = 12
"""So many frames, spread over the whole animation, decide its colours."""
GIF_OPAQUE_FROM = 128
"""Of 255: what is half transparent becomes one or the other."""
GIF_COLOURS = 255
"""At most, for one of the 256 stands for transparency."""
GIF_FEW = 32
"""So many colours a frame gets in any case."""
GIF_PIXELS_A_COLOUR = 12
"""A colour takes three bytes, so a small rectangle gets fewer of its own."""
GIF_DEPTHS = ((3_000_000, 8), (8_000_000, 7), (25_000_000, 6))
"""Up to so many pixels in all frames, how many bits of each channel a frame's own colours are chosen by.

A bit less takes half the time. Larger animations get one palette for all their frames.
"""
GIF_WELL = 6.5
"""The mean square of the levels that shared colours may be off, 40 dB: it is hardly seen, and makes drawings half as
large as colours for each frame do.
"""
GIF_JUDGED = 250_000
"""So many pixels are enough to choose the shared colours by."""


def numbers() -> dict[str, object]:
    """All of them by their names, for a recipe."""
    return {name: value for name, value in globals().items() if name.isupper()}
