"""What a burst of uploads takes and costs on AWS, from measured times and AWS's published rules and prices.

tests/benchmarks/run.sh capacity --uploads 2000000 --minutes 5 --quota 1000 --maximum-concurrency 180

`./deploy.sh up` gives each of five queues 180 of an account's 1,000 invocations, 2 of a new account's 10, and 1,000 of
10,000. `--tables` makes results/capacity.md again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import aws, burst, svg
from controlplane.operating.bill import GIGABYTE, LOG_BYTES, READS, Item, Work, items, total
from controlplane.operating.prices import Prices

VARIANTS = ("clockwise", "counterclockwise", "mobile", "thumbnail", "web")
TIMES = Path(__file__).with_name("results") / "results.json"


def bill(scene: burst.Scene, course: burst.Course, prices: Prices, *, architecture: str, pollers: bool) -> list[Item]:
    """What the burst costs: the work of the machine, and last the uploads themselves."""
    # SNS sends each message by itself; the pollers receive and delete a batch with one request each.
    batches = max(1, max(work.batch for work in scene.works) // scene.rules.messages_per_request)
    work = Work(
        gigabyte_seconds=sum(course.billed_seconds[work.variant] * work.memory / 1024 for work in scene.works),
        invocations=course.invocations,
        sqs_requests=course.results + 2 * course.invocations * batches,
        publishes=scene.uploads,
        results=course.results,
        reads=course.results * READS,
        log_gigabytes=course.results * LOG_BYTES / GIGABYTE,
        poller_hours=course.poller_seconds / 3600 if pollers else 0.0,
        uploads=scene.uploads,
    )
    return items(work, prices, architecture)


def codec_seconds(times: Path, picture: str, contender: str) -> dict[str, float]:
    """The measured median of every variant for one of the benchmark's pictures.

    Raises SystemExit with a sentence where the file does not hold them.
    """
    if not times.exists():
        sys.exit(f"There are no measured times at {times}: run the comparison first, or give --ms.")
    cells = json.loads(times.read_text())["cells"]
    found = {
        cell["task"]: cell["cpu"]["median"]
        for cell in cells
        if cell["picture"] == picture and cell["contender"] == contender and cell.get("cpu")
    }
    if missing := sorted(set(VARIANTS) - set(found)):
        sys.exit(f"{times} holds no times of {contender} for {picture} and {', '.join(missing)}: give --ms.")
    return {variant: found[variant] for variant in VARIANTS}


def report(scene: burst.Scene, course: burst.Course, due: Sequence[Item]) -> str:
    """The answer as Markdown."""
    held = max(1, sum(course.binding.values()))
    prefixes = "one key prefix" if scene.prefixes == 1 else f"{scene.prefixes:,} key prefixes"
    lines = [
        f"{scene.uploads:,} uploads in {_duration(scene.seconds)} to {prefixes}, {len(scene.works)} variants,",
        f"{scene.polling.name}, an account concurrency of {scene.quota:,}",
        "",
        "| | |",
        "|---|---|",
        f"| the last upload is taken after | {_duration(course.upload_seconds)} |",
        f"| all {course.results:,} results are stored after | {_duration(course.drain_seconds)} |",
        f"| results per second, mean | {course.results / course.drain_seconds:,.0f} |",
        f"| most invocations at once | {course.peak_concurrency:,} |",
        f"| execution environments started | {course.environments:,} |",
        f"| invocations | {course.invocations:,} |",
        f"| of them throttled, and tried again | {course.throttled:,} |",
        f"| most receives of a message | {course.most_receives} |",
        f"| dead letters of {scene.receives} receives | {course.dead_letters:,} |",
    ]
    lines += [
        f"| what held messages back: {name} | {count / held:.0%} of the waiting |"
        for name, count in course.binding.most_common(3)
    ]
    lines += ["", "| item | quantity | US$ |", "|---|---:|---:|"]
    lines += [f"| {item.name} | {item.quantity:,.0f} {item.unit} | {item.dollars:,.2f} |" for item in due]
    dollars = total(due)
    lines.append(f"| **all** | {scene.uploads:,} uploads | **{dollars:,.2f}** |")
    lines.append(f"| a thousand uploads | | {dollars / scene.uploads * 1000:,.4f} |")
    return "\n".join(lines) + "\n"


def plot(scene: burst.Scene, course: burst.Course) -> str:
    """The course of the burst as SVG."""
    minutes = [moment.second / 60 for moment in course.timeline]
    waiting = [(x, float(moment.waiting)) for x, moment in zip(minutes, course.timeline, strict=True)]
    running = [(x, float(moment.running)) for x, moment in zip(minutes, course.timeline, strict=True)]
    done = [(x, float(moment.done)) for x, moment in zip(minutes, course.timeline, strict=True)]
    due = [(x, float(moment.arrived * len(scene.works))) for x, moment in zip(minutes, course.timeline, strict=True)]
    panels = (
        ("results", (svg.Line("stored", _thin(done)), svg.Line("due", _thin(due)))),
        ("messages waiting", (svg.Line("waiting", _thin(waiting)),)),
        ("concurrent invocations", (svg.Line("running", _thin(running)),)),
    )
    title = f"{scene.uploads:,} uploads in {_duration(scene.seconds)}: done after {_duration(course.drain_seconds)}"
    return svg.lines(title, "minutes", panels)


_LARGE = " ".join(f"--ms {variant}=400" for variant in VARIANTS)

TABLES: Sequence[tuple[str, Sequence[str]]] = (
    (
        "2 million uploads in five minutes",
        (
            "--maximum-concurrency 180",
            "--prefixes 20 --maximum-concurrency 180",
            "--prefixes 20",
            "--prefixes 20 --quota 10000 --maximum-concurrency 1000",
            "--prefixes 20 --quota 10000 --provisioned 20",
        ),
    ),
    (
        "20,000 large uploads in a new account",
        (
            f"--uploads 20000 --quota 10 {_LARGE} --visibility 720 --receives 3",
            f"--uploads 20000 --quota 10 {_LARGE}",
            f"--uploads 20000 --quota 10 {_LARGE} --maximum-concurrency 2",
        ),
    ),
)
"""What results/capacity.md holds, by heading."""


def tables() -> str:
    """All of them as Markdown."""
    times = "Photographs of 12 megapixels, all five variants, functions of 1,769 MB; times from results.json."
    lines = ["# What a burst takes and costs", "", times]
    for heading, scenes in TABLES:
        lines += ["", f"## {heading}"]
        for words in scenes:
            lines += ["", f"### `run.sh capacity {words}`", "", answer(words.split())[0].rstrip()]
    return "\n".join(lines) + "\n"


def answer(arguments: Sequence[str] | None) -> tuple[str, argparse.Namespace, str]:
    """The answer as Markdown and its course as SVG, with the options that were read. Raises SystemExit."""
    data = aws.load()
    options = _options(data.rules).parse_args(arguments)
    if options.tables:
        return "", options, ""
    scene = _scene(options, data.rules)
    try:
        course = burst.simulate(scene)
    except ValueError as error:
        sys.exit(str(error))
    lines = bill(scene, course, data.prices, architecture=options.architecture, pollers=bool(options.provisioned))
    dated = f"\nPrices and rules: {data.region}, as published on {data.checked}; free tiers are left out.\n"
    return report(scene, course, lines) + dated, options, plot(scene, course)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the answer; with --plot, draw it."""
    text, options, drawn = answer(arguments)
    if options.tables:
        options.tables.write_text(tables())
        return
    sys.stdout.write(text)
    if options.plot:
        options.plot.write_text(drawn)


