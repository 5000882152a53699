"""A machine that is kept: what the page shows of its uploads, and the results saved of those that others make."""

import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from controlplane.local.arrivals import Arrival
from controlplane.local.background import background
from controlplane.local.inspector import Inspector
from controlplane.local.outcomes import Outcome
from controlplane.local.report import Picture
from controlplane.local.results import PREVIEWS, UPLOADS, OutputFolder
from controlplane.local.transfers import TransferError, Transfers
from controlplane.local.uploads import EXTENSIONS, INGEST, MAX_KEY_BYTES, Upload
from controlplane.page.desk import Picture as Shown
from controlplane.page.desk import RefusedError
from controlplane.page.journal import Journal, Result, Told
from imagemachine.formats import FORMATS

QUIET_SECONDS = 1.0
"""After so long without news what was saved is written down."""
PATIENCE = 10
"""So often news is waited for, where there is always more."""

_SMALL_BYTES = 60_000
"""A result of no more is its own small picture, where browsers show it."""

_SHOWN = {
    extension: format_.content_type
    for format_ in FORMATS.values()
    if format_.name in {"avif", "gif", "jpeg", "png", "webp"}
    for extension in format_.extensions
}
"""Content types of what all browsers show, by extension."""


class Live:
    """Keeps the page's journal, and is its desk; see page.desk.Desk. Thread-safe."""

    extensions = tuple(sorted(EXTENSIONS))
    most_bytes = 512 * 1024**2
    """The emulator keeps what it is given in memory."""

    def __init__(
        self,
        variants: Sequence[str],
        bucket: str,
        folder: OutputFolder,
        transfers: Transfers,
        inspector: Inspector,
        workspace: Path,
    ) -> None:
        self.journal = Journal()
        self.beside: dict[str, tuple[str, ...]] = dict.fromkeys(variants, ())
        self._pictures: dict[str, Picture] = {}
        """All that was made, by the upload's key."""
        self._variants = variants
        self._bucket = bucket
        self._folder = folder
        self._transfers = transfers
        self._inspector = inspector
        self._workspace = workspace
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._arrived: dict[str, Arrival] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        """Of each upload that others make, by variant, until all are there."""
        self._fetching: set[Future[Picture]] = set()
        self.changed = threading.Event()
        self._on_picture: Callable[[Picture], None] = lambda _picture: None

    def arrived(self, arrival: Arrival) -> None:
        """There is an upload, by whomever."""
        self.journal.uploaded(arrival.key, arrival.size, arrival.at)
        with self._lock:
            self._arrived[arrival.key] = arrival
            early = self._outcomes.get(arrival.key, {})
            self._outcomes[arrival.key] = {
                variant: outcome for variant, outcome in early.items() if outcome.at >= arrival.at
            }

    def told(self, outcome: Outcome, line: str) -> None:
        """A function has written `line`."""
        results = tuple(
            Result(output.key, output.format, output.width, output.height, output.bytes) for output in outcome.outputs
        )
        told = Told(
            outcome.variant, outcome.outcome, outcome.reason, outcome.detail, outcome.milliseconds, results, outcome.at
        )
        self.journal.told(outcome.key, told, line)
        further = tuple(output.format for output in outcome.outputs[1:] if output.format)
        if len(further) > len(self.beside.get(outcome.variant, ())):  # What came in a further format has that once.
            self.beside[outcome.variant] = further

    def save(self, outcome: Outcome) -> None:
        """Take note of an outcome that nobody waits for; with the last of an upload its results are fetched."""
        if not outcome.final or not outcome.key.startswith(INGEST):
            return
        with self._lock:
            known = self._outcomes.setdefault(outcome.key, {})
            known[outcome.variant] = outcome
            if not all(variant in known for variant in self._variants):
                return
            del self._outcomes[outcome.key]
            arrival = self._arrived.pop(outcome.key, None)
        self._ended(outcome.key, arrival.size if arrival else 0, [known[variant] for variant in self._variants])

    def started_with(self, pictures: Iterable[Picture], on_picture: Callable[[Picture], None]) -> None:
        """These are there from the beginning; `on_picture` hears of each that comes from now on, from a thread."""
        self._on_picture = on_picture
        with self._lock:
            self._pictures = {picture.upload.key: picture for picture in pictures} | self._pictures

    def put(self, path: str, file: BinaryIO) -> None:
        """Upload a file that was dropped on the page. Raises RefusedError."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or str(pure) != path or ".." in pure.parts or "\0" in path:
            raise RefusedError("Its path is none that a file can have.")
        if pure.suffix.lower() not in EXTENSIONS:
            raise RefusedError("It is no picture by its name.")
        if len((INGEST + path).encode()) > MAX_KEY_BYTES:
            raise RefusedError(f"Its key would have more than {MAX_KEY_BYTES:,} bytes.")
        try:
            self._transfers.put(INGEST + path, file)
        except TransferError as error:
            raise RefusedError(f"The upload failed: {error}.") from error

    def small(self, key: str, *, of_upload: bool) -> Shown:
        """A picture of a few hundred pixels. Raises RefusedError."""
        file = self._got(key, of_upload=of_upload)
        try:
            kind = _SHOWN.get(_extension(key))
            if kind and file.stat().st_size <= _SMALL_BYTES and not of_upload:
                return Shown(file.read_bytes(), kind)
            ((_, preview),) = self._inspector.look([file], always=True)
            if preview is None:
                raise RefusedError("It cannot be opened.")
            data = preview.read_bytes()
            preview.unlink()
            return Shown(data, "image/webp")
        finally:
            file.unlink()

    def whole(self, key: str, *, of_upload: bool) -> Shown:
        """The file itself. Raises RefusedError where it is gone."""
        file = self._got(key, of_upload=of_upload)
        try:
            return Shown(file.read_bytes(), _SHOWN.get(_extension(key), "application/octet-stream"))
        finally:
            file.unlink()

    def all(self) -> list[Picture]:
        """What there is by now, in the order in which it came."""
        with self._lock:
            return list(self._pictures.values())

    def settle(self) -> None:
        """Wait for what is being fetched."""
        for future in tuple(self._fetching):
            future.exception()

    def _got(self, key: str, *, of_upload: bool) -> Path:
        file = self._workspace / f"page-{next(self._numbers)}"
        try:
            self._transfers.get(key, file, of_upload=of_upload)
        except (OSError, TransferError) as error:
            file.unlink(missing_ok=True)
            raise RefusedError(f"It is not there: {error}.") from error
        return file

    def _ended(self, key: str, size: int, outcomes: Sequence[Outcome]) -> None:
        """An upload has ended in all variants: save what was made, forget what was removed."""
        if all(outcome.outcome == "removed" for outcome in outcomes):
            self._forget(key)
            return
        upload = Upload(None, key.removeprefix(INGEST), self._bucket, size)
        # While the machine is being stopped nothing more is fetched.
        with suppress(RuntimeError):
            future = self._transfers.fetch(upload, outcomes)
            self._fetching.add(future)
            future.add_done_callback(self._fetched)

    def _fetched(self, future: Future[Picture]) -> None:
        self._fetching.discard(future)
        if future.cancelled():
            return
        picture = future.result()
        with self._lock:
            before = self._pictures.get(picture.upload.key)
            self._pictures[picture.upload.key] = picture
        if before is not None:
            self._remove(before, except_for={result.output.key for result in picture.results if result.output})
        self.changed.set()
        self._on_picture(picture)

    def _forget(self, key: str) -> None:
        with self._lock:
            picture = self._pictures.pop(key, None)
        if picture is not None:
            self._remove(picture)
            self._folder.remove(f"{UPLOADS}/{picture.upload.path}")
            self._folder.remove(f"{PREVIEWS}/{UPLOADS}/{picture.upload.path}.webp")
            self.changed.set()

    def _remove(self, picture: Picture, except_for: Collection[str] = ()) -> None:
        """Its results here."""
        keys = [result.output.key for result in picture.results if result.output]
        for key in keys:
            if key not in except_for:
                self._folder.remove(key)
                self._folder.remove(f"{PREVIEWS}/{key}.webp")


@contextmanager
def written_down(live: Live, write: Callable[[Sequence[Picture]], None]) -> Iterator[None]:
    """Have `write` called with all pictures when they have changed within the block, once a burst is over."""

    def run(ended: threading.Event) -> None:
        waited = 0
        while not ended.wait(QUIET_SECONDS):
            if not live.changed.is_set():
                continue
            live.changed.clear()
            waited += 1
            if ended.wait(QUIET_SECONDS) or not live.changed.is_set() or waited == PATIENCE:
                write(live.all())
                waited = 0

    try:
        with background("saving", run):
            yield
    finally:
        live.settle()
        write(live.all())


def _extension(key: str) -> str:
    return key.rpartition(".")[2].lower()
