"""The leak battery: cuts, other futures, and comparisons of every stage of a pipeline."""
