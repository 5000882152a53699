"""What each optimisation earns: the codec without it beside the codec with all, in turns, in one run.

    tests/benchmarks/run.sh ablation [--only PATTERN] [--seconds 4] [--out FOLDER]
    tests/benchmarks/run.sh ablation --image BASE --without PATCH=IMAGE ...

A number is CPU time without the optimisation, of the time with all of them: 1.20 says that it earns a sixth. The rule:
one that earns less than a twentieth in every row is removed. Lines are those that would go with it.

With --image the codec runs in an image of the machine's, where the changes to the libraries are; each further image
that was built without one of these (WITHOUT=PATCH docker/base/build.sh TAG) is a row of its own.
"""

import argparse
import ast
import fnmatch
import importlib.util
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from benchmarks import compare, contenders, pictures
from imagemachine.shortcuts import Shortcut

EARNS = 1.05
"""At least so many times the time it has to take without an optimisation, in one of the rows."""

HEADLINES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "jpeg-12mp": ("thumbnail", "mobile", "web", "clockwise"),
        "jpeg-12mp-progressive": ("thumbnail",),
        "jpeg-2mp": ("web", "mobile", "clockwise"),
        "png-2mp": ("mobile", "clockwise"),
        "png-2mp-alpha": ("mobile",),
        "webp-2mp": ("thumbnail", "web", "clockwise"),
    }
)
"""Of the benchmark's pictures, what the results are judged by."""

_PEER = "benchmarks.peers.ablated"
_FORMATS = "imagemachine.formats"
CODE: Mapping[Shortcut, tuple[str, ...]] = MappingProxyType(
    {
        Shortcut.PLANES: (
            "imagemachine.pictures.planar",
            f"{_FORMATS}.jpeg.turbojpeg:decoded,_layout,_scale,encoded,writes,_steps",
            f"{_FORMATS}.webp.libwebp:planes,encoded,_WebPPicture,_Writer",
        ),
        Shortcut.SMALLER_JPEG: (f"{_FORMATS}.jpeg.turbojpeg:_scale",),
        Shortcut.HALF_CHROMA: (),
        Shortcut.OWN_TABLES: (f"{_FORMATS}.jpeg.turn:_turned_in_planes",),
        Shortcut.COEFFICIENTS: (f"{_FORMATS}.jpeg.turn:lossless", f"{_FORMATS}.jpeg.turbojpeg:transform,_Transform"),
        Shortcut.LIBWEBP: (f"{_FORMATS}.webp.libwebp:decoded,_opened,_enough,_Config,_Options,_Buffer,_Features",),
        Shortcut.SMALLER_WEBP: (f"{_FORMATS}.webp.libwebp:_enough",),
        Shortcut.DEMUXER: (f"{_FORMATS}.webp.libwebp:described,_payload,Described,_Chunk,_Data",),
        Shortcut.PNG_PIECES: (f"{_FORMATS}.png.decoding:_OneChunk,PngFile",),
        Shortcut.PNG_BANDS: (f"{_FORMATS}.png.decoding:shrunk,_of_bands", f"{_FORMATS}.png.parts:decoder"),
        Shortcut.PNG_PARTS: (f"{_FORMATS}.png.encoding:turned,_encoded,_rows,_block", f"{_FORMATS}.png.parts:encoder"),
        Shortcut.PNG_RUNS: (f"{_FORMATS}.png.encoding:_worthwhile,_some_rows,_file_length",),
        Shortcut.IN_PLACE: ("imagemachine.pictures.buffer",),
    }
)
"""Where each is, as modules, or as names in one of them; a change to a library is counted by its patch."""

PATCHES: Mapping[Shortcut, str] = MappingProxyType(
    {
        Shortcut.HALF_CHROMA: "libjpeg-turbo-turbojpeg",
        Shortcut.OWN_TABLES: "libjpeg-turbo-turbojpeg",
        Shortcut.PNG_PIECES: "pillow-png-whole",
        Shortcut.PNG_BANDS: "pillow-png-whole",
        Shortcut.PNG_PARTS: "pillow-png-parts",
    }
)
"""The changes that a shortcut needs; their lines come on top."""

_OF_FORMATS: Mapping[str, str] = MappingProxyType(
    {"JPEG": "planes smaller-jpeg half-chroma own-tables coefficients in-place", "PNG": "png-*"}
    | {"WEBP": "planes libwebp smaller-webp demuxer in-place"}
)
"""Which of the shortcuts a picture of a format can take at all."""


def lines_of(shortcut: Shortcut) -> int:
    """How many lines would go with it: of Python, and of its patch."""
    patch = PATCHES.get(shortcut)
    return sum(map(_lines, CODE[shortcut])) + (lines_of_patch(patch) if patch else 0)


def lines_of_patch(name: str) -> int:
    """How many lines a change to a library has."""
    return len((contenders.ROOT / "docker" / "base" / "patches" / f"{name}.patch").read_text().splitlines())


def _lines(where: str) -> int:
    module, _, names = where.partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    if not names:
        return len(source.splitlines())
    wanted = set(names.split(","))
    found = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in wanted
    }
    if wanted != found.keys():
        raise LookupError(f"{module} has no {', '.join(sorted(wanted - found.keys()))}.")
    return sum(found.values())


