"""`python -m sidecars.supervise`."""

import sys

from sidecars.supervise.main import main

sys.exit(main())
