"""The layer's botocore data: of the locked version, reduced to operations.txt."""

from pathlib import Path

import botocore
from botocore.loaders import Loader
from botocore.session import Session

from prune_botocore import listed, prune
from tests.architecture.stack import ROOT

WHOLE = Path(botocore.__file__).parent / "data"
LISTED = ROOT / "layers" / "cordon" / "operations.txt"


def data(folder: Path) -> Path:
    """Write the layer's data below ``folder``."""
    prune(listed(LISTED), WHOLE, folder)
    return folder


def session(data: Path) -> Session:
    """A session with this data only."""
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    pruned = Session()
    pruned.register_component("data_loader", loader)
    return pruned
