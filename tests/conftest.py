"""Where tests find data that is not in the repository."""

import os
from pathlib import Path

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

if "CARPS_LITE_DATA_DIR" not in os.environ and SHARED.is_dir():
    os.environ["CARPS_LITE_DATA_DIR"] = str(SHARED)
