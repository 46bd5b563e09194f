"""config.yaml → Config: every key with its default and its description."""

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from nstd.config_groups import Limits, Workers
from nstd.errors import ConfigError
from nstd.model import Model
from nstd.problems import ProblemsError, validated
from nstd.recipe_files import recipe_names
from nstd.strict_yaml import YamlTextError, load_yaml

SYSTEM_CONFIG = Path("/etc/nstd/config.yaml")

FILE_MODE = re.compile(r"0?[0-7]{3}")

Days = Annotated[float, Field(ge=0, le=36_500)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000)]


def _file_mode(value: object) -> object:
    """Take octal digits; without quotes YAML reads another number from them."""
    if isinstance(value, int):
        raise ValueError(f"found the number {value}; a mode needs quotes, as in '0664'")
    if isinstance(value, str):
        digits = int(value, 8) if FILE_MODE.fullmatch(value) else 0
        if digits & 0o600 != 0o600 or digits & 0o111:
            raise ValueError(
                f"found {value!r}; octal digits are expected by which the owner may read and write "
                "and nobody execute, as '0664' or '0640'"
            )
    return value


def _ip_address(text: str) -> str:
    ipaddress.ip_address(text)
    return text


class Settings(Model):
    """The keys of config.yaml."""

    inbox: str = Field(default="inbox", description="the shared folder that is watched")
    outbox: str = Field(default="outbox", description="where results are published")
    work: str = Field(
        default=".nstd",
        description="the daemon's own folder, on a local disk: queue, copies, cache",
    )
    weights: str | None = Field(
        default=None,
        description="folder of the weights that were fetched; null = `weights` in the work folder",
    )
    recipe: str = Field(
        default="studio",
        description="the recipe of manifests that name none; `nstd recipes` lists them",
    )
    devices: Literal["auto"] | list[str] = Field(
        default="auto",
        description="`auto`: all GPUs, else the processor; or a list: `[cuda:0, cuda:1]`, `[cpu]`",
    )
    threads: Annotated[int, Field(ge=0, le=1024)] = Field(
        default=0, description="processor threads of each worker; 0 = share all cores"
    )
    originals: Literal["move", "keep", "delete"] = Field(
        default="move",
        description="what becomes of a photograph once its result is published: `move` (to "
        "`done`), `keep` or `delete`",
    )
    result_mode: Annotated[str, BeforeValidator(_file_mode)] | None = Field(
        default=None,
        description="mode of what is published, in quotes: `'0664'`; folders can be entered by who "
        "may read; null = by umask",
    )
    result_group: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="group of what is published; the daemon's user must be in it; null = its own, "
        "or that of a folder with the set-group-ID bit",
    )
    scan_interval_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=5.0, description="seconds between two listings of the inbox"
    )
    settle_s: Seconds = Field(
        default=5.0, description="seconds for which a file must be unchanged; 65 on NFS"
    )
    pair_wait_s: Seconds = Field(
        default=30.0,
        description="seconds in which a manifest of its own may follow, under a folder.yaml",
    )
    give_up_after_s: Seconds = Field(
        default=300.0,
        description="seconds unchanged after which a picture that does not decode is failed",
    )
    orphan_after_s: Seconds = Field(
        default=86_400.0, description="seconds after which a picture without a manifest is failed"
    )
    attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="attempts after which a job whose worker dies each time is failed"
    )
    retry_wait_s: Seconds = Field(
        default=10.0, description="seconds before the second attempt; doubled for each further one"
    )
    checkpoint_every_s: Annotated[float, Field(gt=0)] = Field(
        default=30.0, description="seconds between two checkpoints of a running job"
    )
    preview_every_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=5.0,
        description="seconds between two pictures of a running job as it is, for the gallery; "
        "0 = none",
    )
    stall_after_s: Annotated[float, Field(ge=60, le=604_800)] = Field(
        # The longest step there can be: 1.5 s were measured for 0.2 megapixels in fp32 on two
        # cores, so 200 megapixels with VGG-19 take 35 minutes, in tiles an hour.
        default=7200.0,
        description="seconds without a word after which a worker is ended and its job tried again",
    )
    stop_grace_s: Seconds = Field(
        default=20.0,
        description="seconds that a stopping daemon gives its workers for a last checkpoint",
    )
    job_limit_s: Annotated[float, Field(gt=0, le=31_536_000)] | None = Field(
        default=None, description="seconds with a worker after which a job is failed; null = none"
    )
    min_free_bytes: Annotated[int, Field(ge=0)] = Field(
        default=1_000_000_000,
        description="bytes that stay free in `work` and `outbox`: below, jobs wait; 0 = never",
    )
    keep_days: Days | None = Field(
        default=None, description="days after which originals in `done` are removed; null = never"
    )
    keep_receipts_days: Days | None = Field(
        default=None,
        description="days after which ended jobs are forgotten, which may then be painted again; "
        "null = never",
    )
    keep_copies_days: Days | None = Field(
        default=30.0,
        description="days for which the photograph of a failed or cancelled job is kept for "
        "`nstd retry`; null = for ever",
    )
    notify_command: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description="`[program, argument, …]`, called when a job or a resource fails; null = none",
    )
    gallery: bool = Field(
        default=True, description="keep `index.html` in the outbox up to date, for any browser"
    )
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        default=None,
        description="TCP port at which Prometheus reads metrics; 0 = any free one; null = none",
    )
    metrics_address: Annotated[str, AfterValidator(_ip_address)] = Field(
        default="127.0.0.1",
        description="the address of that port; any but this machine's own lets others read them",
    )
    log: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="form of the log: `json`, `console`, or `auto`: `console` on a terminal only",
    )
    limits: Limits = Field(default=Limits(), description="what is refused unread")
    workers: Workers = Field(default=Workers(), description="where the workers live")


