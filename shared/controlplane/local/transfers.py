"""Pictures on their way in and results on their way out, a few at a time."""

import mimetypes
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self

from controlplane.local.disk import Output
from controlplane.local.hosts import Stack
from controlplane.local.inspector import Inspector, Seen
from controlplane.local.objects import Objects, TransferError
from controlplane.local.outcomes import Outcome
from controlplane.local.report import Picture, Result
from controlplane.local.results import PREVIEWS, UPLOADS, OutputFolder
from controlplane.local.uploads import Upload

AT_A_TIME = 2


class Transfers:
    """Uploads and downloads in the background; leaving the block abandons what has not begun."""

    def __init__(self, stack: Stack, folder: OutputFolder, inspector: Inspector) -> None:
        self._objects = Objects(stack.endpoint)
        self._stack = stack
        self._folder = folder
        self._inspector = inspector
        self._in = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="upload")
        self._out = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="download")
        self._uploads: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for pool in (self._in, self._out):
            pool.shutdown(wait=error is None, cancel_futures=error is not None)
        if error is None:
            self._objects.close()

    def send(self, uploads: Sequence[Upload], on_failure: Callable[[Upload, str], None]) -> None:
        """Upload in the background; on_failure gets a sentence for each file that could not be."""
        self._uploads = [self._in.submit(self._send, upload, on_failure) for upload in uploads]

    def sent(self) -> bool:
        """Whether all uploads have ended."""
        return all(future.done() for future in self._uploads)

    def fetch(self, upload: Upload, outcomes: Sequence[Outcome]) -> Future[Picture]:
        """Download all results of an upload in the background, see that they are what the functions said.

        All at once, when the last is there: in one go this takes less of the processors than result by result.
        """
        return self._out.submit(self._picture, upload, outcomes)

    def _send(self, upload: Upload, on_failure: Callable[[Upload, str], None]) -> None:
        kind = mimetypes.guess_type(upload.path)[0] or "application/octet-stream"
        try:
            with upload.source.open("rb") as file:
                length = os.fstat(file.fileno()).st_size
                self._objects.put(self._stack.source_bucket, upload.key, file, length, kind)
        except OSError as error:
            on_failure(upload, f"The file could not be read: {error.strerror}.")
        except TransferError as error:
            on_failure(upload, f"The upload failed: {error}.")

    def _picture(self, upload: Upload, outcomes: Sequence[Outcome]) -> Picture:
        """The upload beside its results; one of which nothing was made is not opened."""
        results = tuple(map(self._fetch, outcomes))
        try:
            size = upload.source.stat().st_size
        except OSError:
            size = outcomes[0].bytes_in or 0
        paths = {result.file: result.outcome.output or "" for result in results if result.file}
        if not paths:
            return Picture(upload, size, results)
        copy = self._copied(upload)
        if copy is not None:
            # What was uploaded, and not its copy: that one is on the disk by now.
            paths[upload.source] = f"{UPLOADS}/{upload.path}"
        seen = dict(zip(paths, self._look(paths), strict=True))
        results = tuple(_compared(result, *seen[result.file]) if result.file else result for result in results)
        if copy is None:
            return Picture(upload, size, results)
        return Picture(upload, size, results, seen[upload.source][0], copy, seen[upload.source][1])

    def _fetch(self, outcome: Outcome) -> Result:
        """The downloaded result, not yet looked at."""
        if not outcome.made or outcome.output is None:
            return Result(outcome)
        try:
            file = self._folder.claim(outcome.output)
            self._objects.get(self._stack.output_bucket, outcome.output, file)
        except (OSError, ValueError, TransferError) as error:
            return Result(outcome, problem=f"The result could not be downloaded: {error}.")
        return Result(outcome, file)

    def _copied(self, upload: Upload) -> Path | None:
        """The upload beside its results, or None where it cannot be read any more."""
        try:
            copy = self._folder.claim(f"{UPLOADS}/{upload.path}")
            with upload.source.open("rb", buffering=0) as file, Output(copy) as output:
                output.write(file.readinto)
        except OSError:
            return None
        return copy

    def _look(self, paths: Mapping[Path, str]) -> Iterator[tuple[Seen, Path | None]]:
        """What is seen of each file, and its preview, if it needs one, beside the results."""
        for path, (seen, made) in zip(paths.values(), self._inspector.look(list(paths)), strict=True):
            preview = None
            if made is not None:
                preview = self._folder.claim(f"{PREVIEWS}/{path}.webp")
                shutil.move(made, preview)
            yield seen, preview


def _compared(result: Result, seen: Seen, preview: Path | None) -> Result:
    assert result.file is not None  # noqa: S101 - it was looked at
    problem = _difference(result.outcome, result.file.stat().st_size, seen)
    return replace(result, seen=seen, preview=preview, problem=problem)


def _difference(outcome: Outcome, size: int, seen: Seen) -> str | None:
    """A sentence, if a result is not what the function's log line says of it."""
    if size != outcome.bytes_out:
        return f"The result has {size:,} bytes, and the function wrote {outcome.bytes_out:,}."
    if not seen.width:
        return "The result cannot be opened on this computer."
    if (seen.width, seen.height) != (outcome.width, outcome.height):
        return (
            f"The result is {seen.width} x {seen.height} pixels, and the function made it "
            f"{outcome.width} x {outcome.height}."
        )
    return None
