"""The function's environment, read once at its start, checked as a whole."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imagemachine.errors import ConfigurationError
from imagemachine.formats import CHOICES

MIB = 1024 * 1024

LONGEST_RETRY_SECONDS = 900
"""However often a message has failed, it comes back after so long: a quarter of an hour, and trouble may be over."""


@dataclass(frozen=True)
class Settings:
    """Typed settings; `None` means that the variant's own default, or none, applies."""

    output_prefix: str
    stack: str = "-"
    """Whose function it is, for the metrics: the same variant may be in several stacks of an account."""
    output_bucket: str | None = None
    """None: the bucket the upload came from."""
    ingest_prefix: str = "ingest/"
    """Empty: whatever is in the bucket is an upload; results then go to another one."""
    suffixes: tuple[str, ...] = ()
    """Extensions of uploads, lower case and without their dot; none: all."""
    dead_letter_queue_url: str | None = None
    """None: a rejected message is retried like the rest and gets there by itself."""
    queue_url: str | None = None
    """With it, a retried message comes back after `retry_seconds` instead of after the whole visibility timeout."""
    retry_seconds: int = 10
    """For the first time; three times as long each time after."""
    outcomes_topic_arn: str | None = None
    """With it every outcome is also published; `ledger_table` and `variants` then tell when all have ended."""
    ledger_table: str | None = None
    variants: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    quality: int | None = None
    formats: tuple[str, ...] | None = None
    """Each one of `formats.CHOICES`; the first is the result, the others lie beside it."""
    max_bytes: int = 64 * MIB
    max_pixels: int = 100_000_000
    """Over all frames."""
    max_seconds: float = 20.0
    """For one picture."""
    cache_control: str = "public, max-age=31536000"
    carry: tuple[str, ...] = ()
    """Names of the upload's user metadata that its results get too, lower case; content-disposition and cache-control
    stand for these headers."""
    background: tuple[int, int, int] = (255, 255, 255)
    keep_metadata: bool = False
    require_sandbox: bool = True

    @classmethod
    def load(cls, environ: Mapping[str, str], variant_name: str) -> "Settings":
        """Read the settings of variant `variant_name`.

        Raises ConfigurationError with one message that names every bad variable.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for variable, parse in _PARSERS.items():
            text = environ.get(variable, "")
            if text == "" and not (variable == "INGEST_PREFIX" and variable in environ):
                continue
            try:
                own = _own(text, variant_name) if variable in _BY_VARIANT else text
                if own is not None:
                    values[_FIELDS.get(variable, variable.lower())] = parse(own)
            except ValueError as error:
                problems.append(f"{variable}={text!r} {error}")
        values.setdefault("output_prefix", f"{variant_name}/")
        problems += _feedback(
            values.get("ingest_prefix", cls.ingest_prefix), values["output_prefix"], values.get("output_bucket")
        )
        if 0 < len(_ANNOUNCED & values.keys()) < len(_ANNOUNCED):
            problems.append(f"{', '.join(sorted(map(str.upper, _ANNOUNCED)))} belong together, and only some are set")
        if problems:
            raise ConfigurationError(f"The {variant_name} function cannot start: " + "; ".join(problems) + ".")
        return cls(**values)

    def feeds_on(self, bucket: str) -> bool:
        """Whether a result that lies in `bucket` would be taken for an upload."""
        return self.ingest_prefix == "" and bucket == (self.output_bucket or bucket)


def _feedback(ingest: str, output: str, bucket: str | None) -> list[str]:
    """A result that lands where uploads are taken from would be worked on again, for ever.

    Whether the buckets differ is known only when a message comes, so the prefixes have to differ always. An empty one
    differs from none: then results have a bucket of their own, and whatever is announced in that is left alone.
    """
    if not (ingest.startswith(output) or output.startswith(ingest)) or (ingest == "" and bucket):
        return []
    if ingest == "":
        return ["INGEST_PREFIX is empty, so OUTPUT_BUCKET has to name a bucket that holds nothing but results"]
    where = f"in {bucket}" if bucket else "in the upload's bucket"
    return [
        f"OUTPUT_PREFIX={output!r} {where} overlaps INGEST_PREFIX={ingest!r}, so results would be taken for uploads"
    ]


def _own(text: str, variant_name: str) -> str | None:
    """A value that may be for all variants or, as in `thumbnail=200;web=1600`, for each: this one's, None for none."""
    if "=" not in text:
        return text
    pairs = [pair.partition("=") for pair in text.removesuffix(";").split(";")]
    if not all(re.fullmatch(r"[a-z][a-z0-9]*", name) and value for name, _, value in pairs):
        raise ValueError("is neither a value nor one for each variant, like thumbnail=...;web=...")
    return {name: value for name, _, value in pairs}.get(variant_name)


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


