"""The doctor: checks of bars that are possible but more often a mistake than a market."""
