"""Time, signals and wiring: the daemon as a service."""
