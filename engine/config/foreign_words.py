"""Words of other backtesting tools, and where the same thing stands in a config of this one."""

FOREIGN_WORDS = {
    **dict.fromkeys(("start_date", "startdate", "fromdate", "from_date", "begin"), "`data.start`, as 2010-01-31"),
    **dict.fromkeys(("end_date", "enddate", "todate", "to_date", "timerange"), "`data.end`, as 2020-12-31"),
    **dict.fromkeys(
        ("capital", "initial_capital", "initial_cash", "starting_cash", "dry_run_wallet", "setcash"),
        "`broker.cash`, in account currency",
    ),
    **dict.fromkeys(("fee", "fees", "trading_fee"), "`broker.commission`, a fraction of the value: 0.001 is 0.1 %"),
    "slippage_perc": "`broker.slippage`, a fraction of the price: 0.001 is 0.1 %",
    **dict.fromkeys(("timeframe", "interval", "freq", "resolution"), "the bar size of the files under `data.source`"),
    **dict.fromkeys(("stop_loss", "stoploss", "sl"), "`risk.stop`, a mapping such as {kind: percent, value: 0.03}"),
    **dict.fromkeys(
        ("trailing_stop", "trailpercent"), "`risk.stop`, a mapping such as {kind: trail_percent, value: 0.03}"
    ),
    **dict.fromkeys(
        ("take_profit", "takeprofit", "tp", "minimal_roi"),
        "`risk.take_profit`, a mapping such as {kind: percent, value: 0.06}",
    ),
    **dict.fromkeys(
        ("leverage", "margin"),
        "sized by `risk.base` and `risk.cap`; `risk.limits.gross` limits the exposure of the whole account",
    ),
    **dict.fromkeys(
        ("stake", "stake_amount", "position_size", "size"), "`risk.base`, a share of the account: 0.02 is 2 %"
    ),
    "max_open_trades": "`risk.limits.positions`",
    **dict.fromkeys(
        ("ticker", "tickers", "symbols", "pairs", "pair_whitelist"), "`data.trade`, and the files `data.source`"
    ),
    "indicators": "`features`, a list of mappings with a kind",
    "target": "`label`, a mapping with a kind",
    "scaling": "`scaler`: minmax, standard, robust or none",
}
"""By a key in lower-case letters, what stands for it here."""


def here_it_is(key: str, path: tuple[str, ...] = ()) -> str:
    """The key of ours for another tool's word; empty for a word that is not known, or that is a key of ours.

    Parameters
    ----------
    key : as it is written in the config.
    path : where it stands, the key included.

    >>> here_it_is("start_date")
    'here it is `data.start`, as 2010-01-31'
    """
    words = FOREIGN_WORDS.get(key.lower().replace("-", "_"), "")
    return f"here it is {words}" if words and f"`{'.'.join(path)}`" not in words else ""
