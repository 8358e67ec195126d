"""`python -m sidecars.egress`: configuration on standard input, see docs/egress.md."""

import sys

from sidecars.egress.main import main

sys.exit(main())
