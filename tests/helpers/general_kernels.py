"""Two kernels that serve every setting: one that counts, one that writes down; each takes long to compile."""

from engine.backtest.compiled import batch_run, engine
from engine.backtest.compiled.kernel_features import KernelFeatures


def general_features(*_, cross, record):
    """Every feature; with those of entry orders no step is ever skipped, so a batch goes without."""
    return KernelFeatures(cross=cross, record=record, entry_orders=record)


def use_general_kernels(patch):
    """Let both engines' kernels have every feature, whatever a run needs."""
    for module in (batch_run, engine):
        patch.setattr(module, "features_of", general_features)
