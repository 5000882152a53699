"""From PATHs to uploads: which files, under which keys."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from controlplane.errors import UsageError
from controlplane.local.results import MANIFEST
from imagemachine.formats import FORMATS

INGEST = "ingest/"
MAX_KEY_BYTES = 1024

EXTENSIONS = frozenset(f".{extension}" for format_ in FORMATS.values() for extension in format_.extensions)


@dataclass(frozen=True)
class Upload:
    """One picture to upload, or one that somebody else has."""

    source: Path | None
    """The file, as the user would type it; None: it lies in the bucket and, for all we know, nowhere else."""
    path: str
    """Below `ingest/`, and below each variant's prefix."""
    bucket: str = ""
    """Where it lies, if there is no file."""
    size: int = 0
    """In bytes, if there is no file."""

    @property
    def key(self) -> str:
        """The object's key in the uploads' bucket."""
        return INGEST + self.path

    @property
    def shown(self) -> str:
        """Where it comes from, for a person."""
        return f"s3://{self.bucket}/{self.key}" if self.source is None else str(self.source)


@dataclass
class Collected:
    """What PATHs stand for."""

    uploads: list[Upload] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many files of folders were left out, by kind: an extension with its dot, or words."""
    results: list[Path] = field(default_factory=list)
    """Folders that were left out, for earlier results lie in them."""

    @property
    def remark(self) -> str | None:
        """A sentence or two, where something was left out."""
        parts = []
        if self.left_out:
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.left_out.items(), key=_most_first))
            parts.append(f"Left out, for they are no pictures by their names: {kinds}.")
        if self.results:
            folders = ", ".join(map(str, self.results))
            parts.append(f"Left out, for earlier results lie there: {folders}.")
        return " ".join(parts) or None


def _most_first(kind: tuple[str, int]) -> tuple[int, str]:
    return -kind[1], kind[0]


def collect(paths: Sequence[Path], without: Path) -> Collected:
    """The uploads that `paths` stand for, in their order, each file once; raises UsageError.

    A file is uploaded whatever it is, under its name. Of a folder: the files with a picture's extension, hidden ones
    excepted, under the folder's own name and their paths below it; folders that earlier results lie in, and
    `without`, where they are to go, are left out. A path that is taken already gets a number.
    """
    seen: set[tuple[str, str]] = set()
    taken: set[str] = set()
    collected = Collected()
    for source, path in _files(paths, without, collected):
        file = (os.path.realpath(source), path)
        if file in seen:
            continue
        seen.add(file)
        upload = Upload(source, _free(path, taken))
        taken.add(upload.path)
        if len(upload.key.encode()) > MAX_KEY_BYTES:
            raise UsageError(
                f"{source} would get a key of {len(upload.key.encode()):,} bytes and S3 takes {MAX_KEY_BYTES:,}: "
                "name a folder further down."
            )
        collected.uploads.append(upload)
    return collected


def pictures_below(folder: Path, without: Path, collected: Collected) -> Iterator[tuple[Path, str]]:
    """Each picture of a folder with its path below `ingest/`, in natural order. Raises UsageError."""
    prefix = PurePosixPath(folder.name if folder.name not in {"", ".."} else folder.resolve().name)
    for file in _walk(folder, {os.path.realpath(without)}, collected):
        if not file.is_file():
            collected.left_out["broken links and the like"] += 1
        elif file.suffix.lower() in EXTENSIONS:
            yield file, as_key(prefix / file.relative_to(folder))
        else:
            collected.left_out[file.suffix.lower() or "without an extension"] += 1


def as_key(path: PurePosixPath) -> str:
    """File names are bytes and keys are Unicode: what is not UTF-8 in a name is replaced."""
    return os.fsencode(path).decode(errors="replace")


def natural(name: str) -> list[str | int]:
    """A key to sort by: `img2` comes before `img10`."""
    # Every other part is digits.
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(re.split("([0-9]+)", name))]


def _files(paths: Iterable[Path], without: Path, collected: Collected) -> Iterator[tuple[Path, str]]:
    for path in paths:
        mode = _mode(path)
        if stat.S_ISREG(mode):
            name = path.resolve().name if path.name in {"", ".."} else path.name
            yield _readable(path), as_key(PurePosixPath(name))
        elif stat.S_ISDIR(mode):
            yield from _pictures_of(path, without, collected)
        else:
            raise UsageError(f"{path} is neither a file nor a folder.")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError as error:
        raise UsageError(f"There is no {path}.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error


def _pictures_of(folder: Path, without: Path, collected: Collected) -> Iterator[tuple[Path, str]]:
    if os.path.realpath(folder) == os.path.realpath(without):
        raise UsageError(f"{folder} is where the results go: name another folder for them with --out.")
    if (folder / MANIFEST).exists():
        raise UsageError(f"In {folder} lie the results of an earlier run: name the pictures themselves.")
    found = False
    for file, path in pictures_below(folder, without, collected):
        found = True
        yield _readable(file), path
    if not found:
        known = ", ".join(sorted(format_.extensions[0] for format_ in FORMATS.values()))
        raise UsageError(f"{folder} holds no pictures ({known}).")


def _walk(folder: Path, seen: set[str], collected: Collected) -> Iterator[Path]:
    """Files below `folder` in natural order, hidden ones left out; links are followed, each folder is entered once."""
    if os.path.realpath(folder) in seen:
        return
    seen.add(os.path.realpath(folder))
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: (natural(entry.name), entry.name))
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.") from error
    for entry in entries:
        if entry.name.startswith("."):
            collected.left_out["hidden"] += 1
        elif not entry.is_dir():
            yield entry
        elif (entry / MANIFEST).exists():
            collected.results.append(entry)
        else:
            yield from _walk(entry, seen, collected)


def _readable(file: Path) -> Path:
    if not os.access(file, os.R_OK):
        raise UsageError(f"{file} cannot be read: you lack the permission.")
    return file


def _free(path: str, taken: set[str]) -> str:
    """`path`, or, where another file has it already, `path` with a number before its extension."""
    pure, number = PurePosixPath(path), 2
    while path in taken:
        path = str(pure.with_name(f"{pure.stem}-{number}{pure.suffix}"))
        number += 1
    return path
