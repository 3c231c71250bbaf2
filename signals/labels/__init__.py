"""Labels: the outcome after each bar. A file here is a plug-in: its name is the ``kind`` of the ``label`` block."""
