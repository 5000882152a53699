"""One picture, one variant: the story from an announced upload to a result that is true."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Protocol

from imagemachine.announcements import Complete, Ledger, Note
from imagemachine.envelopes import Notice
from imagemachine.errors import OutOfTime, Reason, Rejected, Retryable
from imagemachine.formats import FORMATS
from imagemachine.keys import MANIFEST, extension, has_extension_of, key_beside, keys_beside, result_key, result_keys
from imagemachine.manifest import CONTENT_TYPE as MANIFEST_TYPE
from imagemachine.manifest import manifest
from imagemachine.pictures.place import Point, is_point
from imagemachine.settings import Settings
from imagemachine.storage import CARRIED_HEADERS, Origin, Revision, Storage, Upload
from imagemachine.variant import Made, Output, Variant

_ROUNDS = 10
"""How often an upload may change while it is worked on before the message goes back to the queue."""

_BESIDE = {"role": "beside"}
"""What an audit is told of a file that is not the result itself; that names the extensions of what lies beside it."""

_RESERVE = 2.0
"""Seconds of an invocation that are kept for storing and answering."""


class Outcome(StrEnum):
    """What became of one upload in one variant."""

    MADE = "made"
    REMOVED = "removed"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    RETRIED = "retried"


@dataclass(frozen=True)
class Report:
    """An outcome with what is known of it."""

    outcome: Outcome
    detail: str | None = None
    reason: Reason | None = None
    """Why it was rejected."""
    revision: Revision | None = None
    """Of the upload; None where it is gone, or was not looked at."""
    complete: Complete | None = None
    """What all variants came to, where this one was the last."""
    output: str | None = None
    outputs: tuple[str, ...] = ()
    """The keys of all of its files, `output` first, in the order of `made.outputs`."""
    sizes: tuple[int, ...] = ()
    """Their bytes, in the same order."""
    bytes_in: int | None = None
    bytes_out: int | None = None
    made: Made | None = None
    """Without its data, which would take up memory until the upload has been looked at again."""
    times: Mapping[str, float] = field(default_factory=dict)
    """Seconds in each step, without those in which the picture waited for others."""

    @property
    def files(self) -> list[dict[str, Any]]:
        """What was stored, as an event tells it."""
        made = self.made.outputs if self.made else ()
        return [
            {"key": key, "format": file.format, "width": file.width, "height": file.height, "bytes": size}
            for key, size, file in zip(self.outputs, self.sizes, made, strict=True)
        ]


class Codec(Protocol):
    """What makes a result of an upload's bytes: the sandbox, or in tests the bare codec."""

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        """Raises Rejected, `too-slow` where it takes longer than `seconds`; `focus` is the upload's own word."""
        ...


Remaining = Callable[[], float]
"""Seconds left of the invocation."""


