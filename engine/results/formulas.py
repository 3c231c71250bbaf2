"""Formulas of the figures of a run that are no measures; the measures state their own."""

EXPOSURE = {
    "gross_mean": "mean over the sessions of the mean of sum(abs(position value)) / account value at their closes",
    "net_mean": "mean over the sessions of the mean of sum(position value) / account value at their closes",
    "time_in_market": "mean over the sessions of closes with a position / closes",
}
DRAG = "mean over the sessions of cost / account before x sessions a year"
TOTAL = "commission + slippage + impact + short_interest"
ALPHA_P = (
    "one-sided p-value of the intercept of the excess returns regressed on the benchmark's and on those of the traded "
    "symbols, Newey-West errors, normal distribution"
)
P_IN_WORDS = "The share of records without skill that look as good as this one."
