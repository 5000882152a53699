"""What can go wrong for a person at the terminal, with the exit status of each.

    Failure           1    something is in the way: what happened, to what, and what to do
    +-- UsageError    2    the command cannot be done as typed

Everything else that is raised is a fault of ours and ends in a traceback.
"""


class Failure(Exception):
    """The root; the message is a sentence or two for a person."""

    status = 1


class UsageError(Failure):
    """The command cannot be done as typed."""

    status = 2
