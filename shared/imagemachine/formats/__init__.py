"""The picture formats: a folder each, and this table of them.

A folder holds the format's record, `FORMAT`, and in `codec` the answers to the questions of `contract.Codec`. A new
format is a folder, and its name below.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from imagemachine.formats.format import Format

_FOLDERS = ("jpeg", "png", "gif", "webp", "avif", "tiff", "bmp", "heic", "ico")
"""In the order in which a file's first bytes are compared."""

FORMATS: Mapping[str, Format] = MappingProxyType(
    {folder: import_module(f"{__name__}.{folder}").FORMAT for folder in _FOLDERS}
)

KEEP = "keep"
"""As a format of a variant: what was uploaded."""

CHOICES = (KEEP, "jpeg", "png", "webp", "avif", "gif")
"""What the format of a variant may be."""
