"""What the command line does: words → calls."""
