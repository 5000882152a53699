"""What became of one upload: its results, what the functions wrote about it, and its dead letters."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.addresses import iso
from controlplane.operating.letters import RETRIED_OUT, Letter, Look
from controlplane.operating.lines import Line, Wish, read
from controlplane.operating.listing import Listed
from controlplane.operating.objects import head, listed
from controlplane.operating.pairing import Pair, claims, cut_keys
from controlplane.operating.results import Prefixes, State, Told, Wanted, by_metadata

_AT_ONCE = 16

MISSING = "missing"
STALE = "stale"
ORPHANED = "orphaned"
"""There is a result, and no upload."""
UNKNOWN = "unknown"
"""There is no upload, and nothing tells of one."""


@dataclass(frozen=True)
class Output:
    """A result as it lies there."""

    key: str
    stored: Listed
    told: Told
    metadata: Mapping[str, str]
    content_type: str
    current: bool

    def as_json(self) -> dict[str, Any]:
        """As `explain --json` prints it."""
        return {
            "key": self.key,
            "format": self.content_type.rpartition("/")[2],
            "width": _number(self.metadata.get("width")),
            "height": _number(self.metadata.get("height")),
            "bytes": self.stored.size,
            "etag": self.told.etag,
            "recipe": self.told.recipe,
            "current": self.current,
            "since": iso(self.stored.modified),
        }


@dataclass(frozen=True)
class Story:
    """What became of the upload in one variant."""

    name: str
    outcome: str
    """One of the machine's outcomes where one is known; else missing, stale, orphaned or unknown."""
    reason: str | None
    outputs: tuple[Output, ...]
    lines: tuple[Line, ...]
    letters: tuple[Letter, ...]

    def as_json(self) -> dict[str, Any]:
        """As `explain --json` prints it."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "reason": self.reason,
            "outputs": [output.as_json() for output in self.outputs],
            "log": [line.as_json() for line in self.lines],
            "dead_letters": [
                {"reason": letter.reason, "detail": letter.detail, "since": iso(letter.since)}
                for letter in self.letters
            ],
        }


@dataclass(frozen=True)
class Explanation:
    """What became of one upload."""

    key: str
    upload: Listed | None
    """None: there is none (any more)."""
    stories: tuple[Story, ...]

    @property
    def known(self) -> bool:
        """Whether anything is known of it."""
        return self.upload is not None or any(story.outcome != UNKNOWN for story in self.stories)

    def as_json(self) -> dict[str, Any]:
        """As `explain --json` prints it."""
        etag = self.upload.etag if self.upload else None
        return {"key": self.key, "etag": etag, "variants": [story.as_json() for story in self.stories]}


def explain(
    machine: Machine, key: str, wanted: Mapping[str, Wanted | None], since: datetime | None = None
) -> Explanation:
    """The story of the upload `key` in each variant.

    `wanted` is what each function makes, None where it could not say. Log lines are read from `since` on, or else
    around the moments at which something happened. Raises ClientError.
    """
    answer = head(machine.clients["s3"], machine.source_bucket, key)
    upload = listed(key.removeprefix(machine.ingest_prefix), answer) if answer else None

    def story(variant: DeployedVariant) -> Story:
        outputs = tuple(_outputs(machine, variant, key, upload, wanted[variant.name]))
        letters = tuple(_letters(machine, variant, key))
        moments = [*([upload.modified] if upload else ()), *(output.stored.modified for output in outputs)]
        moments += [letter.since for letter in letters]
        lines = _lines(machine, variant, key, [(since, None)] if since else windows(moments, datetime.now(UTC)))
        prefixes = Prefixes(machine.ingest_prefix, variant.output_prefix)
        outcome, reason = _outcome(prefixes, upload, wanted[variant.name], outputs, letters, lines)
        return Story(variant.name, outcome, reason, outputs, lines, letters)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return Explanation(key, upload, tuple(pool.map(story, machine.variants)))


def windows(moments: Sequence[datetime], now: datetime) -> list[tuple[datetime, datetime | None]]:
    """The times in which log lines about an upload are looked for: around each moment, and the last hour.

    A year of a busy function's log takes hours to search.
    """
    before, after = timedelta(minutes=15), timedelta(minutes=45)
    spans = sorted((moment - before, moment + after) for moment in moments)
    joined: list[tuple[datetime, datetime | None]] = []
    for start, end in [*spans, (now - timedelta(hours=1), None)]:
        if joined and (last := joined[-1])[1] is not None and start <= last[1]:
            joined[-1] = (last[0], None if end is None else max(end, last[1]))
        elif not joined or joined[-1][1] is not None:
            joined.append((start, end))
    return joined


def _outputs(
    machine: Machine, variant: DeployedVariant, key: str, upload: Listed | None, wanted: Wanted | None
) -> Iterator[Output]:
    s3 = machine.clients["s3"]
    for candidate in _candidates(machine, variant, key.removeprefix(machine.ingest_prefix)):
        answer = head(s3, machine.output_bucket, candidate)
        if answer is None:
            continue
        told = Told.read(answer["Metadata"])
        if told.source not in (None, key):
            continue  # Another upload's: `cat.heic.jpg` can be of `cat.heic` or of `cat.heic.jpg`.
        fresh = upload is not None and told.ours and told.etag == upload.etag
        current = fresh and (wanted is None or told.recipe == wanted.recipe)
        stored = listed(candidate.removeprefix(variant.output_prefix), answer)
        yield Output(candidate, stored, told, answer["Metadata"], answer.get("ContentType", ""), current)


def _candidates(machine: Machine, variant: DeployedVariant, path: str) -> Iterator[str]:
    """The keys under which results of the upload may lie."""
    plain = variant.output_prefix + path
    yield plain
    listing = machine.clients["s3"].list_objects_v2(Bucket=machine.output_bucket, Prefix=f"{plain}.")
    for entry in listing.get("Contents", ()):
        if claims(path, entry["Key"].removeprefix(variant.output_prefix)):
            yield entry["Key"]
    yield from cut_keys(path, variant.output_prefix)


def _letters(machine: Machine, variant: DeployedVariant, key: str) -> Iterator[Letter]:
    with Look(machine.clients["sqs"], variant.dead_letter_url, variant.name) as look:
        for letter in look.letters():
            if any((notice.bucket, notice.key) == (machine.source_bucket, key) for notice in letter.notices):
                yield letter


def _lines(
    machine: Machine, variant: DeployedVariant, key: str, spans: Sequence[tuple[datetime, datetime | None]]
) -> tuple[Line, ...]:
    return tuple(line for start, end in spans for line in read(machine, [variant], Wish(key), start, end))


def _outcome(
    prefixes: Prefixes,
    upload: Listed | None,
    wanted: Wanted | None,
    outputs: Sequence[Output],
    letters: Sequence[Letter],
    lines: Sequence[Line],
) -> tuple[str, str | None]:
    """The outcome that holds now, and the reason."""
    last = next((line for line in reversed(lines) if line.outcome), None)
    said = (last.outcome or UNKNOWN, last.said.get("reason")) if last else (UNKNOWN, None)
    if upload is None:
        return (ORPHANED, None) if outputs else said
    if wanted is not None and not wanted.takes(upload.path):
        return "skipped", None
    # By the same rules as an audit, so that the two never contradict each other.
    newest = max(letters, key=lambda letter: letter.since) if letters else None
    pair = Pair(upload.path, upload, tuple(output.stored for output in outputs))
    told = {output.stored.path: output.told for output in outputs}
    # Where the function cannot say what it makes, the recipe is taken to be right.
    made = wanted or Wanted(next((output.told.recipe or "" for output in outputs), ""))
    state = by_metadata(pair, told, made, prefixes, newest.since if newest else None).state
    if state is State.CURRENT:
        return "made", None
    if state is State.REJECTED and newest:
        return ("retried" if newest.reason == RETRIED_OUT else "rejected"), newest.reason
    if last is not None and last.outcome != "made" and last.at >= upload.modified:
        return said
    return (STALE if state is State.STALE else MISSING), None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
