"""What a file is, by its first bytes: the extension and the declared content type are hearsay."""

import re

from imagemachine.codec.stored import Source
from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS, UNREADABLE

_READ = "JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP"


def identify(data: Source | memoryview) -> str:
    """The key of `formats.FORMATS` that the file `data` belongs to.

    Raises Rejected: empty, unsupported-format with the name of what it is, or not-an-image.
    """
    if not data:
        raise Rejected(Reason.EMPTY, "The file is empty (0 bytes); upload it again.")
    head = bytes(data[:4096])
    if head[4:12] in (b"ftypmif1", b"ftypmif2", b"ftypmiaf", b"ftypmsf1") and re.search(rb"avi[fs]", _brands(head)):
        return "avif"  # The general brand comes first, the codec's own among the others.
    for format_ in FORMATS.values():
        if re.match(format_.signature, head, re.DOTALL):
            return format_.name
    for what, signature in UNREADABLE.items():
        if re.match(signature, head, re.DOTALL):
            raise Rejected(
                Reason.UNSUPPORTED_FORMAT, f"The file is {what}, which is not read here; upload it as {_READ}."
            )
    raise Rejected(
        Reason.NOT_AN_IMAGE,
        f"The file does not start like a picture of any known format (it starts with {head[:8].hex(' ')});"
        f" upload it as {_READ}.",
    )


def _brands(head: bytes) -> bytes:
    return head[8 : min(int.from_bytes(head[:4], "big"), 256)]
