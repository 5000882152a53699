"""The small JSON beside a result from which a page can be written without looking at any picture."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from imagemachine.formats import FORMATS
from imagemachine.storage import Origin
from imagemachine.variant import Made

CONTENT_TYPE = "application/json"


def manifest(variant: str, keys: Sequence[str], made: Made, origin: Origin) -> bytes:
    """The manifest of a result whose files lie under `keys`, in the order of `made.outputs`.

    `sources` are for <source> in <picture>, the smallest file first, and `img` is for its <img>; a `srcset` names a
    width, so that those of several variants can be put together. What is for a page is percent-encoded.
    """
    files = sorted(zip(keys, made.outputs, strict=True), key=lambda file: len(file[1].data))
    first = made.outputs[0]
    described = {
        "source": {"key": origin.key, "etag": origin.revision.etag},
        "variant": variant,
        "recipe": origin.recipe,
        "frames": first.frames,
        "colour": made.colour or None,
        "placeholder": made.placeholder or None,
        "sources": [
            {
                "type": FORMATS[output.format].content_type,
                "srcset": f"{quote(key)} {output.width}w",
                "key": key,
                "width": output.width,
                "height": output.height,
                "bytes": len(output.data),
            }
            for key, output in files
        ],
        "img": {"src": quote(keys[0]), "width": first.width, "height": first.height},
    }
    return json.dumps(described, ensure_ascii=False).encode()
