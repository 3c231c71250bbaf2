"""Compare the engines on random markets and settings: ``python benchmarks/engines_agree.py [cases] [first]``.

Prints how many cases, fills and rejections were compared, and stops at the first difference.
"""

import sys
from pathlib import Path
from runpy import run_path

from engine.backtest import compiled as compiled_engine
from engine.backtest.bt import engine
from engine.backtest.compiled import engine as compiled
from engine.backtest.compiled.kernel_features import KernelFeatures
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference

CASES = Path(__file__).resolve().parent.parent / "tests" / "helpers" / "random_cases.py"


def general(*_: object, cross: bool, record: bool) -> KernelFeatures:
    """The features of a kernel that runs every setting."""
    return KernelFeatures(cross=cross, record=record, entry_orders=True)


def main(count: int, first: int) -> None:
    """Compare ``count`` cases from the seed ``first`` on, by one kernel for each kind of rule."""
    drawn = run_path(str(CASES))
    compiled.features_of = general  # type: ignore[assignment]
    fills = at_close = short_of_cash = 0
    for seed in range(first, first + count):
        market, signals, strategy, risk, broker = drawn["case"](seed, tight=seed % 2 == 0)
        strategy = drawn["with_entry_order"](strategy, seed)
        task = BacktestInput.of(market, signals, strategy, risk, broker, "0" * 12)
        one = engine.run_task(task, solvent=False)
        other = compiled_engine.run_task(task, solvent=False)
        difference = first_difference(one, other)
        if difference:
            raise SystemExit(f"seed {seed}: {difference}")
        fills += len(one.fills)
        at_close += int((one.fills["kind"] == "close").sum())
        short_of_cash += int((one.orders["status"] == "margin").sum())
    counts = (
        f"{count} cases, {fills} fills, {at_close} of them at a next close, {short_of_cash} orders that lacked cash"
    )
    print(f"{counts}: equal bit for bit")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(numbers[0] if numbers else 500, numbers[1] if len(numbers) > 1 else 0)
