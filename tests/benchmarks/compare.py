"""Side by side: Image Machine, sharp, libvips and plain Pillow at the same tasks, in turns, one thread each.

    tests/benchmarks/run.sh compare [--only PATTERN] [--seconds 6] [--out FOLDER] [PICTURE ...]

Each contender is one process for the whole run, with one processor, as a Lambda function of up to 1,769 MB has. For
every picture and task they take turns, A B C A B C, so that whatever else the computer does meets all alike. A result's
pixels are compared with a full decode of the same picture: a time that is bought with pixels worse than sharp's does
not count.
"""

import argparse
import fnmatch
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from benchmarks import contenders, pictures, similarity, svg

RESULTS = contenders.HERE / "results"

_FEWEST, _MOST = 5, 31
"""Rounds."""

_PAUSE_SECONDS = 0.02
"""About what S3 takes to hand out or to store a small object."""

_DRAWN = ("sharp-*", "jpeg-12mp/*", "jpeg-12mp-progressive/thumbnail", "png-2mp/mobile", "webp-2mp/web", "gif-*/*wise")
"""Of the benchmark's own pictures; all of them would be a plot that nobody reads."""

_AS_GOOD = 0.001
"""By so much SSIM may be below sharp's: two encoders never agree to the last digit."""


@dataclass(frozen=True)
class Spread:
    """Several times of one thing, in seconds."""

    median: float
    low: float
    """The first quartile, as `high` is the third."""
    high: float
    least: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least two values."""
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, min(values))


@dataclass
class Cell:
    """One contender at one task of one picture."""

    picture: str
    task: str
    contender: str
    unable: str | None = None
    seconds: Spread | None = None
    cpu: Spread | None = None
    bytes: int = 0
    ssim: float | None = None
    size: tuple[int, int] = (0, 0)
    frames: int = 0
    rounds: int = 0

    def spread(self, clock: str) -> Spread | None:
        """By the `wall` clock or in `cpu` time."""
        return self.cpu if clock == "cpu" else self.seconds


@dataclass(frozen=True)
class Subject:
    """A picture to work on and the tasks to do."""

    name: str
    path: Path
    tasks: tuple[str, ...]
    format: str
    frames: int


def target(subject: Subject, task: str, rival: str) -> float:
    """The most that ours / rival may be."""
    turned = "degrees" in pictures.TASKS[task]
    if turned and subject.format == "JPEG":
        return 0.6
    if turned and subject.frames > 1 and rival == "libvips":
        return 0.2
    if not turned and subject.format in ("JPEG", "PNG", "WEBP"):
        return 0.8 if subject.format == "JPEG" else 0.9
    return 1.0


def measure(subject: Subject, task: str, children: Sequence[contenders.Child], budget: float) -> list[Cell]:
    """All contenders at one task, in turns, for about `budget` seconds."""
    cells = [Cell(subject.name, task, child.contender.name) for child in children]
    able: list[tuple[Cell, contenders.Child]] = []
    contenders.SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=contenders.SCRATCH) as folder:
        Path(folder).chmod(0o777)  # a contender in a container is another user
        for cell, child in zip(cells, children, strict=True):
            saved = Path(folder) / cell.contender
            first = child.run(subject.path, pictures.TASKS[task], saved)
            if isinstance(first, str):
                cell.unable = first
                continue
            _judge(cell, subject, saved)
            able.append((cell, child))
    rounds = [_round(subject, task, able)]
    wanted = int(budget / sum(run.seconds for run in rounds[0]))
    rounds += [_round(subject, task, able) for _ in range(max(_FEWEST, min(_MOST, wanted)) - 1)]
    for (cell, _), runs in zip(able, zip(*rounds, strict=True), strict=True):
        cell.rounds = len(runs)
        cell.seconds = Spread.of([run.seconds for run in runs])
        cell.cpu = Spread.of([run.cpu for run in runs])
        cell.bytes = runs[0].bytes
    return cells


def _round(subject: Subject, task: str, able: Sequence[tuple[Cell, contenders.Child]]) -> list[contenders.Run]:
    """One run of each, one after the other, with pauses as S3 makes them.

    Behind its answer the machine ends the picture's process and gets another one ready, about 5 ms of CPU in which a
    function waits for S3: that is not to be in the way of whose turn is next, and neither clock counts it.
    """
    runs = []
    for _, child in able:
        time.sleep(_PAUSE_SECONDS)
        runs.append(child.run(subject.path, pictures.TASKS[task]))
    return [run for run in runs if not isinstance(run, str)]


def _judge(cell: Cell, subject: Subject, result: Path) -> None:
    """Look at the result's pixels."""
    with Image.open(result) as image:
        cell.size = image.size
        cell.frames = getattr(image, "n_frames", 1)
        expected = similarity.reference(subject.path, pictures.TASKS[cell.task], image.size)
        if expected.size == image.size:
            cell.ssim = round(similarity.ssim(expected, image), 4)


