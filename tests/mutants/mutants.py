"""Changes the code, one deliberate mistake at a time, and says which of them no test notices.

    tests/run.sh mutants [--seed N] [--count 200] [--only PATH] [--wide]

A sample of all the places that Cosmic Ray can change is drawn by the seed, one change for each place. Every change is
made in a copy of the tree, the tests nearest to the module are run (nearest.toml), and it is taken back.
"""

import argparse
import ast
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.work_item import MutationSpec, TestOutcome

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ".machine"
CODE = ("shared/imagemachine", "shared/controlplane")
WIDE = ("tests/unit", "tests/contract")
_NEED_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")
_GUARDS = ("frozen", "slots", "strict")
_MEMORIES = ("cache", "lru_cache")
"""Arguments and decorators that right code does not notice: what may not be written to, equal lengths, memories."""
_PATIENCE = 3
"""A change that makes the tests take so many times as long has been noticed."""
_LEAST_SECONDS = 60


@dataclass(frozen=True)
class Changed:
    """A change and what became of it."""

    spec: MutationSpec
    noticed: bool
    diff: str


def places(module: Path) -> Iterator[tuple[tuple[int, int], list[MutationSpec]]]:
    """Every place in a module where a change can change something, and the changes that there are."""
    source = module.read_text()
    spans, nodes = _silent(source), list(ast_nodes(get_ast(source)))
    found: dict[tuple[int, int], list[MutationSpec]] = {}
    for name in operator_names():
        if name in _NEED_ARGUMENTS:
            continue
        operator = get_operator(name)()
        positions = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start < last for first, last in spans):
                spec = MutationSpec(module, name, occurrence, start, end)
                found.setdefault(start, []).append(spec)
    yield from sorted(found.items())


def _silent(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a change does nothing, or nothing runs any more: in types, and in what only guards or remembers."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            found += [node.returns, *filter(_remembers, node.decorator_list)]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.keyword) and node.arg in _GUARDS:
            found.append(node.value)
    return [
        (  # A decorator's place is that of its @.
            (place.lineno, max(0, place.col_offset - 1)),
            (place.end_lineno or place.lineno, place.end_col_offset or place.col_offset),
        )
        for place in found
        if place is not None
    ]


def _remembers(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).partition("(")[0] in _MEMORIES


def sample(modules: Sequence[Path], count: int, seed: int) -> list[MutationSpec]:
    """So many changes, no two at one place, drawn by the seed; ordered by module, so that tests stay warm."""
    drawn = random.Random(seed)
    everywhere = [specs for module in modules for _place, specs in places(module)]
    chosen = drawn.sample(everywhere, min(count, len(everywhere)))
    return sorted((drawn.choice(specs) for specs in chosen), key=lambda spec: (str(spec.module_path), spec.start_pos))


def nearest(module: str, table: dict[str, list[str]]) -> list[str]:
    """The tests for a module: its own, where a file bears its name, then those of the longest beginning of its path."""
    beginnings = [beginning for beginning in table if module.startswith(beginning)]
    path = Path(module.removeprefix("shared/").removeprefix("imagemachine/"))
    own = str("tests/unit" / path.with_name(f"test_{path.name}"))
    tests = dict.fromkeys([own, *table[max(beginnings, key=len)]])
    return [test for test in tests if Path(test).exists()]


def command(python: str, tests: Iterable[str]) -> str:
    """What runs these tests until the first one fails."""
    return shlex.join([python, "-m", "pytest", "--exitfirst", "--quiet", "-p", "no:cacheprovider", *tests])


class Judge:
    """Runs tests on changes; how long they take unchanged is measured once, and has to be a success."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._seconds: dict[str, float] = {}

    def notices(self, spec: MutationSpec, tests: Sequence[str]) -> tuple[bool, str]:
        """Whether the tests notice the change, and the change itself."""
        line = command(self._python, tests)
        if line not in self._seconds:
            start = time.monotonic()
            if subprocess.run(shlex.split(line), capture_output=True, check=False).returncode:
                sys.exit(f"Unchanged, these tests fail, so they can judge nothing: {line}")
            self._seconds[line] = time.monotonic() - start
        result = mutate_and_test([spec], line, max(_LEAST_SECONDS, _PATIENCE * self._seconds[line]))
        return result.test_outcome is not TestOutcome.SURVIVED, result.diff or ""


def copied(folder: Path) -> Path:
    """A copy of all that git knows of the tree, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)  # Some tests ask git what there is.
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    (folder / ENVIRONMENTS).symlink_to(PROJECT / ENVIRONMENTS)
    return folder


def seen_from(folder: Path, python: str) -> str:
    """The tests' Python as the copy's own, by the link to the environments."""
    return str(folder / ENVIRONMENTS / Path(python).relative_to(PROJECT / ENVIRONMENTS))


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="tests/run.sh mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000), help="draws the sample")
    parser.add_argument("--count", type=int, default=200, help="how many changes (default 200)")
    parser.add_argument("--only", default="", metavar="PATH", help="modules whose path begins so")
    parser.add_argument("--wide", action="store_true", help="show what is left to all unit and contract tests")
    return parser.parse_args()


def main() -> int:
    """Prints the share that was noticed, and what was not; 1 where that is less than 85 of 100."""
    asked = arguments()
    table = tomllib.loads((Path(__file__).parent / "nearest.toml").read_text())["tests"]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        os.chdir(copied(Path(folder)))
        modules = [
            path for code in CODE for path in sorted(Path(code).rglob("*.py")) if str(path).startswith(asked.only)
        ]
        chosen = sample(modules, asked.count, asked.seed)
        print(f"{len(chosen)} changes in {len(modules)} modules, seed {asked.seed}.", flush=True)
        judge, changes = Judge(seen_from(Path(folder), asked.python)), []
        for number, spec in enumerate(chosen, 1):
            noticed, diff = judge.notices(spec, nearest(str(spec.module_path), table))
            if asked.wide and not noticed:
                noticed, diff = judge.notices(spec, WIDE)
            changes.append(Changed(spec, noticed, diff))
            where = f"{spec.module_path}:{spec.start_pos[0]}"
            print(f"{number:4}  {'noticed' if noticed else 'NOT NOTICED':11}  {where}", flush=True)
    left = [change for change in changes if not change.noticed]
    for change in left:
        print(f"\n{change.spec.operator_name}\n{change.diff}")
    share = 100 * (len(changes) - len(left)) / max(1, len(changes))
    print(f"\nNoticed: {len(changes) - len(left)} of {len(changes)}, {share:.0f} of 100 (seed {asked.seed}).")
    return 0 if share >= 85 else 1


if __name__ == "__main__":
    sys.exit(main())
