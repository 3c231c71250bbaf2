"""Feature plug-ins: one file each; the file's name is the ``kind`` in a config."""