def rows(options: argparse.Namespace, folders: Sequence[Path]) -> list[contenders.Contender]:
    """The codec with all, without each, in each build, on stock Pillow; and sharp."""
    start: tuple[str, ...] = (contenders.MACHINE_PYTHON, "-m", _PEER)
    if options.image:
        start = contenders.docker(options.image, _PEER, folders)
    found = [contenders.Contender("all", "with all", start)]
    found += [contenders.Contender(each, f"without {each}", (*start, each)) for each in Shortcut]
    for given in options.without:
        patch, _, image = given.partition("=")
        found.append(contenders.Contender(patch, f"without {patch}.patch", contenders.docker(image, _PEER, folders)))
    found.append(contenders.Contender("stock", "on stock Pillow", (contenders.STOCK_PYTHON, "-m", _PEER)))
    return [*found, next(row for row in contenders.ALL if row.name == "sharp")]


def _takes(subject: compare.Subject, name: str) -> bool:
    """Whether it makes a difference to the picture that this one is left out."""
    if name not in set(Shortcut):
        return True
    return any(fnmatch.fnmatch(name, pattern) for pattern in _OF_FORMATS[subject.format].split())


def table(cells: Sequence[compare.Cell], names: Sequence[str]) -> str:
    """A row for each optimisation, a column for each picture and task."""
    columns = list(dict.fromkeys((cell.picture, cell.task) for cell in cells))
    times = {(cell.contender, cell.picture, cell.task): cell.cpu.median for cell in cells if cell.cpu}
    head = ["", "lines", *(f"{picture}, {task}" for picture, task in columns), ""]
    lines = [_row(head), "|---|---:|" + "---:|" * len(columns) + "---|"]
    of_all = [times.get(("all", *column)) for column in columns]
    lines.append(_row(["with all, ms", "", *(f"{own * 1000:.1f}" if own else "-" for own in of_all), ""]))
    for name in names:
        others = [times.get((name, *column)) for column in columns]
        ratios = [other / own if own and other else None for own, other in zip(of_all, others, strict=True)]
        if name == "sharp":
            ratios = [1 / ratio if ratio else None for ratio in ratios]
        if name != "all":
            shown = [f"{ratio:.2f}" if ratio else "-" for ratio in ratios]
            lines.append(_row([_title(name), _lines_of(name), *shown, _verdict(name, ratios)]))
    return "\n".join(lines) + "\n"


def _row(columns: Sequence[str]) -> str:
    return "| " + " | ".join(columns) + " |"


def _title(name: str) -> str:
    return {"sharp": "with all, of sharp", "stock": "on stock Pillow"}.get(name, f"without {name}")


def _lines_of(name: str) -> str:
    if name in ("sharp", "stock"):
        return ""
    return str(lines_of(Shortcut(name)) if name in set(Shortcut) else lines_of_patch(name))


def _verdict(name: str, ratios: Sequence[float | None]) -> str:
    known = [ratio for ratio in ratios if ratio]
    if name in ("sharp", "stock") or not known:
        return ""
    return "earns" if max(known) >= EARNS else "goes"


def _subjects(options: argparse.Namespace) -> list[compare.Subject]:
    found = []
    for name, tasks in HEADLINES.items():
        picture = pictures.named(name)
        wanted = tuple(task for task in tasks if fnmatch.fnmatch(f"{name}/{task}", options.only))
        if wanted:
            path = pictures.make(picture, contenders.PHOTOGRAPHS, contenders.PICTURES)
            found.append(compare.Subject(name, path, wanted, picture.format, picture.frames))
    return found or sys.exit(f"No headline matches {options.only!r}.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and leave it as ablation.md in the folder."""
    parser = argparse.ArgumentParser(prog="run.sh ablation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="*", metavar="PATTERN", help="such as 'jpeg-*/thumbnail'")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each picture, task and row, about")
    parser.add_argument("--image", metavar="NAME", help="run the codec in this image of the machine's")
    parser.add_argument("--without", metavar="PATCH=IMAGE", nargs="*", default=[], help="images without a patch")
    parser.add_argument("--out", type=Path, default=compare.RESULTS)
    options = parser.parse_args(arguments)
    subjects = _subjects(options)
    children = contenders.start(rows(options, sorted({subject.path.parent for subject in subjects})), processors=1)
    cells: list[compare.Cell] = []
    try:
        for subject in subjects:
            able = [child for child in children if _takes(subject, child.contender.name)]
            for task in subject.tasks:
                sys.stderr.write(f"{subject.name} {task}\n")
                cells += compare.measure(subject, task, able, options.seconds * len(able))
    finally:
        for child in children:
            child.close()
    text = table(cells, [child.contender.name for child in children]) + "\n" + _described(children, cells)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "ablation.md").write_text(text)
    sys.stdout.write(text)


def _described(children: Sequence[contenders.Child], cells: Sequence[compare.Cell]) -> str:
    where = compare.machine()
    engine = ", ".join(f"{name} {version}" for name, version in children[0].versions.items())
    rounds = statistics.median(cell.rounds for cell in cells if cell.rounds)
    return (
        f"CPU time of one processor, medians of about {rounds:.0f} rounds in turns, without each optimisation, of the"
        f" time with all. {engine}; {where['processor']}, {where['system']}. Lines: of Python, and of patches to the"
        f" libraries. An optimisation earns its place where it takes {EARNS} times as long without it somewhere.\n"
    )


if __name__ == "__main__":
    main()
