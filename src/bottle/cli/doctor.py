"""bottle doctor: what this host lacks, and the remedy."""

from bottle.cli.options import AsJson


def doctor(as_json: AsJson = False) -> int:
    """Check what this host lacks.

    Backends, images, agents with their releases and secrets, how long a login lasts, with the remedy. The exit status
    is 0 when every agent could be started.
    """
    from bottle.app.doctor import examine
    from bottle.cli.documents import of_finding
    from bottle.cli.render import finding_table, print_json, print_line
    from bottle.cli.wiring import wire, wire_gvisor

    findings = examine(wire(), wire_gvisor())
    if as_json:
        print_json([of_finding(finding) for finding in findings])
    else:
        print_line(finding_table(findings))
    return 0 if all(finding.ok for finding in findings if finding.topic != "backend") else 1
