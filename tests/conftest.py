"""What holds for the whole suite."""

from hypothesis import HealthCheck, settings

# A suite that passes has to pass again, on a slower machine too: the same examples each time, and no clock.
settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
