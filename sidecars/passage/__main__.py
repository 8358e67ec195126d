"""`python -m sidecars.passage`: the end in the container."""

import sys

from sidecars.passage.door import main

sys.exit(main())