def table(subjects: Sequence[Subject], cells: Sequence[Cell], names: Sequence[str], clock: str) -> str:
    """Milliseconds, medians; then what decides: the ratios, and the pixels and bytes of ours beside sharp's."""
    titles = {contender.name: contender.title for contender in contenders.ALL}
    head = ["picture", "task", *(titles[name] for name in names), "/ sharp", "/ libvips"]
    head += ["SSIM", "sharp's", "KB", "sharp's"]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(head) - 2)]
    for subject in subjects:
        for task in subject.tasks:
            row = {cell.contender: cell for cell in cells if (cell.picture, cell.task) == (subject.name, task)}
            if row:
                lines.append("| " + " | ".join(_columns(subject, task, row, names, clock)) + " |")
    return "\n".join(lines) + "\n"


def _columns(subject: Subject, task: str, row: dict[str, Cell], names: Sequence[str], clock: str) -> list[str]:
    columns = [subject.name, task]
    columns += [_milliseconds(row.get(name), subject, clock) for name in names]
    columns += [_ratio(subject, task, row, rival, clock) for rival in ("sharp", "libvips")]
    both = [row.get(name) for name in ("ours", "sharp")]
    columns += [f"{cell.ssim:.4f}" if cell and cell.ssim else "-" for cell in both]
    columns += [f"{cell.bytes / 1000:,.0f}" if cell and cell.bytes else "-" for cell in both]
    return columns


def _milliseconds(cell: Cell | None, subject: Subject, clock: str) -> str:
    spread = cell and cell.spread(clock)
    if not (cell and spread):
        return "-"
    half = (spread.high - spread.low) / 2
    lost = " (first frame only)" if cell.frames < subject.frames else ""
    return f"{spread.median * 1000:.1f} ± {half * 1000:.1f}{lost}"


def _ratio(subject: Subject, task: str, row: dict[str, Cell], rival: str, clock: str) -> str:
    ours, other = (row[name].spread(clock) if name in row else None for name in ("ours", rival))
    if not (ours and other):
        return "-"
    ratio, most = ours.median / other.median, target(subject, task, rival)
    return f"**{ratio:.2f}**" if ratio <= most and _good_pixels(row) else f"{ratio:.2f} (not {most:.2f})"


def _good_pixels(row: dict[str, Cell]) -> bool:
    """As good as sharp's, or where sharp has none, as libvips'."""
    ours = row["ours"].ssim
    theirs = next((row[name].ssim for name in ("sharp", "libvips") if name in row and row[name].ssim), None)
    return theirs is None or (ours is not None and ours >= theirs - _AS_GOOD)


def plot(subjects: Sequence[Subject], cells: Sequence[Cell], names: Sequence[str], clock: str) -> str:
    """Bars for every picture and task."""
    titles = {contender.name: contender.title for contender in contenders.ALL}
    groups = []
    for subject in subjects:
        for task in subject.tasks:
            if not _drawn(subject, task):
                continue
            spreads = [
                (names.index(cell.contender), spread)
                for cell in cells
                if (cell.picture, cell.task) == (subject.name, task) and cell.contender in names
                if (spread := cell.spread(clock)) and cell.frames >= subject.frames
            ]
            bars = [
                svg.Bar(f"{spread.median * 1000:.1f}", *_scaled(spread), series) for series, spread in sorted(spreads)
            ]
            if bars:
                groups.append((f"{subject.name}, {task}", bars))
    title = f"Milliseconds of {clock} time from memory to memory, one thread: less is better"
    return svg.bars(title, "ms", groups, [titles[name] for name in names])


