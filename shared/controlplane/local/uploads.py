"""From PATHs to uploads: which files, under which keys."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from controlplane.errors import UsageError
from imagemachine.formats import FORMATS

INGEST = "ingest/"
MAX_KEY_BYTES = 1024

EXTENSIONS = frozenset(f".{extension}" for format_ in FORMATS.values() for extension in format_.extensions)


@dataclass(frozen=True)
class Upload:
    """One file to upload."""

    source: Path
    """As the user would type it."""
    path: str
    """Below `ingest/`, and below each variant's prefix."""

    @property
    def key(self) -> str:
        """The object's key in the uploads' bucket."""
        return INGEST + self.path


def collect(paths: Sequence[Path], without: Path) -> list[Upload]:
    """The uploads that `paths` stand for, in their order, each file once; raises UsageError.

    A file is uploaded whatever it is. Of a folder: the files with a picture's extension, hidden ones excepted, and
    without those below `without`, where earlier results may lie. A path that is taken already gets a number.
    """
    seen: set[tuple[str, str]] = set()
    taken: set[str] = set()
    uploads = []
    for source, path in _files(paths, without):
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
        uploads.append(upload)
    return uploads


def _files(paths: Iterable[Path], without: Path) -> Iterator[tuple[Path, str]]:
    for path in paths:
        mode = _mode(path)
        if stat.S_ISREG(mode):
            yield _readable(path), _text(PurePosixPath(path.resolve().name if path.name in {"", ".."} else path.name))
        elif stat.S_ISDIR(mode):
            yield from _pictures_of(path, without)
        else:
            raise UsageError(f"{path} is neither a file nor a folder.")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError as error:
        raise UsageError(f"There is no {path}.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error


def _pictures_of(folder: Path, without: Path) -> Iterator[tuple[Path, str]]:
    if os.path.realpath(folder) == os.path.realpath(without):
        raise UsageError(f"{folder} is where the results go: name another folder for them with --out.")
    found = False
    for file in _walk(folder, {os.path.realpath(without)}):
        if file.suffix.lower() in EXTENSIONS and file.is_file():
            found = True
            yield _readable(file), _text(PurePosixPath(file.relative_to(folder)))
    if not found:
        known = ", ".join(sorted(format_.extensions[0] for format_ in FORMATS.values()))
        raise UsageError(f"{folder} holds no pictures ({known}).")


def _walk(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Files below `folder`, sorted, hidden ones left out; links are followed, each folder is entered once."""
    if os.path.realpath(folder) in seen:
        return
    seen.add(os.path.realpath(folder))
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, seen)
        else:
            yield entry


def _readable(file: Path) -> Path:
    if not os.access(file, os.R_OK):
        raise UsageError(f"{file} cannot be read: you lack the permission.")
    return file


def _text(path: PurePosixPath) -> str:
    """File names are bytes and keys are Unicode: what is not UTF-8 in a name is replaced."""
    return os.fsencode(path).decode(errors="replace")


def _free(path: str, taken: set[str]) -> str:
    """`path`, or, where another file has it already, `path` with a number before its extension."""
    pure, number = PurePosixPath(path), 2
    while path in taken:
        path = str(pure.with_name(f"{pure.stem}-{number}{pure.suffix}"))
        number += 1
    return path
