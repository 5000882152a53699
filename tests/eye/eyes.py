"""What a picture file shows, by eyes that are not the machine's: libvips, and what is said by the file itself."""

import io

import numpy as np
import tifffile
from PIL import Image

import bmp_kit
import png_kit
from eye.table import srgb_of_lab
from pictures_kit import as_seen_by


def seen(data: bytes) -> list[Image.Image]:
    """What libvips shows; of the two formats that it does not read, what is in the file."""
    if data[:2] == b"BM":
        return [bmp_kit.read(data)]
    if data[:2] in (b"II", b"MM"):
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0]
            if getattr(page, "photometric", None) == tifffile.PHOTOMETRIC.CIELAB:
                numbers = page.asarray().astype(np.float64)
                scale = 256.0 if numbers.max() > 255 else 1.0
                signed = np.where(numbers >= 128 * scale, numbers - 256 * scale, numbers) / scale
                lab = np.dstack([numbers[..., 0] / (2.55 * scale), signed[..., 1:]])
                return [Image.fromarray(srgb_of_lab(lab)).convert("RGBA")]
    if data[:4] == b"\x89PNG" and b"acTL" in data:
        return animated_png(data)
    # Nothing at hand but libavif reads a sequence.
    return as_seen_by("pillow" if data[4:12] == b"ftypavis" else "libvips", data)


def animated_png(data: bytes) -> list[Image.Image]:
    """The frames of an APNG, of which libvips knows nothing: each decoded by it, and laid upon each other here."""
    size = Image.open(io.BytesIO(data)).size
    canvas, found = Image.new("RGBA", size), []
    for file, place, dispose, blend in png_kit.stills(data):
        (still,) = as_seen_by("libvips", file)
        before = canvas.copy()
        if blend:
            canvas.alpha_composite(still, place)
        else:
            canvas.paste(still, place)
        found.append(canvas.copy())
        if dispose == 1:
            canvas.paste((0, 0, 0, 0), (*place, place[0] + still.width, place[1] + still.height))
        elif dispose == 2:
            canvas = before
    return found
