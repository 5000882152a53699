"""Numbers, counts and names as a person reads them."""

import unicodedata


def count(number: int, noun: str) -> str:
    """`1 picture`, `1,000 pictures`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: int) -> str:
    """Bytes with a decimal prefix: `812 B`, `14 kB`, `3.2 MB`."""
    if number < 1000:
        return f"{number} B"
    if number < 999_500:
        return f"{number / 1000:.0f} kB" if number >= 9950 else f"{number / 1000:.1f} kB"
    return f"{number / 1e6:.1f} MB" if number < 99.95e6 else f"{number / 1e6:,.0f} MB"


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 20 s`, `7 h 8 min`, `3 d 5 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def dollars(number: float) -> str:
    """`US$ 0`, `less than US$ 0.01`, `US$ 12.30`."""
    if 0 < number < 0.01:
        return "less than US$ 0.01"
    return f"US$ {number:,.2f}" if number else "US$ 0"


def milliseconds(number: float) -> str:
    """`0.4 ms`, `31 ms`, `2.4 s`."""
    if number < 9.95:
        return f"{number:.1f} ms"
    return f"{number:.0f} ms" if number < 1000 else duration(number / 1000)


def printable(text: str) -> str:
    """`text` without what would upset a terminal: control characters are shown as escapes."""
    return "".join(
        character if unicodedata.category(character)[0] != "C" else character.encode("unicode_escape").decode()
        for character in text
    )
