"""The program that lists the rules that are brought along, as JSON on standard output; nothing is compiled for that."""

import json
import sys

from sidecars.scanner.patterns import sources


def main() -> None:
    """Exit status 1 and the reason on standard error when the rules cannot be had."""
    try:
        rules = sources.read()
    except (sources.RulesMissingError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    json.dump([{"name": rule.name, "family": rule.family, "finds": rule.finds} for rule in rules], sys.stdout)


if __name__ == "__main__":
    main()
