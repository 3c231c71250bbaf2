"""Rolling forecasts of value at risk, and their backtest: Kupiec, Christoffersen, Acerbi-Szekely, Basel zones."""
