"""Watermark: a mark laid over the picture."""

from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

from imagemachine.pictures import Picture, Size
from imagemachine.pictures.place import COMPASS
from imagemachine.steps.step import Step
from imagemachine.written import file as written_in
from imagemachine.written import likely

LARGEST = 48 * 1024
"""Bytes of a mark's file: it travels to every process that works on a picture."""
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Watermark(Step):
    """A mark, the PNG `file` in the variant's folder, laid over the picture.

    where: a point of the compass, "centre" among them. opacity: of the mark, 0 to 1, beside its own transparency.
    scale: its width as a part of the picture's, 0 to 1, less where its height would not fit. margin: to the edges, as
    a part of the picture's shorter side.
    """

    file: str
    where: str = "south-east"
    opacity: float = 0.5
    scale: float = 0.2
    margin: float = 0.02
    mark: bytes = field(default=b"", repr=False)
    """What the file holds; read when the step is written down, for the codec's process can open none."""

    def __post_init__(self) -> None:
        if self.where not in COMPASS:
            raise ValueError(
                f"Watermark: where={self.where!r}: it is one of {', '.join(COMPASS)}."
                f"{likely(str(self.where), list(COMPASS))}"
            )
        for name, value in (("opacity", self.opacity), ("scale", self.scale)):
            if not 0 < value <= 1:
                raise ValueError(f"Watermark: {name}={value!r}: it is above 0, and 1 at most.")
        if not 0 <= self.margin < 0.5:
            raise ValueError(f"Watermark: margin={self.margin!r}: it is from 0 to below 0.5.")
        if not self.mark:
            object.__setattr__(self, "mark", _read(Path(written_in()).parent / self.file))

    def size(self, width: int, height: int) -> Size:
        """The same."""
        return width, height

    def apply(self, picture: Picture) -> Picture:
        """Lays the mark over it."""
        from imagemachine.pictures.painting import marked  # noqa: PLC0415 - pixels are for the codec's process

        paint = partial(
            marked,
            mark=self.mark,
            place=COMPASS[self.where],
            opacity=self.opacity,
            scale=self.scale,
            margin=round(self.margin * min(picture.size)),
        )
        return picture.painted(paint, picture.size)

    def described(self) -> list[object]:
        """With what the mark looks like, in its file's stead."""
        import hashlib  # noqa: PLC0415 - loads OpenSSL, for which the codec's process would wait and has no use

        others = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("file", "mark")}
        return [type(self).__name__, {**others, "mark": hashlib.sha256(self.mark).hexdigest()}]


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"Watermark: the mark {path} cannot be read ({error.strerror}).") from error
    if not data.startswith(_PNG):
        raise ValueError(f"Watermark: the mark {path} is no PNG.")
    if len(data) > LARGEST:
        raise ValueError(f"Watermark: the mark {path} has {len(data):,} bytes; {LARGEST:,} is the most.")
    return data
