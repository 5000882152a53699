"""AVIF as its boxes: ISO/IEC 14496-12."""

_HOLDERS = (b"moov", b"trak", b"mdia")
_TIMED = (b"mvhd", b"tkhd", b"mdhd")


def timeless(avif: bytes) -> bytes:
    """The file without the time at which it was written, so that the same animation gives the same file."""
    data = bytearray(avif)
    _forget_times(data, 0, len(data))
    return bytes(data)


def _forget_times(data: bytearray, start: int, end: int) -> None:
    while start + 12 <= end:
        size, name = int.from_bytes(data[start : start + 4], "big"), bytes(data[start + 4 : start + 8])
        if name in _HOLDERS:
            _forget_times(data, start + 8, start + size)
        elif name in _TIMED:
            length = 16 if data[start + 8] == 1 else 8  # created and modified, as 64 or 32 bits
            data[start + 12 : start + 12 + length] = bytes(length)
        if size < 8:
            return
        start += size
