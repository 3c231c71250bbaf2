"""The leak battery on a config: what can only be right if nothing looks ahead is tried, and what moves is named."""