def _drawn(subject: Subject, task: str) -> bool:
    own = any(subject.name == picture.name for picture in pictures.ALL)
    return not own or any(fnmatch.fnmatch(f"{subject.name}/{task}", pattern) for pattern in _DRAWN)


def _scaled(spread: Spread) -> tuple[float, float, float]:
    return spread.median * 1000, spread.low * 1000, spread.high * 1000


def machine() -> dict[str, str]:
    """What it was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {"processor": f"{model}, {os.cpu_count()} cores", "system": f"{platform.system()} {platform.release()}"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and leave table.md, results.json and plot.svg in the folder."""
    options = _options().parse_args(arguments)
    subjects = _subjects(options)
    wanted = options.contenders.split(",")
    rows = contenders.ALL
    if options.image:
        processors = ",".join(map(str, contenders.allowed(options.processors)))
        folders = sorted({subject.path.parent for subject in subjects})
        rows = contenders.in_image(options.image, folders, [f"--cpuset-cpus={processors}"])
    children = contenders.start(tuple(row for row in rows if row.name in wanted), options.processors)
    cells: list[Cell] = []
    try:
        for subject in subjects:
            for task in subject.tasks:
                sys.stderr.write(f"{subject.name} {task}\n")
                cells += measure(subject, task, children, options.seconds)
    finally:
        for child in children:
            child.close()
    names = [child.contender.name for child in children]
    found: dict[str, Any] = {
        "clock": options.clock,
        "processors": options.processors,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": {child.contender.title: child.versions for child in children},
        "cells": [asdict(cell) for cell in cells],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.out / "plot.svg").write_text(plot(subjects, cells, names[:5], options.clock))
    text = table(subjects, cells, names, options.clock) + "\n" + _described(found) + "\n"
    (options.out / "table.md").write_text(text)
    sys.stdout.write(text)


def _described(found: dict[str, Any]) -> str:
    versions = "; ".join(
        f"{title}: " + ", ".join(f"{name} {version}" for name, version in parts.items())
        for title, parts in found["versions"].items()
    )
    where = f"{found['date']}, {found['machine']['processor']}, {found['machine']['system']}"
    return (
        f"Milliseconds of {found['clock']} time with {found['processors']} of the processors, median ± half the"
        f" interquartile range, {where}. {versions}."
        " Bold: the target is met, with pixels as good as sharp's."
    )


def _subjects(options: argparse.Namespace) -> list[Subject]:
    if options.picture:
        paths = dict.fromkeys(path.resolve() for path in options.picture)
        return [_given(path, sum(path.name == other.name for other in paths) == 1) for path in paths]
    subjects = []
    for picture in pictures.ALL:
        tasks = tuple(task for task in picture.tasks if fnmatch.fnmatch(f"{picture.name}/{task}", options.only))
        if tasks:
            path = pictures.make(picture, options.photographs, options.pictures.resolve())
            subjects.append(Subject(picture.name, path, tasks, picture.format, picture.frames))
    return subjects or sys.exit(f"No picture and task match {options.only!r}.")


def _given(path: Path, named_so_alone: bool) -> Subject:
    name = path.name if named_so_alone else str(path)
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            return Subject(name, path, pictures.VARIANTS, str(image.format), frames)
    except (OSError, UnidentifiedImageError) as error:
        sys.exit(f"{path} is no picture that Pillow reads: {error}")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.sh compare", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("picture", type=Path, nargs="*", help="pictures of your own, instead of the benchmark's")
    add("--only", default="*", metavar="PATTERN", help="such as 'jpeg-*/thumbnail'")
    add("--contenders", default=",".join(row.name for row in contenders.ALL))
    add("--seconds", type=float, default=6.0, help="for each picture and task, about")
    add("--clock", choices=("wall", "cpu"), default="wall", help="cpu where other work runs on the computer meanwhile")
    add("--processors", type=int, default=1, help="for each; with a second one libvips reads or writes in it meanwhile")
    add("--image", metavar="NAME", help="run the machine's rows in this image of a function")
    add("--out", type=Path, default=RESULTS)
    add("--photographs", type=Path, default=contenders.PHOTOGRAPHS)
    add("--pictures", type=Path, default=contenders.PICTURES, help="where the inputs are kept")
    return parser


if __name__ == "__main__":
    Image.MAX_IMAGE_PIXELS = None  # the inputs are our own
    main()
