"""The page: a machine drawn, its counts moving, its uploads with what became of them. Served to this computer alone.

It shows whatever keeps the protocol `source.Source`: a machine kept here, or a stack on AWS, of which it shows the
counts alone and to which it can do nothing.
"""

from pathlib import Path

ASSETS = Path(__file__).with_name("assets")
"""The page's own files; the contact sheet shares its colours and type."""
