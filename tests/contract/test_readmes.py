"""The documents: short, in step with each other, and all they point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_WORDS = 1200
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for room in (".github", "docker", "shared", "tests") for path in (ROOT / room).rglob("*.md")),
]


def text(name: str) -> str:
    return (ROOT / name).read_text()


def commands(document: str) -> list[str]:
    """What is to be typed, without the remarks behind it."""
    lines = re.findall(r"^    (\S.*)$", document, re.MULTILINE)
    return [line.split("  #")[0].rstrip() for line in lines]


def outline(document: str) -> list[int]:
    """How deep each heading is."""
    without_code = re.sub(r"```.*?```", "", document, flags=re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", without_code, re.MULTILINE)]


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(text("README.md").split()) <= MOST_WORDS


def test_both_languages_are_in_step() -> None:
    english, portuguese = text("README.md"), text("README.pt-br.md")
    assert outline(portuguese) == outline(english)
    assert commands(portuguese) == commands(english)
    assert re.findall(r"```python.*?```", portuguese, re.DOTALL) == re.findall(r"```python.*?```", english, re.DOTALL)
    assert re.findall(r"^\| (`[^|]+`) \|", portuguese, re.MULTILINE) == re.findall(
        r"^\| (`[^|]+`) \|", english, re.MULTILINE
    )
    links = r"\]\(([^)]+)\)"
    others = {"README.md", "README.pt-br.md"}
    assert [link for link in re.findall(links, portuguese) if link not in others] == [
        link for link in re.findall(links, english) if link not in others
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_whatever_a_document_points_to_is_there(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", document.read_text()):
        if not link.startswith(("http://", "https://", "mailto:")):
            assert (document.parent / link).exists(), link


def test_every_document_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        ahead += [
            (document.parent / link).resolve()
            for link in re.findall(r"\]\(([^)#]+)", document.read_text())
            if not link.startswith("http")
        ]
    unreached = [str(path.relative_to(ROOT)) for path in DOCUMENTS if path not in reached]
    # Those who join find these by GitHub's own ways; sources of pictures lie beside the pictures.
    assert [path for path in unreached if not path.startswith((".github/", "tests/"))] == []
