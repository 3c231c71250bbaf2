"""The durable state of a sweep: journal, trials, folder, and the registry of all trials."""
