"""Stand-ins that keep the ports' promises in memory; held to the same contract suites as the real adapters."""
