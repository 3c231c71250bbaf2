"""What a sweep would do, before it does it: trials, signals to train, memory, disk."""

from typing import TYPE_CHECKING

from core.number_format import count
from engine.sweep.space.samplers import method_description
from engine.sweep.space.trial_measures import columns_of, measures_of

from .plan import CHUNK, Plan, plan_sweep

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig


def check_sweep(config: "RunConfig") -> str:
    """Validate everything that a sweep needs, and train nothing.

    Raises
    ------
    WorkbenchError
        What cannot be used; one line.
    """
    made, names = plan_sweep(config), columns_of(measures_of(config))
    parts = [f"{config.name}: valid; {made.count:,} trials, {method_description(made.spec.method)}", _groups(made)]
    memory, disk = _bytes(made, len(names))
    parts.append(f"about {memory / 1e6:,.0f} MB of memory beside the data, {disk / 1e6:,.0f} MB on disk")
    return "; ".join(parts)


def _groups(made: Plan) -> str:
    """The signal sets, and what has to be trained for them."""
    groups = [group for group in made.groups.met.values() if group.config is not None]
    sets = {group.config.signals.model_dump_json(): group for group in groups if group.config is not None}
    fits = sum(_fits(made, group.config, group.folds) for group in sets.values() if group.config is not None)
    some = "of those looked at beforehand, " if made.points is None and len(sets) > 1 else ""
    told = f"{some}{count(len(sets), 'distinct signal set')}, {count(fits, 'fit')}"
    refused = sum(group.config is None for group in made.groups.met.values())
    told += f"; {count(refused, 'combination')} of them contradictory" if refused else ""
    slow = [group for group in groups if group.slow]
    if slow:
        told += f"; {len(slow)} of {len(groups)} groups run on backtrader, some thousand times slower: {slow[0].slow}"
    return told


def _fits(made: Plan, config: "RunConfig", folds: int) -> int:
    if not config.model.trains:
        return 0
    pooled = config.signals.training.model.scope == "pooled"
    models = 1 if pooled else len(made.market.trade)
    return folds * models * len(getattr(config.model, "members", (config.model,)))


def _bytes(made: Plan, names: int) -> tuple[int, int]:
    """Memory and disk: curves of a chunk, what is remembered of each trial, what is kept of some."""
    days, blocks = len(made.span.sessions), made.span.blocks
    kept = len(made.kept) * days * 8
    sums = len(made.summed) * blocks * 16
    memory = 3 * CHUNK * days * 8 + made.count * 48 + 3 * kept + 2 * sums
    disk = 2 * (made.count * 8 * (names + len(made.axes)) + kept + sums) + 3_000_000 * made.spec.confirm
    return memory, disk
