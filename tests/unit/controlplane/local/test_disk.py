"""Files past the page cache hold what they were given, also where the file system knows no such way."""

import errno
import fcntl
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.local.disk import Output

SIZES = (0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, (3 << 20) - 5)


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def few(file: io.BytesIO) -> Callable[[memoryview], int]:
    """Gives less than it could, as a socket does."""
    return lambda piece: file.readinto(piece[:99_999])


@pytest.mark.parametrize("size", SIZES)
def test_a_file_holds_what_it_was_given(size: int, tmp_path: Path) -> None:
    target = tmp_path / "result.jpg"
    target.write_bytes(pattern(5 << 20))
    with Output(target) as output:
        assert output.write(few(io.BytesIO(pattern(size)))) == size
        assert target.read_bytes() == pattern(size)


def test_what_is_written_again_is_written_anew(tmp_path: Path) -> None:
    target = tmp_path / "result.jpg"
    with Output(target) as output:
        output.write(io.BytesIO(pattern(3 << 20)).readinto)
        output.write(io.BytesIO(pattern(10)).readinto)
    assert target.read_bytes() == pattern(10)


@pytest.mark.parametrize("refusal", ["when it is asked for", "when it is used"])
def test_a_file_system_that_cannot_is_written_as_usual(
    refusal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_flags, write = fcntl.fcntl, os.pwrite
    refused = []

    def fcntl_(file: int, command: int, flags: int = 0) -> int:
        if refusal == "when it is asked for" and command == fcntl.F_SETFL and flags & os.O_DIRECT:
            refused.append(file)
            raise OSError(errno.EINVAL, "Invalid argument")
        return set_flags(file, command, flags)

    def pwrite(file: int, data: memoryview, offset: int) -> int:
        if refusal == "when it is used" and set_flags(file, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(file)
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(file, data, offset)

    monkeypatch.setattr(fcntl, "fcntl", fcntl_)
    monkeypatch.setattr(os, "pwrite", pwrite)
    with Output(tmp_path / "result.jpg") as output:
        output.write(io.BytesIO(pattern(2_000_000)).readinto)
    assert (tmp_path / "result.jpg").read_bytes() == pattern(2_000_000)
    assert len(refused) <= 1


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with Output(tmp_path / "result.jpg") as output, pytest.raises(OSError, match="No space left"):
        output.write(io.BytesIO(pattern(10)).readinto)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Output(tmp_path / "nowhere" / "result.jpg")
