"""The story of a run: machine up, pictures in, results out, machine down."""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from controlplane.errors import Failure
from controlplane.local import kept, report, sheet, stack
from controlplane.local.arrivals import arrivals
from controlplane.local.aws import forget_the_users_account
from controlplane.local.cloudwatch import CloudWatch
from controlplane.local.containers import Containers
from controlplane.local.emulator import is_free
from controlplane.local.expectations import expectations
from controlplane.local.follow import follow
from controlplane.local.hosts import Stack
from controlplane.local.inspector import Inspector
from controlplane.local.keep import instructions, page_port, told, told_outside
from controlplane.local.live import Live, written_down
from controlplane.local.machine import machine
from controlplane.local.outcomes import Outcome, Tally, parse
from controlplane.local.processes import Processes
from controlplane.local.progress import Progress
from controlplane.local.queues import Queues
from controlplane.local.report import Picture
from controlplane.local.results import REPORT, SHEET, OutputFolder
from controlplane.local.table import table
from controlplane.local.transfers import Transfers
from controlplane.local.uploads import Collected, Upload
from controlplane.local.watch import Folder, watched
from controlplane.page.server import Server
from controlplane.signals import Stopped, stop_on_signals
from controlplane.words import printable


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
    watching = Folder(wanted.watch, wanted.out) if wanted.watch else None
    folder = OutputFolder(wanted.out)
    if wanted.keep and wanted.port and not is_free(page_port(wanted.port)):
        raise Failure(f"Port {page_port(wanted.port)}, for the page, is taken: name another with --port.")
    forget_the_users_account()
    stop_on_signals()
    variants = stack.variants(project)
    following = Following(variants, wanted.collected.uploads)
    host = Containers if wanted.in_containers else Processes
    with ExitStack() as opened:
        progress = opened.enter_context(Progress())
        progress.step("Starting the machine ...")
        deployed, family = opened.enter_context(
            machine(project, host, following.report_line, progress.say, wanted.port, wanted.parameters)
        )
        inspector = opened.enter_context(closing(Inspector(family)))
        transfers = opened.enter_context(Transfers(deployed, folder, inspector))
        live = Live(variants, deployed.source_bucket, folder, transfers, inspector, family.workspace)
        page = opened.enter_context(_shown(deployed, following, live, page_port(wanted.port))) if wanted.keep else ""
        if page:
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
        if wanted.keep:
            live.started_with(pictures, lambda picture: _say(told(picture)))
            opened.enter_context(written_down(live, leave))
            opened.enter_context(following.cloudwatch.fed(deployed))
            opened.enter_context(kept.announced(deployed.endpoint))
            if watching:
                opened.enter_context(watched(watching, partial(_feed, transfers), _say))
            print(f"\n{instructions(deployed, page, wanted.watch)}", flush=True)
            _stay_up()
    return 0 if all(picture.good for picture in pictures) else 1


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


@contextmanager
def _shown(deployed: Stack, following: "Following", live: Live, port: int) -> Iterator[str]:
    """The page, at the URL that this yields, hearing of every upload and every line."""
    following.live = live
    known: set[str] = set()

    def outside(names: list[str]) -> None:
        live.journal.outside(names)
        if new := [name for name in names if name not in known]:
            known.update(new)
            print(told_outside(new), flush=True)

    with Server(Queues(deployed), live, port) as server, arrivals(deployed, live.arrived, outside):
        yield server.url


def _feed(transfers: Transfers, upload: Upload) -> None:
    transfers.send_one(upload, lambda upload, why: _say(f"{printable(upload.shown)}: {why}"))


def _say(text: str) -> None:
    print(text, flush=True)


def _stay_up() -> None:
    try:
        while True:
            signal.pause()
    except Stopped:
        # It is how this is meant to end: the status remains that of the pictures.
        print("Stopping.", flush=True)


class Following:
    """The uploads on their way through the machine, and the outcomes on theirs."""

    def __init__(self, variants: Sequence[str], uploads: Sequence[Upload]) -> None:
        self._variants = variants
        self._uploads = uploads
        self._uploads_by_key = {upload.key: upload for upload in uploads}
        self._tally = Tally(variants, [upload.key for upload in uploads])
        self.live: Live | None = None
        """Where the machine is kept: hears of all that is not waited for here."""
        self.cloudwatch = CloudWatch()

    def report_line(self, variant: str, line: str) -> None:
        """Take a line that a function wrote, from any thread."""
        live = self.live
        if live is not None:
            self.cloudwatch.line(variant, line)
        outcome = parse(line)
        if outcome is None:
            return
        if live is not None:
            live.told(outcome, line)
        if not self._tally.add(outcome) and live is not None:
            live.save(outcome)

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
