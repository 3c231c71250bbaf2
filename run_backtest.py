"""Run backtests from YAML files: ``python run_backtest.py configs/quickstart.yaml``."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
