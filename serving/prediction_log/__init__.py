"""The prediction log: every answer in SQLite or PostgreSQL before it is sent, and read again by the monitor."""
