"""The risk rule and the risk measures as parts for any backtrader script.

Each can be added to a Cerebro of one's own, one by one, in the usual way.
"""

from .audit import RiskAudit
from .broker import FillNote, RiskBroker
from .sizer import RiskRuleSizer

__all__ = ["FillNote", "RiskAudit", "RiskBroker", "RiskRuleSizer"]
