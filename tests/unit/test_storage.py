"""What storage makes of an answer of S3's before anything else sees it."""

import io

import pytest

from imagemachine.errors import Retryable
from imagemachine.storage import Revision, Upload


@pytest.mark.parametrize("sent", [b"", b"short", b"much longer than told"])
def test_a_body_of_another_length_than_told_is_fetched_again(sent: bytes) -> None:
    with pytest.raises(Retryable, match=f"announced 10 bytes of the upload and sent {len(sent)}"):
        Upload(Revision("etag", None), 10, io.BytesIO(sent)).read(max_bytes=1000)


def test_a_body_is_read_once_and_closed() -> None:
    stream = io.BytesIO(b"ten bytes.")
    assert Upload(Revision("etag", None), 10, stream).read(max_bytes=10) == b"ten bytes."
    assert stream.closed
