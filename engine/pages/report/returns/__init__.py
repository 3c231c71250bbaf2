"""Sections on the returns: measures, calendar periods, distribution, rolling figures, drawdowns, value at risk."""
