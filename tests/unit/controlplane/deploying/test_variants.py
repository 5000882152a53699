"""The folders of images/, tried before they are deployed."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from controlplane.deploying import variants
from controlplane.environment import PROJECT


def problems(names: Sequence[str], environment: Mapping[str, str], project: Path = PROJECT) -> list[str]:
    return list(variants.examined(names, environment, project).problems)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One with a single variant, `web`."""
    (tmp_path / "shared").symlink_to(PROJECT / "shared")
    shutil.copytree(PROJECT / "images/web", tmp_path / "images/web", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def changed(project: Path, old: str, new: str) -> None:
    app = project / "images/web/app.py"
    source = app.read_text()
    assert old in source
    app.write_text(source.replace(old, new))


def test_the_projects_own_are_well() -> None:
    assert problems(variants.folders(), {}) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("handler = function(", "handler = function((", "images/web/app.py, line 3: SyntaxError: "),
        ("Fit, ", "Fitt, ", "images/web/app.py, line 1: there is no Fitt in imagemachine. Did you mean 'Fit'?"),
        ("handler = function(", "handler = funktion(", "line 3: NameError: name 'funktion' is not defined."),
        ('name="web"', 'name="wide"', "images/web/app.py, line 4: The variant is called 'wide', but its folder 'web'"),
        ("width=1920", "width=0", "images/web/app.py, line "),
        ("handler =", "handle =", "AttributeError: "),
        ("handler =", "print('{'); handler =", ""),
        ("handler =", "raise SystemExit(3); handler =", "images/web/app.py, line 3: SystemExit: 3."),
        ("handler =", "import os; os._exit(3); handler =", "images/web/app.py: its process ended"),
    ],
)
def test_what_would_not_start_is_told_with_its_place(project: Path, old: str, new: str, said: str) -> None:
    changed(project, old, new)
    found = problems(["web"], {}, project)
    assert len(found) == (1 if said else 0)
    assert said in "".join(found)


def test_the_place_is_the_last_in_the_functions_own_file(project: Path) -> None:
    """Of a call, where it went wrong and not who called; of what it imports, where it is imported."""
    changed(project, "handler =", "def broken():\n    int('x')\n\n\nbroken(); handler =")
    (problem,) = problems(["web"], {}, project)
    assert "images/web/app.py, line 4: ValueError: " in problem
    (project / "images/web/helper.py").write_text("a = 1\n" * 20 + "b = (\n")
    changed(project, "def broken", "import helper\n\n\ndef broken")
    (problem,) = problems(["web"], {}, project)
    assert "images/web/app.py, line 3: SyntaxError: '(' was never closed" in problem


def test_settings_that_a_function_would_refuse_are_told(project: Path) -> None:
    (problem,) = problems(["web"], {"QUALITY": "850", "MAX_PIXELS": "many"}, project)
    assert "QUALITY='850'" in problem
    assert "MAX_PIXELS='many'" in problem


@pytest.mark.parametrize("name", ["cafe", "Web", "web-large", "1web", "w" * 25])
def test_a_name_that_aws_or_the_template_would_refuse(project: Path, name: str) -> None:
    (project / "images/web").rename(project / "images" / name)
    changed_name = (project / "images" / name / "app.py").read_text().replace('"web"', f'"{name}"')
    (project / "images" / name / "app.py").write_text(changed_name)
    assert f"images/{name} cannot be deployed" in problems([name], {}, project)[0]


def test_a_file_that_lambda_could_not_read(project: Path) -> None:
    (project / "images/web/app.py").chmod(0o600)
    assert "chmod -R go+rX images" in problems(["web"], {}, project)[0]


def test_a_folder_without_a_dockerfile(project: Path) -> None:
    (project / "images/web/Dockerfile").unlink()
    assert problems(["web"], {}, project) == ["images/web has no Dockerfile: copy that of another variant."]


def test_nothing_of_the_users_reaches_what_is_tried(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    changed(project, "handler =", 'import os; assert "AWS_PROFILE" not in os.environ; handler =')
    assert problems(["web"], {}, project) == []
