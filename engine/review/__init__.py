"""The review: many finished runs in one table, their curves on a common base, marks kept with each run."""
