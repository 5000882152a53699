"""The picture formats as records of what each can hold; no format is special-cased by name elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Format:
    """What one format is called and what it can hold."""

    name: str
    content_type: str
    extensions: tuple[str, ...]
    """Without the dot, lower case; the first is the one that is appended to a key."""
    writable: bool = True
    """False: results of such an upload are written as `fallback`."""
    fallback: str = "jpeg"
    quality: bool = False
    alpha: bool = False
    animation: bool = False
    deep: bool = False
    """Holds 16 bits a channel."""
    profile: bool = True
    """Holds an ICC profile."""
    cmyk: bool = False


_ALL = (
    Format("jpeg", "image/jpeg", ("jpg", "jpeg", "jpe", "jfif", "mpo"), quality=True, cmyk=True),
    Format("png", "image/png", ("png", "apng"), alpha=True, animation=True, deep=True),
    Format("gif", "image/gif", ("gif",), alpha=True, animation=True, profile=False),
    Format("webp", "image/webp", ("webp",), quality=True, alpha=True, animation=True),
    Format("avif", "image/avif", ("avif", "avifs"), quality=True, alpha=True, animation=True),
    Format("tiff", "image/tiff", ("tif", "tiff"), alpha=True, deep=True, cmyk=True),
    Format("bmp", "image/bmp", ("bmp", "dib"), profile=False),
    Format("heic", "image/heic", ("heic", "heif", "hif"), writable=False, alpha=True),
    Format("ico", "image/x-icon", ("ico",), writable=False, fallback="png", alpha=True),
)

FORMATS: Mapping[str, Format] = MappingProxyType({format_.name: format_ for format_ in _ALL})

CHOICES = ("keep", "jpeg", "png", "webp", "avif", "gif")
"""What the FORMAT setting may be; `keep` writes what was uploaded."""
