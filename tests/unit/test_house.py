"""What keeps a format a folder and a step a file: nobody outside of their rooms knows one of them by name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import imagemachine
from imagemachine import steps
from imagemachine.formats import FORMATS

LIBRARY = Path(imagemachine.__file__).parent
STEPS = {name for name in steps.__all__ if issubclass(getattr(steps, name), steps.Step)} - {"Step"}


def rooms(but: str) -> list[Path]:
    """Every module of the library outside of that package."""
    return [path for path in sorted(LIBRARY.rglob("*.py")) if but not in path.relative_to(LIBRARY).parts]


def strings(node: ast.AST) -> Iterator[object]:
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))


def compared_formats(tree: ast.AST) -> Iterator[int]:
    """The lines in which something is compared or matched with a format's name."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Compare, ast.MatchValue)) and FORMATS.keys() & set(strings(node)):
            yield node.lineno


def known_steps(tree: ast.AST) -> Iterator[int]:
    """The lines in which something is asked whether it is a certain step, or matched with one."""
    for node in ast.walk(tree):
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if isinstance(node, ast.MatchClass) and names & STEPS:
            yield node.lineno
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance" and names & STEPS:
            yield node.lineno


@pytest.mark.parametrize("source", ["x == 'jpeg'", "x in ('a', 'png')", "match x:\n  case 'gif': ...", "'webp' != x"])
def test_a_comparison_with_a_format_is_seen(source: str) -> None:
    assert list(compared_formats(ast.parse(source)))


@pytest.mark.parametrize("source", ["isinstance(x, Fit)", "isinstance(x, (int, Turn))", "match x:\n  case Fit(): ..."])
def test_a_question_for_a_step_is_seen(source: str) -> None:
    assert list(known_steps(ast.parse(source)))


def test_no_format_is_compared_by_name_outside_of_formats() -> None:
    found = {str(path): [*compared_formats(ast.parse(path.read_text()))] for path in rooms(but="formats")}
    assert not {path: lines for path, lines in found.items() if lines}


def test_no_step_is_known_by_name_outside_of_steps() -> None:
    found = {str(path): [*known_steps(ast.parse(path.read_text()))] for path in rooms(but="steps")}
    assert not {path: lines for path, lines in found.items() if lines}


def test_every_format_is_a_folder_and_every_folder_a_format() -> None:
    folders = {path.parent.name for path in (LIBRARY / "formats").glob("*/codec.py")}
    assert folders == set(FORMATS)
    assert all(FORMATS[name].name == name for name in folders)


def test_every_step_has_a_file_of_its_own() -> None:
    files = {path.stem for path in (LIBRARY / "steps").glob("*.py")} - {"__init__", "chain", "sized", "step"}
    assert files == {name.lower() for name in STEPS}
    assert set(imagemachine.__all__) >= STEPS
