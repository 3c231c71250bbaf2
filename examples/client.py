"""Asks a service about the last bars of some data, one after the other, as a program that trades each day would.

``python examples/client.py URL CONFIG [BARS]``, for example

    python examples/client.py http://127.0.0.1:8000 configs/quickstart.yaml 5

The token of a service that demands one is read from the environment variable BTML_TOKEN. A 503 is repeated after the
pause that the service asks for; it is safe to repeat, since each bar is stored once.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from engine.sweep.load_config import load

TRIES = 5
PATIENCE = 120


def ask(url, question):
    """The answer to a question, or the service's own words on what is wrong with it."""
    headers = {"Content-Type": "application/json"}
    if "BTML_TOKEN" in os.environ:
        headers["Authorization"] = f"Bearer {os.environ['BTML_TOKEN']}"
    request = urllib.request.Request(f"{url}/predict", json.dumps(question).encode(), headers)  # noqa: S310
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - the user's own address
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            if error.code != 503:
                sys.exit(f"{error.code}: {problem['detail']}")
            time.sleep(float(error.headers["Retry-After"]))
    sys.exit(f"{problem['status']}: {problem['detail']}")


def rows(bars):
    """Bars as a request has them: JSON keeps every bit of a number."""
    frame = bars.frame
    return [{"time": time.isoformat(), **row} for time, row in zip(frame.index, frame.to_dict("records"), strict=True)]


def main(url, config, count=5):
    """Ask about each of the last bars, and print a line for each decision."""
    market = load(Path(config), []).data.load()
    side = dict.fromkeys(market.trade, 0)
    held = dict.fromkeys(market.trade, 0)
    for moment in market.times[-int(count) :]:
        known = market.until(moment)
        asked = {
            symbol: {"bars": rows(known.bars[symbol]), "holding": {"side": side[symbol], "held": held[symbol]}}
            for symbol in market.trade
        }
        for answer in ask(url, {"symbols": asked})["symbols"].values():
            symbol = answer["symbol"]
            print(f"{answer['as_of']}  {symbol}  side {answer['side']:+d}  size {answer['size']:.6g}")
            for warning in answer["warnings"]:
                print(f"  warning: {warning}")
            held[symbol] = held[symbol] + 1 if answer["side"] == side[symbol] != 0 else int(answer["side"] != 0)
            side[symbol] = answer["side"]


if __name__ == "__main__":
    main(*sys.argv[1:])
