"""The check of one plug-in file: the contract tests of its family, and the house style."""
