"""Pictures on their way in and results on their way out, a few at a time."""

import mimetypes
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from disk import Output
from hosts import Stack
from inspector import Inspector, Seen
from objects import Objects, TransferError
from outcomes import Outcome
from report import Picture, Result
from results import PREVIEWS, UPLOADS, OutputFolder
from uploads import Upload

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
        return self._out.submit(lambda: self._picture(upload, tuple(map(self._fetch, outcomes))))

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

    def _fetch(self, outcome: Outcome) -> Result:
        if not outcome.made or outcome.output is None:
            return Result(outcome)
        try:
            file = self._folder.claim(outcome.output)
            self._objects.get(self._stack.output_bucket, outcome.output, file)
        except (OSError, ValueError, TransferError) as error:
            return Result(outcome, problem=f"The result could not be downloaded: {error}.")
        seen, preview = self._look(file, outcome.output)
        return Result(outcome, file, seen, preview, _difference(outcome, file.stat().st_size, seen))

    def _picture(self, upload: Upload, results: tuple[Result, ...]) -> Picture:
        """The upload beside its results; one of which nothing was made is not opened."""
        try:
            size = upload.source.stat().st_size
            if not any(result.good for result in results):
                return Picture(upload, size, results)
            copy = self._folder.claim(f"{UPLOADS}/{upload.path}")
            with upload.source.open("rb", buffering=0) as file, Output(copy) as output:
                output.write(file.readinto)
        except OSError:
            return Picture(upload, results[0].outcome.bytes_in or 0, results)
        seen, preview = self._look(upload.source, f"{UPLOADS}/{upload.path}")
        return Picture(upload, size, results, seen, copy, preview)

    def _look(self, file: Path, path: str) -> tuple[Seen, Path | None]:
        seen, made = self._inspector.look(file)
        if made is None:
            return seen, None
        preview = self._folder.claim(f"{PREVIEWS}/{path}.webp")
        shutil.move(made, preview)
        return seen, preview


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
