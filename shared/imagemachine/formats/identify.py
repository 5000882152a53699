"""What a file is, by its first bytes: the extension and the declared content type are hearsay."""

import re

from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS
from imagemachine.formats.format import Format
from imagemachine.formats.unreadable import UNREADABLE
from imagemachine.source import Source

_READ = "JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP"


def identify(data: Source | memoryview) -> Format:
    """The format that the file `data` belongs to.

    Raises Rejected: empty, unsupported-format with the name of what it is, or not-an-image.
    """
    if not data:
        raise Rejected(Reason.EMPTY, "The file is empty (0 bytes); upload it again.")
    head = bytes(data[:4096])
    for format_ in FORMATS.values():
        if format_.could_be(head):
            return format_
    for what, magic in UNREADABLE.items():
        if re.match(magic, head, re.DOTALL):
            raise Rejected(
                Reason.UNSUPPORTED_FORMAT, f"The file is {what}, which is not read here; upload it as {_READ}."
            )
    raise Rejected(
        Reason.NOT_AN_IMAGE,
        f"The file does not start like a picture of any known format (it starts with {head[:8].hex(' ')});"
        f" upload it as {_READ}.",
    )
