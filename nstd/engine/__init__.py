"""Room 1, the mathematics: torch only, no paths, no YAML, no logging, no clock."""
