"""The process in which hostile pictures are decoded: how it is started, what is said to it, how it is confined."""
