"""Break the compiled engine on purpose: ``python benchmarks/mutants.py [cases]``.

Each mutant changes one expression of a kernel, most to one that is equal on paper and not in floats, and is compared
with backtrader on the cases that the tests compare. Half a minute each, to compile. Exit code 1 if a break is not
noticed.
"""

import sys
from pathlib import Path
from runpy import run_path

from core.caches import caching
from engine.backtest import compiled as compiled_engine
from engine.backtest.bt import engine as bt_engine
from engine.backtest.compiled import compilation
from engine.backtest.compiled import engine as compiled
from engine.backtest.compiled.kernel_features import KernelFeatures
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference

CASES = Path(__file__).resolve().parent.parent / "tests" / "helpers" / "random_cases.py"
MUTANTS = {
    "value without the split of longs": ("if market_value > 0.0:", "if market_value > 1e300:"),
    "close as cash + size x price": ("cash + (-closed * entry + gained)", "cash + -closed * price"),
    "commission in another order": ("size * p.commission * price", "size * price * p.commission"),
    "slippage added": ("price * (1 + policy.slippage)", "price + price * policy.slippage"),
    "interest not booked into the fill": (
        "execution.size, position.due, position.units",
        "execution.size, 0.0, position.units",
    ),
    "brackets a step early": ("position.live_from = step + 1", "position.live_from = step"),
    "drained cash given back": ("        cash = left\n        checked", "        checked"),
    "target before stop": (
        "if position.hit:\n            position.price",
        "if position.hit and policy.target == 0:\n            position.price",
    ),
    "account at the open by its closes": (
        "return arrays.open[step, symbol] if",
        "return arrays.close[step, symbol] if",
    ),
    "brackets last sent first": ("].sent > position.sent", "].sent < position.sent"),
}


def caught(change: tuple[str, str], count: int) -> str:
    """The first difference that a mutant makes; empty if it makes none."""
    honest = compilation.source_of

    def broken(*arguments: object) -> str:
        text = honest(*arguments)  # type: ignore[arg-type]
        assert change[0] in text, f"the kernel has no {change[0]!r} any more: write the mutant anew"
        return text.replace(*change)

    compilation.source_of = broken  # type: ignore[assignment]
    compilation.kernel.cache_clear()
    case = run_path(str(CASES))["case"]
    try:
        for seed in range(count):
            task = BacktestInput.of(*case(seed, rules=("threshold",), tight=seed % 2 == 0), "0" * 12)
            results = (engine.run_task(task, solvent=False) for engine in (bt_engine, compiled_engine))
            difference = first_difference(*results)
            if difference:
                return f"seed {seed}: {difference}"
    finally:
        compilation.source_of = honest
    return ""


def main(count: int) -> int:
    """Try every mutant; 1 if one is not noticed."""
    compiled.features_of = lambda *_, cross, record: KernelFeatures(cross=cross, record=record)  # type: ignore[assignment]
    missed = 0
    with caching(False):
        for name, change in MUTANTS.items():
            difference = caught(change, count)
            missed += not difference
            print(f"{'caught' if difference else 'MISSED':7} {name}: {difference[:120]}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 80))
