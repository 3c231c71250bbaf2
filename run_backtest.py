"""Run backtests from YAML files: ``python run_backtest.py configs/quickstart.yaml``."""

import sys

try:
    from core.processes import one_thread
    from engine.cli.main import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    one_thread()
    sys.exit(main(sys.argv[1:]))
