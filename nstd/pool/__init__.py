"""Where workers live, and what their processes run."""
