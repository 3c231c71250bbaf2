"""The view of a rule and its decision, for one symbol and for all."""
