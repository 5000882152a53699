"""What can go wrong for a person at the terminal, with the exit status of each.

    Failure           1    something is in the way: what happened, to what, and what to do
    +-- UsageError    2    the command cannot be done as typed

Everything else that is raised is a fault of ours and ends in a traceback.
"""


class Failure(Exception):
    """The root; the message is a sentence or two for a person."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status


class UsageError(Failure):
    """The command cannot be done as typed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, status=2)
