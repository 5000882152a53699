"""Every kind of picture in every variant, looked at by libvips: the machine's own eyes are not asked.

With --results=FOLDER the results are those that `render_all.py` has made elsewhere, as in the image that ships.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from eye.eyes import seen
from eye.table import Kind, Sample, kinds, sample
from imagemachine.formats import FORMATS
from pictures_kit import far, rendered, turn_of, variants

pytest.importorskip("pyvips")

Result = Callable[[Kind, Sample, str], bytes]


@pytest.fixture
def result(request: pytest.FixtureRequest) -> Result:
    """Makes the result of a kind in a variant, or takes it from a folder."""
    folder = request.config.getoption("--results")

    def made(kind: Kind, upload: Sample, name: str) -> bytes:
        return (Path(folder) / f"{kind}.{name}").read_bytes() if folder else rendered(upload.data, name).data

    return made


@pytest.mark.parametrize("name", variants())
@pytest.mark.parametrize("kind", list(kinds()), ids=str)
def test_a_result_shows_what_its_upload_shows(kind: Kind, name: str, result: Result) -> None:
    upload = sample(kind)
    if isinstance(upload, str):
        pytest.skip(upload)
    wanted = upload.frames or seen(upload.data)
    made = [frame.rotate(turn_of(name), expand=True) for frame in seen(result(kind, upload, name))]
    format_ = FORMATS[kind.format]
    animated = (format_ if format_.writable else FORMATS[format_.fallback]).animation
    assert len(made) == (len(wanted) if animated else 1)
    for one, other in zip(made, wanted, strict=False):
        largest = {"thumbnail": 320}.get(name, 400)
        share = min(1, largest / max(other.size))
        assert one.size == (round(other.width * share), round(other.height * share))
        assert far(one, other) <= upload.tolerance
