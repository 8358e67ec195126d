"""What is tried in a virtual machine is no part of the suite: `make guest` alone has a kernel for it."""

import os

collect_ignore_glob = [] if os.environ.get("BOTTLE_GUEST_KERNEL") else ["test_*.py"]
