"""The program that compiles all rules into a directory: `build DIRECTORY`, once for an image or a host."""

import sys
from pathlib import Path

from sidecars.scanner.patterns import sources, store
from sidecars.scanner.patterns.engine import InvalidPatternError, check


def main() -> None:
    """Exit status 1 and the reason on standard error when the rules cannot be had or compiled."""
    try:
        rules = sources.read()
        for rule in rules:
            check(rule)
        store.save(Path(sys.argv[1]), rules)
    except (sources.RulesMissingError, InvalidPatternError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