def _format(text: str) -> tuple[str, ...]:
    if text not in CHOICES:
        raise ValueError(f"is none of {', '.join(CHOICES)}")
    return (text,)


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not set(names) <= set(CHOICES):
        raise ValueError(f"is not one or several, with commas between, of {', '.join(CHOICES)}")
    if len(set(names)) < len(names):
        raise ValueError("names a format twice")
    return names


def _suffixes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().removeprefix(".").lower() for name in text.split(","))
    if not all(re.fullmatch(r"[a-z0-9]+", name) for name in names):
        raise ValueError("is not a list of extensions, like jpg,jpeg,png")
    return names


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(","))
    if not all(re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name) for name in names):
        raise ValueError("is not a list of names of metadata, like title,author")
    return names


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


def _ingest_prefix(text: str) -> str:
    return "" if text in ("", "/") else _prefix(text)


def _bucket(text: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text) is None:
        raise ValueError("is not a bucket's name")
    return text


def _url(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/]+/\S+", text) is None:
        raise ValueError("is not a queue's URL")
    return text


def _topic(text: str) -> str:
    if re.fullmatch(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", text) is None:
        raise ValueError("is not a topic's ARN")
    return text


def _table(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", text) is None:
        raise ValueError("is not a table's name")
    return text


def _variants(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not all(re.fullmatch(r"[a-z][a-z0-9]*", name) for name in names):
        raise ValueError("is not a list of variants, like thumbnail,web")
    return names


def _header(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("holds characters that an HTTP header may not")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "STACK": _header,
    "OUTPUT_BUCKET": _bucket,
    "INGEST_PREFIX": _ingest_prefix,
    "OUTPUT_PREFIX": _prefix,
    "SUFFIXES": _suffixes,
    "DEAD_LETTER_QUEUE_URL": _url,
    "QUEUE_URL": _url,
    "OUTCOMES_TOPIC_ARN": _topic,
    "LEDGER_TABLE": _table,
    "VARIANTS": _variants,
    "RETRY_SECONDS": _whole(0, LONGEST_RETRY_SECONDS),
    "WIDTH": _whole(1, 65_535),
    "HEIGHT": _whole(1, 65_535),
    "QUALITY": _whole(1, 100),
    "FORMAT": _format,
    "FORMATS": _formats,  # After its older name for one: of the two this is the one that counts.
    "MAX_BYTES": _whole(1, 2000 * MIB),  # one read of the system is of less than 2 GiB
    "MAX_PIXELS": _whole(1, 10_000_000_000),
    "MAX_SECONDS": _seconds,
    "CACHE_CONTROL": _header,
    "CARRY": _names,
    "BACKGROUND": _colour,
    "KEEP_METADATA": _flag,
    "REQUIRE_SANDBOX": _flag,
}

_FIELDS = {"FORMAT": "formats"}
"""Where the variable's name is not the field's."""

_ANNOUNCED = frozenset({"outcomes_topic_arn", "ledger_table", "variants"})

_BY_VARIANT = frozenset({"WIDTH", "HEIGHT", "QUALITY", "FORMATS", "FORMAT"})
"""What the stack tells all functions alike, and may yet say for each: nobody wants all variants of one size."""
