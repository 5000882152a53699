"""What `--keep` adds to a run: the page, and word of what happens meanwhile."""

import os
from collections.abc import Sequence
from pathlib import Path

from controlplane.local.aws import CREDENTIALS
from controlplane.local.hosts import Stack
from controlplane.local.report import Picture
from controlplane.local.uploads import INGEST
from controlplane.local.words import failures
from controlplane.words import count, printable

DEFAULT_PORT = 4566
"""Of the machine's endpoint, as emulators of AWS have it; the page has the next one.

Another port is another origin: whatever is put into a bucket and opened from there is no part of the page.
"""


def page_port(port: int) -> int:
    """The page's for a machine at `port`; 0, for any, stays 0."""
    return port + 1 if port else 0


def instructions(deployed: Stack, page: str, watched: Path | None) -> str:
    """How to see the machine, how to feed it, how to stop it."""
    settings = " ".join(f"{name}={value}" for name, value in CREDENTIALS.items())
    folder = f"Folder:   {printable(str(watched))}, whose pictures are uploaded as they come\n" if watched else ""
    return f"""\
The machine stays up until Ctrl-C (from elsewhere: kill {os.getpid()}).
Page:     {page}
{folder}Uploads:  s3://{deployed.source_bucket}/{INGEST}
Results:  s3://{deployed.output_bucket}/

  curl -T photo.jpg {deployed.endpoint}/{deployed.source_bucket}/{INGEST}
  ./deploy.sh status --local      # or explain, logs, rejected, redrive, audit, backfill

With these variables whatever speaks to AWS speaks to the machine, an AWS CLI of yours, too:

  export AWS_ENDPOINT_URL={deployed.endpoint} {settings}
"""


def told(picture: Picture) -> str:
    """What became of an upload: a line, and one more for each kind of failure."""
    made = [result for result in picture.results if result.good]
    path = printable(picture.upload.path)
    lines = [f"{path}: {count(len(made), 'result')} made"] if made else []
    lines += [
        printable(f"{picture.upload.path}: {label} ({', '.join(variants)}). {sentence}".rstrip())
        for variants, label, sentence in failures(picture)
    ]
    return "\n".join(lines)


def told_outside(names: Sequence[str]) -> str:
    """That these are not seen by the machine."""
    return printable(f"Outside {INGEST}, so that no variant is made: {', '.join(names)}.")
