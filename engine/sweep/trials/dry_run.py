"""Dry run of a sweep (`--check`): trials, signal sets to train, memory and disk."""

from typing import TYPE_CHECKING

from core.number_format import count
from engine.sweep.space.samplers import method_description
from engine.sweep.space.trial_measures import columns_of, measures_of

from .plan import CHUNK, Group, Plan, plan_sweep

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig


def check_sweep(config: "RunConfig") -> str:
    """Validate everything that a sweep needs, and train nothing; the answer is one line.

    Raises
    ------
    WorkbenchError
        The first problem; one line.
    """
    plan = plan_sweep(config)
    names = columns_of(measures_of(config))
    memory, disk = _bytes(plan, len(names))
    parts = [
        f"{config.name}: valid; {plan.count:,} trials, {method_description(plan.spec.method)}",
        _groups_text(plan),
        f"about {memory / 1e6:,.0f} MB of memory beside the data, {disk / 1e6:,.0f} MB on disk",
    ]
    return "\n".join(["; ".join(parts), *(f"data: {text}" for text in plan.market.warnings)])


def _groups_text(plan: Plan) -> str:
    """The signal sets and the fits that they need, contradictory combinations, and groups on backtrader."""
    all_groups = list(plan.groups.by_key.values())
    groups = [group for group in all_groups if group.config is not None]
    signal_sets = {group.config.signals.model_dump_json(): group for group in groups if group.config is not None}
    model_count = sum(_fit_count(plan, group) for group in signal_sets.values())
    scope = "of those looked at beforehand, " if plan.points is None and len(signal_sets) > 1 else ""
    text = f"{scope}{count(len(signal_sets), 'distinct signal set')}, {count(model_count, 'fit')}"
    invalid = len(all_groups) - len(groups)
    if invalid:
        text += f"; {count(invalid, 'combination')} of them contradictory"
    on_backtrader = [group for group in groups if group.backtrader_reason]
    if on_backtrader:
        text += (
            f"; {len(on_backtrader)} of {len(groups)} groups run on backtrader, some thousand times slower: "
            f"{on_backtrader[0].backtrader_reason}"
        )
    return text


def _fit_count(plan: Plan, group: Group) -> int:
    """The models that are trained for a group."""
    config = group.config
    if config is None or not config.model.trains:
        return 0
    pooled = config.signals.training.model.scope == "pooled"
    models = 1 if pooled else len(plan.market.trade)
    return group.folds * models * len(getattr(config.model, "members", (config.model,)))


def _bytes(plan: Plan, names: int) -> tuple[int, int]:
    """Memory and disk: curves of a chunk, the ranking, and the returns and block sums of some trials."""
    days = len(plan.span.sessions)
    returns = len(plan.with_returns) * days * 8
    sums = len(plan.summed) * plan.span.blocks * 16
    memory = 3 * CHUNK * days * 8 + plan.count * 48 + 3 * returns + 2 * sums
    disk = 2 * (plan.count * 8 * (names + len(plan.axes)) + returns + sums) + 3_000_000 * plan.spec.confirm
    return memory, disk
