"""What a page is told of a result: its smallest file first, for <picture>, and the result itself for <img>."""

import json
from typing import Any

import pytest

from imagemachine.manifest import manifest
from imagemachine.storage import Origin, Revision
from imagemachine.variant import Made, Output

OUTPUTS = (Output(b"12345", "jpeg", 8, 6, 2), Output(b"123", "webp", 8, 5, 3), Output(b"1234", "avif", 7, 6, 4))


@pytest.mark.parametrize(("colour", "placeholder"), [("#102030", "3EgK"), ("", "")])
def test_a_manifest_has_all_that_a_page_needs(colour: str, placeholder: str) -> None:
    keys = ["t/Café 50%.jpg", "t/b+.webp", "t/c?.avif"]
    made = Made(OUTPUTS, "double", (), colour, placeholder)
    text = manifest("thumbnail", keys, made, Origin("ingest/Café", Revision("e", "v"), "r"))
    assert "Café".encode() in text

    def source(number: int, kind: str, srcset: str) -> dict[str, Any]:
        output = OUTPUTS[number]
        size = {"width": output.width, "height": output.height, "bytes": len(output.data)}
        return {"type": f"image/{kind}", "srcset": srcset, "key": keys[number], **size}

    assert json.loads(text) == {
        "source": {"key": "ingest/Café", "etag": "e"},
        "variant": "thumbnail",
        "recipe": "r",
        "frames": 2,
        "colour": colour or None,
        "placeholder": placeholder or None,
        "sources": [
            source(1, "webp", "t/b%2B.webp 8w"),
            source(2, "avif", "t/c%3F.avif 7w"),
            source(0, "jpeg", "t/Caf%C3%A9%2050%25.jpg 8w"),
        ],
        "img": {"src": "t/Caf%C3%A9%2050%25.jpg", "width": 8, "height": 6},
    }