class Job:
    """Makes one variant of uploads; safe to share between threads, of which `at_once` use the codec at the same time.

    ahead: how many pictures may wait on either side of the codec, fetched before it, or made and being stored after it;
    so memory holds up to `at_once + ahead` uploads, and `at_once + max(1, ahead)` results.
    """

    def __init__(
        self,
        variant: Variant,
        settings: Settings,
        storage: Storage,
        codec: Codec,
        ledger: Ledger | None = None,
        *,
        at_once: int = 1,
        ahead: int = 2,
    ) -> None:
        self._variant = variant
        self._settings = settings
        self._storage = storage
        self._codec = codec
        self._ledger = ledger
        self._ahead = threading.BoundedSemaphore(ahead + at_once)
        self._at_work = threading.BoundedSemaphore(at_once)
        self._behind = threading.BoundedSemaphore(max(1, ahead))

    def run(self, notice: Notice, remaining: Remaining) -> Report:
        """Bring the result in line with the upload as it is now, whatever the notice says.

        Messages come twice, late and out of order, and others may work on the same upload meanwhile. So, after
        acting on a revision of the upload, look again: if it is another one by now, act on that. Whoever
        acts last has then seen the newest revision. Raises Retryable, and whatever else fails.
        """
        if why := self._no_upload(notice):
            return Report(Outcome.SKIPPED, why)
        if why := self._passed_over(notice):
            return Report(Outcome.SKIPPED, why, complete=self._note_passing(notice))
        for _ in range(_ROUNDS):
            report = self._follow(notice, remaining)
            complete = self._note(notice, report)
            if self._storage.revision(notice) == report.revision:
                return replace(report, complete=complete)
        raise Retryable(f"The upload changed {_ROUNDS} times while it was worked on.")

    def description(self) -> dict[str, Any]:
        """What is made of which uploads, for an operator who compares it with what there is."""
        return {
            "variant": self._variant.name,
            "recipe": self._variant.recipe,
            "only": list(self._variant.only),
            "never": list(self._variant.never),
            "suffixes": list(self._settings.suffixes),
        }

    def _no_upload(self, notice: Notice) -> str | None:
        """Why what is announced is none of the machine's business, or None."""
        settings = self._settings
        if not notice.key.startswith(settings.ingest_prefix):
            return f"The key is outside {settings.ingest_prefix}."
        if settings.feeds_on(notice.bucket):
            return "The results' bucket is announced, and a result is no upload."
        if settings.suffixes and extension(notice.key) not in settings.suffixes:
            return f"The key's extension is none of {', '.join(settings.suffixes)}."
        return None

    def _passed_over(self, notice: Notice) -> str | None:
        """Why this variant, unlike others, leaves out an upload, whatever it holds; or None."""
        path = notice.key.removeprefix(self._settings.ingest_prefix)
        if self._variant.only and not any(fnmatchcase(path, pattern) for pattern in self._variant.only):
            return f"The variant is for {', '.join(self._variant.only)} only."
        if pattern := next((pattern for pattern in self._variant.never if fnmatchcase(path, pattern)), None):
            return f"The variant is never for {pattern}."
        return None

    def _note(self, notice: Notice, report: Report) -> Complete | None:
        """Before the upload is looked at again: see announcements."""
        if self._ledger is None or (report.outcome is Outcome.SKIPPED and report.revision):
            return None
        if report.revision is None:
            return self._ledger.note(notice, None)
        return self._ledger.note(notice, Note(report.revision, report.outcome, report.reason, report.outputs))

    def _note_passing(self, notice: Notice) -> Complete | None:
        """All others may have ended before: then this one looks whether the upload is still what they saw."""
        complete = self._ledger.note(notice, Note(None, Outcome.SKIPPED)) if self._ledger else None
        return complete if complete and self._storage.revision(notice) == complete.revision else None

    def _follow(self, notice: Notice, remaining: Remaining) -> Report:
        """Fetch, make, store: what came of the upload as it was found."""
        times: dict[str, float] = {}
        with ExitStack() as behind:
            with self._ahead:
                _left(remaining)  # Before anything is fetched: what comes too late is given back in no time.
                with _timed(times, "fetch"):
                    upload = self._storage.open(notice)
                if upload is None:
                    self._remove(notice)
                    return _gone(notice)
                if notice.key.endswith("/") and upload.size == 0:
                    self._remove(notice)
                    return Report(Outcome.SKIPPED, "The key is a folder marker.", revision=upload.revision)
                try:
                    with _timed(times, "fetch"):
                        data = upload.read(self._settings.max_bytes)
                    with self._at_work:
                        with _timed(times, "codec"):
                            made = self._make(data, _focus(upload.metadata), remaining)
                        behind.enter_context(self._behind)  # The codec waits where storing does not keep up.
                except Rejected as rejected:
                    # An older revision's result would be a wrong picture.
                    self._remove(notice)
                    return Report(Outcome.REJECTED, rejected.detail, rejected.reason, upload.revision)
                del data  # From here on others may be fetched into its place.
            with _timed(times, "store"):
                outputs = self._store(notice, made, upload)
        sizes = tuple(len(output.data) for output in made.outputs)
        return Report(
            Outcome.MADE,
            revision=upload.revision,
            output=outputs[0],
            outputs=outputs,
            bytes_in=upload.size,
            bytes_out=sum(sizes),
            sizes=sizes,
            made=made.without_data(),
            times=times,
        )

    def _make(self, data: bytes, focus: Point | None, remaining: Remaining) -> Made:
        limit, left = self._settings.max_seconds, _left(remaining)
        try:
            return self._codec.run(data, min(limit, left), focus)
        except Rejected as rejected:
            if rejected.reason is Reason.TOO_SLOW and left < limit:
                raise OutOfTime(f"Only {left:.1f} s of this invocation were left for the picture.") from rejected
            raise

    def _store(self, notice: Notice, made: Made, upload: Upload) -> tuple[str, ...]:
        """Put every file of a result; its keys. The first is put last: where it is, the others are."""
        settings = self._settings
        first = result_key(notice.key, settings.ingest_prefix, settings.output_prefix, FORMATS[made.format])
        beside = [FORMATS[output.format].extensions[0] for output in made.outputs[1:]]
        keys = (first, *(key_beside(first, extension_) for extension_ in beside))
        bucket = settings.output_bucket or notice.bucket
        origin = self._origin(notice, upload)
        for key, output in zip(keys[1:], made.outputs[1:], strict=True):
            self._put(bucket, key, output, made, origin, **_BESIDE)
        stored = set(keys)
        if self._variant.manifest:
            manifest_key = key_beside(first, MANIFEST)
            body = manifest(self._variant.name, keys, made, origin)
            self._storage.store(bucket, manifest_key, body, MANIFEST_TYPE, origin, **_BESIDE)
            stored.add(manifest_key)
            beside.append(MANIFEST)
        self._put(bucket, first, made.outputs[0], made, origin, **({"beside": ",".join(beside)} if beside else {}))
        if not has_extension_of(notice.key, FORMATS[made.format]):
            # An earlier upload of this name, of another format, may have left its result under another key.
            self._remove(notice, stored)
        return keys

    def _put(self, bucket: str, key: str, output: Output, made: Made, origin: Origin, **said: str) -> None:
        said |= {"width": str(output.width), "height": str(output.height)}
        if made.colour:
            said |= {"colour": made.colour, "placeholder": made.placeholder}
        self._storage.store(bucket, key, output.data, FORMATS[output.format].content_type, origin, **said)

    def _origin(self, notice: Notice, upload: Upload) -> Origin:
        """What its results say of an upload, with what of its own they carry."""
        carry = self._settings.carry
        return Origin(
            notice.key,
            upload.revision,
            self._variant.recipe,
            {name: value for name, value in upload.metadata.items() if name in carry},
            {
                name: upload.headers[name]
                for header, name in CARRIED_HEADERS.items()
                if header in carry and name in upload.headers
            },
        )

    def _remove(self, notice: Notice, except_for: Collection[str] = ()) -> None:
        firsts = result_keys(notice.key, self._settings.ingest_prefix, self._settings.output_prefix)
        keys = {key for first in firsts for key in (first, *keys_beside(first))}
        bucket = self._settings.output_bucket or notice.bucket
        self._storage.remove(bucket, sorted(keys.difference(except_for)), notice)


def _left(remaining: Remaining) -> float:
    """Seconds that are left for pictures. Raises OutOfTime where there are none."""
    left = remaining() - _RESERVE
    if left <= 0:
        raise OutOfTime("No time is left of this invocation.")
    return left


def _gone(notice: Notice) -> Report:
    if notice.deleted:
        return Report(Outcome.REMOVED)
    return Report(Outcome.SKIPPED, "The upload was gone before it was read.")


@contextmanager
def _timed(times: dict[str, float], step: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        times[step] = times.get(step, 0.0) + time.monotonic() - start


def _focus(metadata: Mapping[str, str]) -> Point | None:
    """The point of interest that an upload's metadata says, across and down from 0 to 1; None without a sound one."""
    try:
        point = float(metadata["focus-x"]), float(metadata["focus-y"])
    except (KeyError, ValueError):
        return None
    return point if is_point(point) else None
