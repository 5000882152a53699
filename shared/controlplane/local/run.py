"""The story of a run: machine up, pictures in, results out, machine down."""

import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import datetime
from pathlib import Path

from controlplane.local import kept, report, sheet, stack
from controlplane.local.aws import forget_the_users_account
from controlplane.local.children import Family
from controlplane.local.cloudwatch import CloudWatch
from controlplane.local.containers import Containers
from controlplane.local.follow import follow
from controlplane.local.hosts import Stack
from controlplane.local.inspector import Inspector
from controlplane.local.keep import instructions, told
from controlplane.local.machine import machine
from controlplane.local.outcomes import Outcome, Tally, parse
from controlplane.local.processes import Processes
from controlplane.local.progress import Progress
from controlplane.local.report import Picture
from controlplane.local.results import REPORT, SHEET, OutputFolder
from controlplane.local.table import table
from controlplane.local.transfers import Transfers
from controlplane.local.uploads import Upload
from controlplane.signals import Stopped, stop_on_signals
from controlplane.words import count, printable


def run(project: Path, uploads: Sequence[Upload], out: Path, *, in_containers: bool, keep: bool) -> int:
    """Make all variants of `uploads` and leave them in `out`; returns the exit status. Raises Failure, Stopped."""
    started = time.monotonic()
    folder = OutputFolder(out)
    forget_the_users_account()
    stop_on_signals()
    variants = stack.variants(project)
    progress = Progress()
    following = Following(variants, uploads, progress)
    cloudwatch = CloudWatch()

    def report_line(variant: str, line: str) -> None:
        if keep:
            cloudwatch.line(variant, line)
        following.report_line(variant, line)

    progress.step("Starting the machine ...")
    host = Containers if in_containers else Processes
    with machine(project, host, report_line, progress.say) as (deployed, family):
        pictures = following.pictures(deployed, folder, family)
        seconds = time.monotonic() - started
        _leave(folder, pictures, seconds)
        progress.clear()
        print(table(pictures, variants, seconds, folder.folder / REPORT))
        print(f"\nContact sheet: {printable(str(folder.folder / SHEET))}", flush=True)
        if keep:
            following.watch(lambda outcome: print(told(outcome), flush=True))
            with cloudwatch.fed(deployed), kept.announced(deployed.endpoint):
                _stay_up(deployed)
    return 0 if all(picture.good for picture in pictures) else 1


def _leave(folder: OutputFolder, pictures: Sequence[Picture], seconds: float) -> None:
    """Write the report and the contact sheet, and nothing stale beside them."""
    report.write(folder.claim(REPORT), seconds, pictures)
    sheet.write(folder.claim(SHEET), pictures, seconds, datetime.now().astimezone())
    for picture in pictures:
        for result in picture.results:
            if result.file is None:
                folder.remove_stale(result.outcome.variant, picture.upload.path)


def _stay_up(deployed: Stack) -> None:
    print(f"\n{instructions(deployed)}", flush=True)
    try:
        while True:
            signal.pause()
    except Stopped:
        # It is how this is meant to end: the status remains that of the pictures.
        print("Stopping.", flush=True)


class Following:
    """The uploads on their way through the machine, and the outcomes on theirs."""

    def __init__(self, variants: Sequence[str], uploads: Sequence[Upload], progress: Progress) -> None:
        self._variants = variants
        self._uploads = uploads
        self._uploads_by_key = {upload.key: upload for upload in uploads}
        self._progress = progress
        self._tally = Tally(variants, [upload.key for upload in uploads])
        self._listener: Callable[[Outcome], None] = self._tally.add

    def report_line(self, _variant: str, line: str) -> None:
        """Take a line that a function wrote, from any thread."""
        outcome = parse(line)
        if outcome is not None:
            self._listener(outcome)

    def watch(self, listener: Callable[[Outcome], None]) -> None:
        """Have `listener` hear of every outcome from now on."""
        self._listener = listener

    def pictures(self, deployed: Stack, folder: OutputFolder, family: Family) -> list[Picture]:
        """Upload, follow, download: every picture with all its results."""
        with closing(Inspector(family)) as inspector, Transfers(deployed, folder, inspector) as transfers:
            outcomes: dict[str, dict[str, Outcome]] = {upload.key: {} for upload in self._uploads}
            pictures: dict[str, Future[Picture]] = {}
            transfers.send(self._uploads, self._not_sent)
            for number, outcome in enumerate(follow(self._tally, deployed, transfers.sent, self._progress), 1):
                known = outcomes[outcome.key]
                known[outcome.variant] = outcome
                if len(known) == len(self._variants):
                    of_all = [known[variant] for variant in self._variants]
                    pictures[outcome.key] = transfers.fetch(self._uploads_by_key[outcome.key], of_all)
                self._progress.update(f"{number:,} of {count(self._tally.total, 'result')}")
            self._progress.step("Downloading ...")
            return [pictures[upload.key].result() for upload in self._uploads]

    def _not_sent(self, upload: Upload, why: str) -> None:
        for variant in self._variants:
            self._tally.add(Outcome(variant, upload.key, "skipped", detail=why))
