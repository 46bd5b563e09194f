"""`python -m nstd` is `nstd`."""

from nstd.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
