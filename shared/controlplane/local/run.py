"""The story of a run: machine up, pictures in, results out, machine down."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from controlplane.deploying.variants import folders
from controlplane.local import report, sheet
from controlplane.local.aws import forget_the_users_account
from controlplane.local.containers import Containers
from controlplane.local.expectations import expectations
from controlplane.local.follow import follow
from controlplane.local.hosts import Stack
from controlplane.local.inspector import Inspector
from controlplane.local.machine import machine
from controlplane.local.outcomes import Outcome, Tally, parse
from controlplane.local.processes import Processes
from controlplane.local.progress import Progress
from controlplane.local.report import Picture
from controlplane.local.results import REPORT, SHEET, OutputFolder
from controlplane.local.table import table
from controlplane.local.transfers import Transfers
from controlplane.local.uploads import Collected, Upload
from controlplane.signals import stop_on_signals
from controlplane.words import printable

if TYPE_CHECKING:
    from controlplane.local.stay import Stay


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    collected: Collected
    out: Path
    in_containers: bool = False
    port: int = 0
    """Of the machine's endpoint; 0 is any."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the stack, beside those that being local takes."""
    keep: bool = False
    """Whether the machine stays up, with its page."""
    watch: Path | None = None
    """A folder that feeds a kept machine."""


def run(project: Path, wanted: Wanted) -> int:
    """Make all variants of the uploads and leave them in a folder; the exit status. Raises Failure, Stopped."""
    started = time.monotonic()
    stay = _stay(wanted) if wanted.keep else None
    folder = OutputFolder(wanted.out)
    forget_the_users_account()
    stop_on_signals()
    variants = folders(project)
    following = Following(variants, wanted.collected.uploads, stay)
    host = Containers if wanted.in_containers else Processes
    with ExitStack() as opened:
        progress = opened.enter_context(Progress())
        progress.step("Starting the machine ...")
        deployed, family = opened.enter_context(
            machine(project, host, following.report_line, progress.say, wanted.port, wanted.parameters)
        )
        inspector = opened.enter_context(closing(Inspector(family)))
        transfers = opened.enter_context(Transfers(deployed, folder, inspector))
        if stay:
            page = opened.enter_context(stay.shown(deployed, folder, transfers, inspector, family.workspace))
            progress.say(f"The page: {page}")
        pictures = following.pictures(deployed, transfers, progress)
        seconds = time.monotonic() - started
        progress.step("Writing the contact sheet ...")
        leave = partial(_leave, project, deployed, folder, seconds)
        leave(pictures)
        progress.clear()
        if pictures:
            print(table(pictures, variants, seconds, folder.folder / REPORT))
        if wanted.collected.remark:
            print(f"\n{printable(wanted.collected.remark)}")
        print(f"\nContact sheet: {printable(str(folder.folder / SHEET))}", flush=True)
        if stay:
            stay.until_stopped(deployed, page, transfers, pictures, leave)
    return 0 if all(picture.good for picture in pictures) else 1


def _stay(wanted: Wanted) -> "Stay":
    from controlplane.local.stay import Stay  # noqa: PLC0415 - a web server is loaded for it

    return Stay(wanted.port, wanted.watch, wanted.out)


def _leave(project: Path, deployed: Stack, folder: OutputFolder, seconds: float, pictures: Sequence[Picture]) -> None:
    """Write the report and the contact sheet, and nothing stale beside them."""
    report.write(folder.claim(REPORT), seconds, pictures)
    # All functions have the same settings.
    environment = deployed.functions[0].environment
    expected = expectations(project, tuple(deployed.queues), environment, pictures)
    sheet.write(folder.claim(SHEET), pictures, seconds, datetime.now().astimezone(), expected)
    for picture in pictures:
        for result in picture.results:
            if result.file is None:
                folder.remove_stale(result.outcome.variant, picture.upload.path)


class Following:
    """The uploads on their way through the machine, and the outcomes on theirs."""

    def __init__(self, variants: Sequence[str], uploads: Sequence[Upload], stay: "Stay | None") -> None:
        self._variants = variants
        self._uploads = uploads
        self._uploads_by_key = {upload.key: upload for upload in uploads}
        self._tally = Tally(variants, [upload.key for upload in uploads])
        self._stay = stay

    def report_line(self, variant: str, line: str) -> None:
        """Take a line that a function wrote, from any thread."""
        outcome = parse(line)
        waited_for = outcome is not None and self._tally.add(outcome)
        if self._stay is not None:
            self._stay.hear(variant, line, outcome, waited_for=waited_for)

    def pictures(self, deployed: Stack, transfers: Transfers, progress: Progress) -> list[Picture]:
        """Upload, follow, download: every picture with all its results."""
        outcomes: dict[str, dict[str, Outcome]] = {upload.key: {} for upload in self._uploads}
        pictures: dict[str, Future[Picture]] = {}
        transfers.send(self._uploads, self._not_sent)
        meter = progress.count(self._tally.total)
        for outcome in follow(self._tally, deployed, transfers.sent, meter):
            known = outcomes[outcome.key]
            known[outcome.variant] = outcome
            if len(known) == len(self._variants):
                of_all = [known[variant] for variant in self._variants]
                pictures[outcome.key] = transfers.fetch(self._uploads_by_key[outcome.key], of_all)
            meter.add()
        progress.step("Downloading ...")
        return [pictures[upload.key].result() for upload in self._uploads]

    def _not_sent(self, upload: Upload, why: str) -> None:
        for variant in self._variants:
            self._tally.add(Outcome(variant, upload.key, "skipped", detail=why))
