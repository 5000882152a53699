"""Pictures on their way in and results on their way out, a few at a time."""

import mimetypes
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

from botocore.exceptions import BotoCoreError, ClientError

from controlplane.local.aws import client
from controlplane.local.hosts import Stack
from controlplane.local.inspector import Inspector, Seen
from controlplane.local.outcomes import Outcome, Output
from controlplane.local.report import Picture, Result
from controlplane.local.results import PREVIEWS, UPLOADS, OutputFolder
from controlplane.local.uploads import Upload

AT_A_TIME = 2
_PIECE_BYTES = 1 << 20


class TransferError(Exception):
    """An object could not be put or taken; the message says why, without a full stop."""


class Transfers:
    """Uploads and downloads in the background; leaving the block abandons what has not begun."""

    def __init__(self, stack: Stack, folder: OutputFolder, inspector: Inspector) -> None:
        self._s3 = client("s3", stack.endpoint)
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

    def send(self, uploads: Sequence[Upload], on_failure: Callable[[Upload, str], None]) -> None:
        """Upload in the background; on_failure gets a sentence for each file that could not be."""
        self._uploads = [self._in.submit(self._send, upload, on_failure) for upload in uploads]

    def send_one(self, upload: Upload, on_failure: Callable[[Upload, str], None]) -> None:
        """Upload in the background what nobody waits for."""
        self._in.submit(self._send, upload, on_failure)

    def sent(self) -> bool:
        """Whether all uploads have ended."""
        return all(future.done() for future in self._uploads)

    def fetch(self, upload: Upload, outcomes: Sequence[Outcome]) -> Future[Picture]:
        """Download all results of an upload in the background, see that they are what the functions said.

        All at once, when the last is there: in one go this takes less of the processors than result by result.
        """
        return self._out.submit(self._picture, upload, outcomes)

    def _send(self, upload: Upload, on_failure: Callable[[Upload, str], None]) -> None:
        assert upload.source is not None  # noqa: S101 - what lies in the bucket is not sent there
        try:
            with upload.source.open("rb") as file:
                self.put(upload.key, file)
        except OSError as error:
            on_failure(upload, f"The file could not be read: {error.strerror}.")
        except TransferError as error:
            on_failure(upload, f"The upload failed: {error}.")

    def put(self, key: str, file: BinaryIO) -> None:
        """Upload what is left of `file`, now. Raises OSError, TransferError."""
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        try:
            self._s3.put_object(Bucket=self._stack.source_bucket, Key=key, Body=file, ContentType=kind)
        except (BotoCoreError, ClientError) as error:
            raise TransferError(str(error).rstrip(".")) from error

    def get(self, key: str, target: Path, *, of_upload: bool) -> None:
        """Download an upload, or a result, into a file, now. Raises OSError, TransferError."""
        bucket = self._stack.source_bucket if of_upload else self._stack.output_bucket
        with target.open("wb") as output:
            try:
                shutil.copyfileobj(self._s3.get_object(Bucket=bucket, Key=key)["Body"], output, _PIECE_BYTES)
            except (BotoCoreError, ClientError) as error:
                raise TransferError(str(error).rstrip(".")) from error

    def _picture(self, upload: Upload, outcomes: Sequence[Outcome]) -> Picture:
        """The upload beside its results; one of which nothing was made is not opened."""
        results = tuple(result for outcome in outcomes for result in self._fetch(outcome))
        paths: dict[Path, str] = {result.file: result.output.key for result in results if result.file and result.output}
        size = upload.size if upload.source is None else _size(upload.source)
        size = size or next((outcome.bytes_in for outcome in outcomes if outcome.bytes_in), 0)
        if not paths:
            return Picture(upload, size, results)
        copy = self._copied(upload)
        original = upload.source or copy
        if copy is not None and original is not None:
            paths[original] = f"{UPLOADS}/{upload.path}"
        seen = dict(zip(paths, self._look(paths), strict=True))
        results = tuple(_compared(result, *seen[result.file]) if result.file else result for result in results)
        if copy is None or original is None:
            return Picture(upload, size, results)
        return Picture(upload, size, results, seen[original][0], copy, seen[original][1])

    def _fetch(self, outcome: Outcome) -> Iterator[Result]:
        """The downloaded results, not yet looked at; one without a file where there is none."""
        if not outcome.made or not outcome.outputs:
            yield Result(outcome)
        for output in outcome.outputs:
            try:
                file = self._folder.claim(output.key)
                self.get(output.key, file, of_upload=False)
                yield Result(outcome, output, file)
            except (OSError, ValueError, TransferError) as error:
                yield Result(outcome, output, problem=f"The result could not be downloaded: {error}.")

    def _copied(self, upload: Upload) -> Path | None:
        """The upload beside its results, or None where it cannot be read any more."""
        try:
            copy = self._folder.claim(f"{UPLOADS}/{upload.path}")
            if upload.source is None:
                self.get(upload.key, copy, of_upload=True)
                return copy
            shutil.copyfile(upload.source, copy)
        except (OSError, ValueError, TransferError):
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


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _compared(result: Result, seen: Seen, preview: Path | None) -> Result:
    assert result.file is not None and result.output is not None  # noqa: S101, PT018 - it was looked at
    problem = _difference(result.output, result.file.stat().st_size, seen)
    return replace(result, seen=seen, preview=preview, problem=problem)


def _difference(output: Output, size: int, seen: Seen) -> str | None:
    """A sentence, if a result is not what the function's log line says of it."""
    if size != output.bytes:
        return f"The result has {size:,} bytes, and the function wrote {output.bytes or 0:,}."
    if not seen.width:
        return "The result cannot be opened on this computer."
    if (seen.width, seen.height) != (output.width, output.height):
        return (
            f"The result is {seen.width} x {seen.height} pixels, and the function made it "
            f"{output.width} x {output.height}."
        )
    return None
