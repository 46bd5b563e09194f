"""What every text from outside is read into: pydantic's models, strict and frozen."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Text from outside: unknown keys, wrong types, NaN and infinity are problems."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        defer_build=True,  # `nstd status` loads these models and uses few
    )
