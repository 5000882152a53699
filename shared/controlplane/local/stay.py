"""A machine that stays up: its page, what others upload to it meanwhile, and how it ends."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from controlplane.errors import Failure
from controlplane.local import kept
from controlplane.local.arrivals import arrivals
from controlplane.local.cloudwatch import CloudWatch
from controlplane.local.emulator import is_free
from controlplane.local.hosts import Stack
from controlplane.local.inspector import Inspector
from controlplane.local.keep import instructions, page_port, told, told_outside
from controlplane.local.live import Live, written_down
from controlplane.local.outcomes import Outcome
from controlplane.local.queues import Queues
from controlplane.local.report import Picture
from controlplane.local.results import OutputFolder
from controlplane.local.transfers import Transfers
from controlplane.local.uploads import Upload
from controlplane.local.watch import Folder, watched
from controlplane.page.server import Server
from controlplane.signals import Stopped
from controlplane.words import printable


class Stay:
    """Hears what the functions write from the beginning; has a page as soon as the machine is there."""

    def __init__(self, port: int, watch: Path | None, out: Path) -> None:
        """Raises Failure where the page's port is taken, UsageError where there is no folder to watch."""
        self._port = page_port(port)
        if self._port and not is_free(self._port):
            raise Failure(f"Port {self._port}, for the page, is taken: name another with --port.")
        self._watch = watch
        self._folder = Folder(watch, out) if watch else None
        self._cloudwatch = CloudWatch()
        self._live: Live | None = None

    def hear(self, variant: str, line: str, outcome: Outcome | None, *, waited_for: bool) -> None:
        """Take a line that a function wrote, from any thread; what nobody waits for is saved here."""
        self._cloudwatch.line(variant, line)
        if outcome is not None and self._live is not None:
            self._live.told(outcome, line)
            if not waited_for:
                self._live.save(outcome)

    @contextmanager
    def shown(
        self, deployed: Stack, folder: OutputFolder, transfers: Transfers, inspector: Inspector, workspace: Path
    ) -> Iterator[str]:
        """The page, at the URL that this yields, for as long as the block lasts."""
        variants = tuple(deployed.queues)
        live = self._live = Live(variants, deployed.source_bucket, folder, transfers, inspector, workspace)
        known: set[str] = set()

        def outside(names: list[str]) -> None:
            live.journal.outside(names)
            if new := [name for name in names if name not in known]:
                known.update(new)
                _say(told_outside(new))

        with Server(Queues(deployed), live, self._port) as server, arrivals(deployed, live.arrived, outside):
            yield server.url

    def until_stopped(
        self,
        deployed: Stack,
        page: str,
        transfers: Transfers,
        pictures: Sequence[Picture],
        leave: Callable[[Sequence[Picture]], None],
    ) -> None:
        """Save what others make, beside `pictures`, until somebody ends it; `leave` writes down all that there is."""
        assert self._live is not None  # noqa: S101 - it is shown
        self._live.started_with(pictures, lambda picture: _say(told(picture)))

        def send(upload: Upload) -> None:
            transfers.send_one(upload, lambda upload, why: _say(f"{printable(upload.shown)}: {why}"))

        with ExitStack() as opened:
            opened.enter_context(written_down(self._live, leave))
            opened.enter_context(self._cloudwatch.fed(deployed))
            opened.enter_context(kept.announced(deployed.endpoint))
            if self._folder:
                opened.enter_context(watched(self._folder, send, _say))
            _say(f"\n{instructions(deployed, page, self._watch)}")
            try:
                while True:
                    signal.pause()
            except Stopped:
                # It is how this is meant to end: the status remains that of the pictures.
                _say("Stopping.")


def _say(text: str) -> None:
    print(text, flush=True)
