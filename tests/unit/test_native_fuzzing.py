"""Which of our changes to C are fuzzed: the table in tests/README.md leaves none out and has no fuzzer that is not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([a-z-]+)` \| (none|`[a-z]+`) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "tests/README.md").read_text())


def test_the_table_names_every_change() -> None:
    assert sorted(change for change, _, _ in ROWS) == sorted(
        patch.stem for patch in (ROOT / "docker/base/patches").glob("*.patch")
    )


def test_each_fuzzer_is_there_built_run_and_has_seeds() -> None:
    fuzzers = {fuzzer.strip("`") for _, fuzzer, _ in ROWS} - {"none"}
    assert fuzzers == {path.name.removesuffix("_fuzzer.c") for path in (ROOT / "tests/native").glob("*_fuzzer.c")}
    build, run, seeds = ((ROOT / "tests/native" / name).read_text() for name in ("build.sh", "fuzz.sh", "seeds.py"))
    assert fuzzers == set(re.findall(r"^fuzzer (\w+)", build, re.MULTILINE))
    assert fuzzers == set(re.findall(r"^for name in (.+); do$", run, re.MULTILINE)[0].split())
    assert fuzzers == set(re.findall(r'"(\w+)": \1s?\(\)', seeds))
