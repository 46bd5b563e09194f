"""Every error of nstd: what it is, how the program exits for it, and whose fault it is.

Each class has one `exit_code` (sysexits.h) and its message is a sentence for a person: it names the
thing, what was found and what is allowed.
"""

EX_OK = 0
EX_USAGE = 64
EX_DATAERR = 65
EX_SOFTWARE = 70
EX_TEMPFAIL = 75
EX_CONFIG = 78

MOST_PROBLEMS_TOLD = 20


class NstdError(Exception):
    """The root of all errors that nstd raises on purpose."""

    exit_code = EX_SOFTWARE


class UsageError(NstdError):
    """The command line asks for something that cannot be asked."""

    exit_code = EX_USAGE


class ConfigError(NstdError):
    """`config.yaml`, a recipe or the set-up of the folders is wrong."""

    exit_code = EX_CONFIG


class WeightsError(NstdError):
    """The network's weights are missing or not what they should be."""

    exit_code = EX_CONFIG


class DownloadError(NstdError):
    """A file could not be fetched from its server, or did not come whole."""

    exit_code = EX_TEMPFAIL


class AlreadyRunningError(NstdError):
    """Another daemon holds the work folder or the inbox."""

    exit_code = EX_TEMPFAIL


class JobError(NstdError):
    """This job cannot be done as it is ordered, however often it is tried."""

    exit_code = EX_DATAERR


class ManifestError(JobError):
    """A manifest is wrong; `problems` lists everything that is, `where` names the file."""

    def __init__(self, where: str, problems: tuple[str, ...]) -> None:
        self.where, self.problems = where, problems
        lines = "".join(f"\n  - {problem}" for problem in problems[:MOST_PROBLEMS_TOLD])
        if len(problems) > MOST_PROBLEMS_TOLD:
            lines += f"\n  - … and {len(problems) - MOST_PROBLEMS_TOLD} more"
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{where} has {count}:{lines}")


class PictureError(JobError):
    """A picture cannot be used."""


class UnfinishedPictureError(PictureError):
    """A picture does not decode to its end: broken, or still being copied."""


class SourceChangedError(NstdError):
    """A file of the inbox changed or vanished while it was read: an arrival to come."""

    exit_code = EX_TEMPFAIL


class TryAgainError(NstdError):
    """The attempt failed for a reason that another attempt may not meet."""

    exit_code = EX_TEMPFAIL


class DeviceError(TryAgainError):
    """A device does not compute what it should."""


class DivergedError(TryAgainError):
    """The optimisation left the finite numbers."""


class WorldError(NstdError):
    """A resource is out of order (disk, share, device): no job is to blame, all wait."""

    exit_code = EX_TEMPFAIL

    def __init__(self, resource: str, sentence: str) -> None:
        self.resource = resource
        super().__init__(sentence)
