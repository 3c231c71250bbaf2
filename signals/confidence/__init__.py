"""Confidence. A file here is a plug-in: its name is the ``kind`` of the config's ``confidence`` block."""
