"""GIF: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format("gif", "GIF", "image/gif", ("gif",), rb"GIF8[79]a", alpha=True, animation=True)
