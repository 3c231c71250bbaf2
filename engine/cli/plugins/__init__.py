"""Plug-ins on the command line: the list of them, and the check of one file against the contract of its family."""
