"""The configuration's limits as the rooms behind it take them."""

from nstd.config_groups import Limits
from nstd.spool.decode import DecodeLimits


def decode_limits(limits: Limits) -> DecodeLimits:
    """Return what the configured limits leave to the child process that decodes."""
    return DecodeLimits(limits.decode_s, limits.decode_memory_bytes, limits.picture_px)
