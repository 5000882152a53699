"""Picture files in, picture files out: everything that knows how a format is laid out in bytes."""
