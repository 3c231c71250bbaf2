"""The risk rule and the risk measures as parts for any backtrader script.

Each can be added to a Cerebro of one's own, one by one, in the usual way.
"""

from .analyzers import ExpectedShortfall, ReturnMetrics, ValueAtRisk
from .audit import RiskAudit
from .broker import RiskBroker
from .commission import RuleCommission
from .notes import FillNote
from .risk_measures import RiskMeasures
from .sizer import RiskRuleSizer
from .var_exam import VarExam

__all__ = [
    "ExpectedShortfall",
    "FillNote",
    "ReturnMetrics",
    "RiskAudit",
    "RiskBroker",
    "RiskMeasures",
    "RiskRuleSizer",
    "RuleCommission",
    "ValueAtRisk",
    "VarExam",
]
