"""The risk rule and the risk measures as parts for any backtrader script.

Each part can be added to any Cerebro alone, in the usual way.
"""

from .analyzers import ExpectedShortfall, ReturnMetrics, ValueAtRisk
from .audit_analyzer import RiskAudit
from .broker import RiskBroker
from .commission import RuleCommission
from .fill_notes import FillNote
from .measures_analyzer import RiskMeasures
from .sizer import RiskRuleSizer
from .var_backtest_analyzer import VarExam

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
