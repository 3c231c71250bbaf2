"""A prediction log as a service would have written it: a bundle asked at the close of bar after bar."""

from engine.bundle.lifecycle.served import ServedBundle
from serving.answers import records
from serving.prediction_log.log import PredictionLog

MINUTE = 60_000_000_000


def serve_history(bundle, market, url, times, *, delay=MINUTE):
    """Store the decisions at some closes, each ``delay`` ns after its bar; ``market`` has the bars before and after."""
    served = ServedBundle(bundle)
    log = PredictionLog.open(url)
    try:
        number = log.register(served.record)
        for time in times:
            past = market.until(time)
            decisions = served.decide(past, account=None, holding={}, now=time)
            moment = time.as_unit("ns").value + delay
            answers = records(
                decisions, past.bars, {}, has_state=False, inputs=str(moment), request="test", received_at=moment
            )
            log.store(number, served.record.rule, answers)
    finally:
        log.close()
