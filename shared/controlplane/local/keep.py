"""What `--keep` prints: how to use the machine that stays up, and what it does meanwhile."""

import os
import sys
from pathlib import Path

from controlplane.local.aws import CREDENTIALS
from controlplane.local.hosts import Stack
from controlplane.local.outcomes import Outcome
from controlplane.words import milliseconds, printable, size


def instructions(deployed: Stack) -> str:
    """How to reach the machine, how to feed it, how to stop it."""
    settings = " ".join(f"{name}={value}" for name, value in CREDENTIALS.items())
    return f"""\
The machine stays up at {deployed.endpoint} until Ctrl-C (from elsewhere: kill {os.getpid()}).
Uploads:  s3://{deployed.source_bucket}/ingest/
Results:  s3://{deployed.output_bucket}/

  export AWS_ENDPOINT_URL={deployed.endpoint} {settings}
  alias aws='{_relative(sys.executable)} -m awscli'    # or an AWS CLI of yours
  aws s3 cp photo.jpg s3://{deployed.source_bucket}/ingest/
  aws s3 ls --recursive s3://{deployed.output_bucket}/
"""


def told(outcome: Outcome) -> str:
    """An outcome as one line."""
    if outcome.made:
        facts = f"{outcome.width}x{outcome.height}, {size(outcome.bytes_out or 0)}"
        return printable(f"{outcome.output}  {facts}, {milliseconds(outcome.milliseconds or 0)}")
    label = f"{outcome.outcome}: {outcome.reason}" if outcome.reason else outcome.outcome
    return printable(f"{outcome.key}  {outcome.variant} {label}. {outcome.detail or ''}".rstrip())


def _relative(path: str) -> str:
    """Shorter where it is below the current folder."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
