"""`python -m carps_lite` is `carps-lite`."""

import sys

from carps_lite.cli import main

if __name__ == "__main__":
    sys.exit(main())
