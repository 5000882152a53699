"""Where an upload's result goes: nothing of the path is lost, so that no two uploads share a result."""

import hashlib
from collections.abc import Sequence
from os.path import commonprefix

from imagemachine.envelopes import MAX_KEY_BYTES
from imagemachine.formats import FORMATS
from imagemachine.formats.format import Format

MANIFEST = "json"
"""The extension that is appended to a result's key for the key of its manifest."""

_DIGITS = 16


def result_key(key: str, ingest_prefix: str, output_prefix: str, format_: Format) -> str:
    """The result's key for upload `key`, written in `format_`.

    `ingest/holiday/cat.jpg` becomes `thumbnail/holiday/cat.jpg`. Where the format is not what the extension
    says, its own is appended: `cat.heic` becomes `cat.heic.jpg`. A result's key that S3 would not take, being
    longer than 1,024 bytes, is cut, and a hash of the whole keeps it apart from all others.
    """
    path = output_prefix + key.removeprefix(ingest_prefix)
    if not has_extension_of(path, format_):
        path += f".{format_.extensions[0]}"
    return path if len(path.encode()) <= MAX_KEY_BYTES else _shortened(path)


def extension(key: str) -> str:
    """What stands behind the last dot of the key's last part, lower case; empty where there is none."""
    _, dot, behind = key.rpartition("/")[2].rpartition(".")
    return behind.lower() if dot else ""


def has_extension_of(key: str, format_: Format) -> bool:
    """Whether the key's extension says `format_`."""
    return extension(key) in format_.extensions


def result_keys(key: str, ingest_prefix: str, output_prefix: str) -> Sequence[str]:
    """Every key that a result of upload `key` can have, whatever the upload's format was."""
    writable = (format_ for format_ in FORMATS.values() if format_.writable)
    return sorted({result_key(key, ingest_prefix, output_prefix, format_) for format_ in writable})


def key_beside(key: str, extension_: str) -> str:
    """The key of what lies beside the result `key` under an appended extension: another format of it, its manifest."""
    path = f"{key}.{extension_}"
    return path if len(path.encode()) <= MAX_KEY_BYTES else _shortened(path)


def keys_beside(key: str) -> Sequence[str]:
    """Every key of what can lie beside the result `key`, whatever its variant's formats are or once were."""
    extensions = {format_.extensions[0] for format_ in FORMATS.values() if format_.writable}
    return sorted(key_beside(key, extension_) for extension_ in (*extensions, MANIFEST))


def common_prefix(keys: Sequence[str]) -> str:
    """The longest prefix that `keys` share: what to list to find those of them that exist."""
    return commonprefix(list(keys))


def _shortened(path: str) -> str:
    digest = hashlib.sha256(path.encode()).hexdigest()[:_DIGITS]
    ending = path.rpartition(".")[2]  # There is one: result_key() has seen to that.
    room = MAX_KEY_BYTES - len(f"~{digest}.{ending}")
    return path.encode()[:room].decode(errors="ignore") + f"~{digest}.{ending}"
