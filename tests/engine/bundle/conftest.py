"""Small bundles, trained once a session."""

from small_bundles import ensemble_bundle, ensemble_config, files, make_config, rule_bundle, rule_config

__all__ = ["ensemble_bundle", "ensemble_config", "files", "make_config", "rule_bundle", "rule_config"]
