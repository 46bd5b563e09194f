"""The groups of keys in config.yaml: what is refused, and where the workers live."""

from typing import Annotated, Literal

from pydantic import Field

from nstd.model import Model


class Limits(Model):
    """What is refused before it is decoded, how large the cache may grow, and a worker."""

    memory_bytes: Annotated[int, Field(ge=2**30)] | None = Field(
        default=None,
        description="most memory a worker may take: of its GPU, else of the machine; larger "
        "pictures are looked at in tiles; null = what is free there, or in its cgroup",
    )
    picture_bytes: Annotated[int, Field(ge=1)] = Field(
        default=500_000_000, description="largest picture file that is read"
    )
    picture_px: Annotated[int, Field(ge=1)] = Field(
        default=200_000_000, description="most pixels a picture may have"
    )
    decode_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="longest time the check of one picture may take"
    )
    decode_memory_bytes: Annotated[int, Field(ge=2**26)] = Field(
        default=4 * 2**30, description="most memory the check of one picture may take"
    )
    gram_cache_bytes: Annotated[int, Field(ge=0)] = Field(
        default=4_000_000_000,
        description="size of the styles' statistics on disk, the longest unused go; 0 = no limit",
    )


class Workers(Model):
    """Where the workers live."""

    engine: Literal["processes", "ray"] = Field(
        default="processes",
        description="`processes` of this machine, or actors of a `ray` cluster, which needs the "
        "extra `nstd[ray]` and does without `devices`",
    )
    address: Annotated[str, Field(min_length=1)] = Field(
        default="auto",
        description="of the Ray cluster's head, `10.0.0.1:6379`; `auto`: that of this machine",
    )
