"""Runs the control plane: as `python -m controlplane`, or, as deploy.sh does, as a file of whatever Python."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from controlplane.cli import main
from controlplane.signals import stop_on_signals

if __name__ == "__main__":
    # A file name may hold what the terminal's encoding, or any, does not. Standard error is set up so by Python itself.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    stop_on_signals()
    sys.exit(main(sys.argv[1:]))
