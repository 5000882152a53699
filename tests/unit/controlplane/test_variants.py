"""What the folders of images/ are to be deployed as: each function is started, as Lambda would."""

import shutil
from pathlib import Path

from controlplane.deploying import variants

ROOT = Path(__file__).parents[3]


def project(folder: Path, *examples: str) -> Path:
    (folder / "shared").symlink_to(ROOT / "shared")
    for name in examples:
        shutil.copytree(ROOT / "tests/examples" / name, folder / "images" / name)
    return folder


def test_what_lies_beside_a_result_is_what_its_function_writes(tmp_path: Path) -> None:
    names = ("hero", "proof")
    here = project(tmp_path, *names)
    assert variants.examined(names, {}, here) == variants.Examined((), {"hero": ["webp", "avif"], "proof": []})
    told = variants.examined(names, {"FORMATS": "hero=jpeg;proof=keep,avif"}, here)
    assert told.beside == {"hero": [], "proof": ["avif"]}


def test_all_that_is_wrong_is_told_at_once_with_file_and_line(tmp_path: Path) -> None:
    here = project(tmp_path, "hero", "proof", "avatar")
    (here / "images/proof/mark.png").unlink()
    app = here / "images/hero/app.py"
    app.write_text(app.read_text().replace("focus=", "fokus="))
    (here / "images/avatar/Dockerfile").unlink()
    found = variants.examined(("avatar", "hero", "proof"), {}, here).problems
    assert len(found) == 3
    assert found[0] == "images/avatar has no Dockerfile: copy that of another variant."
    assert "images/hero/app.py, line 8" in found[1]
    assert "Did you mean 'focus'?" in found[1]
    assert "images/proof/app.py, line 8" in found[2]
    assert "mark.png cannot be read" in found[2]
