"""The cache of finished signals and folds: keys, code digests, library versions, files."""
