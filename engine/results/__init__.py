"""The results of a run: returns, measures, costs, the audit of orders, the verdict."""
