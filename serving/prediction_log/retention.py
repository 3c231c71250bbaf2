"""Removal of old predictions."""

from sqlalchemy import Delete, delete, func, select

from .connect import explained
from .log import PredictionLog
from .tables import PREDICTIONS, RULE_STATES

DAY = 86_400 * 10**9


def remove_older(log: PredictionLog, days: float, now: int) -> int:
    """Remove the predictions that were received more than some days ago; the newest of each symbol stays.

    The newest state of each rule and symbol stays as well: the next decision needs it.

    Parameters
    ----------
    now : ns since 1970 UTC.

    Returns
    -------
    The number of predictions removed.

    Raises
    ------
    StoreError
        The database cannot be reached or written; nothing is removed.
    """
    before = now - int(days * DAY)
    newest = select(func.max(PREDICTIONS.c.number)).group_by(PREDICTIONS.c.model, PREDICTIONS.c.symbol)
    old = delete(PREDICTIONS).where(PREDICTIONS.c.received_at < before, PREDICTIONS.c.number.not_in(newest))
    with explained(log.engine), log.engine.begin() as connection:
        removed = connection.execute(old).rowcount
        connection.execute(_old_states())
    return int(removed)


def _old_states() -> Delete:
    """Deletes the states whose prediction is gone, but the newest of each rule and symbol."""
    states = RULE_STATES.alias()
    newest = (
        select(func.max(states.c.as_of))
        .where(states.c.rule == RULE_STATES.c.rule, states.c.symbol == RULE_STATES.c.symbol)
        .scalar_subquery()
    )
    remaining = (
        select(PREDICTIONS.c.number)
        .where(
            PREDICTIONS.c.model == RULE_STATES.c.model,
            PREDICTIONS.c.symbol == RULE_STATES.c.symbol,
            PREDICTIONS.c.as_of == RULE_STATES.c.as_of,
        )
        .exists()
    )
    return delete(RULE_STATES).where(RULE_STATES.c.as_of < newest, ~remaining)
