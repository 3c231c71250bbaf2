"""From a file's bytes to raw tables: compression, encoding, header, columns, dates and numbers."""
