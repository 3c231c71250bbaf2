"""Measures: one file each, named as in the config and as its public function.

A file holds that function on arrays, which returns an :class:`~risk.measures.base.Estimate`, and a
:class:`~risk.measures.base.Measure` whose fields are its parameters. Nothing is re-exported here: a function's name
is its module's.
"""
