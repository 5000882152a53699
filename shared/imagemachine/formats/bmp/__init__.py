"""BMP: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format("bmp", "BMP", "image/bmp", ("bmp", "dib"), rb"BM", alpha=True, largest=0x7FFFFFFF)
