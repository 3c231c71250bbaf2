"""The HTML pages and terminal output of a run."""