@dataclass(frozen=True)
class Config:
    """The settings, the file they are from, and the folders they name as absolute paths."""

    path: Path
    settings: Settings
    inbox: Path
    outbox: Path
    work: Path
    weights: Path


def find_config(explicit: str | None) -> Path:
    """Return the file to read: the one named, `$NSTD_CONFIG`, ./config.yaml or /etc/nstd's.

    Raises:
        ConfigError: none of them is there.
    """
    path = _existing_config(explicit)
    if path is None:
        raise ConfigError(
            f"No configuration: neither ./config.yaml nor {SYSTEM_CONFIG} exists. "
            "Name one with --config FILE."
        )
    return path


def find_weights_folder(explicit: str | None) -> Path:
    """Return the folder of fetched weights that the configuration names, if there is one.

    Without any it is the user's own, `$XDG_DATA_HOME/nstd/weights`: `nstd stylize` needs none.

    Raises:
        ConfigError: the file named is not there, or a file is wrong.
    """
    path = _existing_config(explicit)
    if path is not None:
        return load_config(path).weights
    base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return base / "nstd" / "weights"


def _existing_config(explicit: str | None) -> Path | None:
    if named := explicit or os.environ.get("NSTD_CONFIG"):
        if not Path(named).is_file():
            raise ConfigError(f"The configuration file {named} does not exist.")
        return Path(named)
    return next((path for path in (Path("config.yaml"), SYSTEM_CONFIG) if path.is_file()), None)


def load_config(path: Path) -> Config:
    """Read and check a configuration; relative folders are beside the file.

    Raises:
        ConfigError: all that is wrong with it.
    """
    try:
        settings = validated(Settings, load_yaml(path.read_bytes()))
    except (ProblemsError, YamlTextError, OSError) as error:
        sentences = error.sentences if isinstance(error, ProblemsError) else (str(error),)
        raise ConfigError(_listed(path, sentences)) from error
    if settings.recipe not in recipe_names():
        known = ", ".join(recipe_names())
        raise ConfigError(
            _listed(path, [f"recipe: found {settings.recipe!r}; allowed are {known}"])
        )
    _require_receipts_that_outlive(path, settings)
    base = path.resolve().parent
    named = {"inbox": settings.inbox, "outbox": settings.outbox, "work": settings.work}
    folders = {key: (base / name).resolve() for key, name in named.items()}
    weights = folders["work"] / "weights" if settings.weights is None else base / settings.weights
    folders["weights"] = weights.resolve()
    _refuse_nesting(path, folders)
    return Config(path, settings, **folders)


def _require_receipts_that_outlive(path: Path, settings: Settings) -> None:
    """A receipt outlives its file: what lies in `done` is known to be painted."""
    files, receipts = settings.keep_days, settings.keep_receipts_days
    if files and receipts and receipts < files:
        words = f"keep_receipts_days: found {receipts:g}; at least keep_days ({files:g}) is allowed"
        raise ConfigError(_listed(path, [words]))


def _refuse_nesting(path: Path, folders: dict[str, Path]) -> None:
    """One inside the other would feed results back as photographs."""
    for name, folder in folders.items():
        for other, parent in folders.items():
            if name == other or (name, other) == ("weights", "work"):
                continue
            if folder.is_relative_to(parent):
                raise ConfigError(
                    _listed(path, [f"{name}: {folder} lies inside {other} ({parent})"])
                )


def _listed(path: Path, sentences: Iterable[str]) -> str:
    return f"{path} is not right:" + "".join(f"\n  - {sentence}" for sentence in sentences)
