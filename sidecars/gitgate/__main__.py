"""`python -m sidecars.gitgate`: configuration on standard input, see docs/git-gate.md."""

import sys

from sidecars.gitgate.main import main

sys.exit(main())