def _scene(options: argparse.Namespace, rules: aws.Rules) -> burst.Scene:
    given = dict(pair.split("=", 1) for pair in options.ms)
    if given:
        seconds = {variant: float(milliseconds) / 1000 for variant, milliseconds in given.items()}
    else:
        seconds = codec_seconds(options.times, options.picture, options.contender)
    works = tuple(
        burst.Work(variant, each, options.io_ms / 1000, options.memory, options.batch)
        for variant, each in seconds.items()
    )
    if options.provisioned:
        polling = burst.provisioned(rules, options.provisioned, max(options.provisioned, options.most_pollers))
    else:
        polling = burst.standard(rules, options.maximum_concurrency)
    return burst.Scene(
        uploads=options.uploads,
        seconds=options.minutes * 60,
        works=works,
        polling=polling,
        rules=rules,
        quota=options.quota,
        prefixes=options.prefixes,
        init_seconds=options.init_ms / 1000,
        visibility_seconds=options.visibility,
        receives=options.receives,
    )


def _options(rules: aws.Rules) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.sh capacity", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--uploads", type=_count, default=2_000_000)
    add("--minutes", type=float, default=5.0, help="over which the uploads come, evenly")
    add("--quota", type=_count, default=rules.concurrency, help="the account's concurrency")
    add("--provisioned", type=int, default=0, metavar="N", help="event pollers ready for each queue; 0: standard")
    add("--most-pollers", type=int, default=200, metavar="N", help="that provisioned polling may grow to")
    add("--maximum-concurrency", type=int, default=0, help="of standard polling, each queue; 0: none set")
    add("--visibility", type=float, default=1800.0, metavar="S", help="after which a received message is there again")
    add("--receives", type=_count, default=10, help="after so many in vain a message is a dead letter")
    add("--prefixes", type=_count, default=1, help="that the uploads are spread over: S3's rates are each prefix's")
    add("--memory", type=_count, default=rules.megabytes_per_cpu, help="MB of each function")
    add("--architecture", choices=("x86_64", "arm64"), default="x86_64")
    add("--batch", type=_count, default=10, help="messages in a batch, at most")
    add("--io-ms", type=float, default=60.0, help="all S3 calls of one picture, one after the other")
    add("--init-ms", type=float, default=500.0, help="the start of an execution environment")
    add("--ms", action="append", default=[], metavar="VARIANT=MS", help="instead of measured ones")
    add("--times", type=Path, default=TIMES, help="measured times, as the comparison writes them")
    add("--picture", default="jpeg-12mp", help="whose times are taken")
    add("--contender", default="ours", help="whose times are taken")
    add("--tables", type=Path, metavar="FILE", help="write all tables that are published, and nothing else")
    add("--plot", type=Path, metavar="FILE", help="draw the course as SVG")
    return parser


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def _thin(points: list[tuple[float, float]], most: int = 300) -> list[tuple[float, float]]:
    """Every n-th point and the last: a plot shows no more."""
    step = max(1, len(points) // most)
    return points[::step] + points[-1:]


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


if __name__ == "__main__":
    main()
