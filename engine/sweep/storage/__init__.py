"""The durable state of a sweep: journal, trials, folder, and its records in the ledger."""
