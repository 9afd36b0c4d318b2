"""M2M: multi-scenario multi-task meta learning for advertiser modelling (WSDM 2022), in PyTorch.

>>> bundle = Trainer(spec, ModelConfig.named("base")).fit(train, valid)   # doctest: +SKIP
>>> bundle.save("model"); Scorer(Bundle.load("model")).predict(samples)   # doctest: +SKIP

Explanations need captum, which is slow to import: `from m2m.explain import Explainer`.
"""

from m2m.bundle import Bundle, BundleError
from m2m.config import ModelConfig, TrainingConfig
from m2m.forecast import Forecast, ForecastError
from m2m.metrics import Cell, CellTotals, cell_metrics, nmae, overall, smape
from m2m.model import M2M
from m2m.pass_size import rows_of_a_pass
from m2m.samples import Samples
from m2m.scorer import Scorer
from m2m.sources import MemorySource, SampleSource
from m2m.spec import FeatureSpec
from m2m.training.alarm import TrainingError
from m2m.training.checkpoint import CheckpointError
from m2m.training.trainer import Trainer
from m2m.version import __version__

__all__ = [
    "M2M",
    "Bundle",
    "BundleError",
    "Cell",
    "CellTotals",
    "CheckpointError",
    "FeatureSpec",
    "Forecast",
    "ForecastError",
    "MemorySource",
    "ModelConfig",
    "SampleSource",
    "Samples",
    "Scorer",
    "Trainer",
    "TrainingConfig",
    "TrainingError",
    "__version__",
    "cell_metrics",
    "nmae",
    "overall",
    "rows_of_a_pass",
    "smape",
]
