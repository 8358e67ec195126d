"""`python -m sidecars.keeper`."""

from sidecars.keeper.main import main

main()
