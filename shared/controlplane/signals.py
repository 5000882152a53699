"""Ctrl-C, kill and a closed terminal all unwind the stack, so that whatever was started is stopped."""

import signal
from types import FrameType


class Stopped(BaseException):
    """Somebody wants this to end; not an Exception, so that nothing takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def stop_on_signals() -> None:
    """Raise Stopped in the main thread on the first signal; the clean-up that follows is not disturbed again."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    # Ignored by nohup, which is to be respected.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def stop(number: int, _frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    for number in numbers:
        signal.signal(number, stop)
