"""nstd: a daemon that turns photographs into paintings by neural style transfer."""

__version__ = "0.1.0"
