"""The ledger of every setting tried on some data: runs, audits and sweeps, in one append-only file."""
