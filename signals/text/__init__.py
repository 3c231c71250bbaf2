"""Scorers of text. A file here is a plug-in: its name is the ``kind`` of a sentiment feature's ``scorer``."""
