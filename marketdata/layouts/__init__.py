"""Layouts of vendors' files: one plug-in a file, recognised by its header or its first rows."""
