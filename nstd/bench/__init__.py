"""ROOM: what this machine does, measured: `nstd bench`."""
