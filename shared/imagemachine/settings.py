"""The function's environment, read once at its start, checked as a whole."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imagemachine.errors import ConfigurationError
from imagemachine.formats import CHOICES

MIB = 1024 * 1024


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """Typed settings; `None` means that the variant's own default, or none, applies."""

    output_prefix: str
    output_bucket: str | None = None
    """None: the bucket the upload came from."""
    ingest_prefix: str = "ingest/"
    dead_letter_queue_url: str | None = None
    """None: a rejected message is retried like the rest and gets there by itself."""
    queue_url: str | None = None
    """With it, a retried message comes back after `retry_seconds` instead of after the whole visibility timeout."""
    retry_seconds: int = 10
    width: int | None = None
    height: int | None = None
    quality: int | None = None
    format: str | None = None
    max_bytes: int = 64 * MIB
    max_pixels: int = 100_000_000
    """Over all frames."""
    max_seconds: float = 20.0
    """For one picture."""
    cache_control: str = "public, max-age=31536000"
    background: tuple[int, int, int] = (255, 255, 255)
    keep_metadata: bool = False
    require_sandbox: bool = False

    @classmethod
    def load(cls, environ: Mapping[str, str], variant_name: str) -> "Settings":
        """Read the settings of variant `variant_name`.

        Raises ConfigurationError with one message that names every bad variable.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for variable, parse in _PARSERS.items():
            text = environ.get(variable, "")
            if text == "":
                continue
            try:
                values[variable.lower()] = parse(text)
            except ValueError as error:
                problems.append(f"{variable}={text!r} {error}")
        values.setdefault("output_prefix", f"{variant_name}/")
        problems += _feedback(
            values.get("ingest_prefix", cls.ingest_prefix), values["output_prefix"], values.get("output_bucket")
        )
        if problems:
            raise ConfigurationError(f"The {variant_name} function cannot start: " + "; ".join(problems) + ".")
        return cls(**values)


def _feedback(ingest: str, output: str, bucket: str | None) -> list[str]:
    """A result that lands where uploads are taken from would be worked on again, for ever.

    Whether the buckets differ is known only when a message comes, so the prefixes have to differ always.
    """
    if not (ingest.startswith(output) or output.startswith(ingest)):
        return []
    where = f"in {bucket}" if bucket else "in the upload's bucket"
    return [
        f"OUTPUT_PREFIX={output!r} {where} overlaps INGEST_PREFIX={ingest!r}, so results would be taken for uploads"
    ]


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,18}", text) is None or not least <= int(text) <= most:
            raise ValueError(f"is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) is None or not 0 < float(text) <= 900:
        raise ValueError("is not a number of seconds, more than 0 and at most 900")
    return float(text)


def _choice(text: str) -> str:
    if text not in CHOICES:
        raise ValueError(f"is none of {', '.join(CHOICES)}")
    return text


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("is neither 0 nor 1")
    return text == "1"


def _colour(text: str) -> tuple[int, int, int]:
    if re.fullmatch(r"#[0-9A-Fa-f]{6}", text) is None:
        raise ValueError("is not a colour like #ffffff")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _prefix(text: str) -> str:
    if text.startswith("/") or not text.endswith("/"):
        raise ValueError("is not a prefix like 'pictures/': no slash in front, one at the end")
    return text


def _bucket(text: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text) is None:
        raise ValueError("is not a bucket's name")
    return text


def _url(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/]+/\S+", text) is None:
        raise ValueError("is not a queue's URL")
    return text


def _header(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("holds characters that an HTTP header may not")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "OUTPUT_BUCKET": _bucket,
    "INGEST_PREFIX": _prefix,
    "OUTPUT_PREFIX": _prefix,
    "DEAD_LETTER_QUEUE_URL": _url,
    "QUEUE_URL": _url,
    "RETRY_SECONDS": _whole(0, 43_200),
    "WIDTH": _whole(1, 65_535),
    "HEIGHT": _whole(1, 65_535),
    "QUALITY": _whole(1, 100),
    "FORMAT": _choice,
    "MAX_BYTES": _whole(1, 2000 * MIB),  # one read of the system is of less than 2 GiB
    "MAX_PIXELS": _whole(1, 10_000_000_000),
    "MAX_SECONDS": _seconds,
    "CACHE_CONTROL": _header,
    "BACKGROUND": _colour,
    "KEEP_METADATA": _flag,
    "REQUIRE_SANDBOX": _flag,
}
