"""What can go wrong on the way, with the exit status of each."""


class LocalError(Exception):
    """The root; the message is a sentence or two for a person: what happened and what to do."""

    status = 1


class MachineError(LocalError):
    """The machine could not start or broke down: no verdict on any picture."""


class UsageError(LocalError):
    """The command cannot be done as typed."""

    status = 2
