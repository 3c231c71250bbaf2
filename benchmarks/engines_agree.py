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


def main(count: int, first: int) -> None:
    """Compare ``count`` cases from the seed ``first`` on, by one kernel for each kind of rule."""
    case = run_path(str(CASES))["case"]
    compiled.features_of = lambda *_, cross, record: KernelFeatures(cross=cross, record=record)  # type: ignore[assignment]
    fills = short_of_cash = 0
    for seed in range(first, first + count):
        inputs = case(seed, tight=seed % 2 == 0)
        task = BacktestInput.of(*inputs, "0" * 12)
        one = engine.run_task(task, solvent=False)
        other = compiled_engine.run_task(task, solvent=False)
        difference = first_difference(one, other)
        if difference:
            raise SystemExit(f"seed {seed}: {difference}")
        fills += len(one.fills)
        short_of_cash += int((one.orders["status"] == "margin").sum())
    print(f"{count} cases, {fills} fills, {short_of_cash} orders that lacked cash: equal bit for bit")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(numbers[0] if numbers else 500, numbers[1] if len(numbers) > 1 else 0)
