"""The choice of a format for each browser: what the function at the edge is told, and the same choice on this computer.

At the edge it is the function `Negotiation` of shared/stack.yaml, in JavaScript; both are held against the same cases.
"""

import re
from collections.abc import Mapping, Sequence

BEST_FIRST = ("avif", "webp")
"""Formats that a browser may not know, the smallest first."""

_PICTURE = re.compile(r"\.(jpe?g|png|gif|webp|avif|tiff?|bmp|heic|heif|ico)$")
_NOTHING = re.compile(r"q=0(\.0*)?")

Made = Mapping[str, Sequence[str]]
"""By variant, the formats that lie beside each of its results."""


def parameter(beside: Made) -> str:
    """Returns the stack's parameter CdnFormats."""
    return "".join(f"{variant}={','.join(formats)};" for variant, formats in sorted(beside.items()))


def made(said: str) -> Made:
    """Returns what `parameter` was made of."""
    pairs = (pair.partition("=") for pair in said.split(";") if pair)
    return {variant: [name for name in formats.split(",") if name] for variant, _, formats in pairs}


def answered(path: str, accept: str | None, beside: Made) -> str | None:
    """Returns the path that a request for `path` (percent-encoded, from "/" on) with this Accept is answered with.

    None where there is nothing for anybody to see.
    """
    formats = beside.get(path.split("/")[1])
    if formats is None:
        return None
    if path.lower().endswith(".json") or _is_by_name(path.lower(), formats):
        return path
    best = next((name for name in BEST_FIRST if name in formats and _takes(accept or "", name)), None)
    # What came in the format already is written once: it is the result itself.
    return path if best is None or path.lower().endswith(f".{best}") else f"{path}.{best}"


def _takes(accept: str, name: str) -> bool:
    for media_range in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in media_range.split(";"))
        if kind == f"image/{name}" and not any(_NOTHING.fullmatch(parameter) for parameter in parameters):
            return True
    return False


def _is_by_name(path: str, formats: Sequence[str]) -> bool:
    before, _, extension = path.rpartition(".")
    return extension in formats and _PICTURE.search(before) is not None
