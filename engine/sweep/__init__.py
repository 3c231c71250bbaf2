"""Parameter sweeps: many settings from one file, honestly counted, and resumed after any accident."""
