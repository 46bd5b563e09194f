"""The hosts of a cluster, and how many actors each has room for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seat:
    """The place of one actor: a GPU of a host, or all its processors.

    `name` is what people are shown, `gpu-3/cuda:1`; a host of the same name as another has the
    begin of its id in it.
    """

    name: str
    host: str
    node_id: str
    device: str
    seats_on_host: int
    cpus: float


def seats_of(
    nodes: Iterable[Mapping[str, Any]], known: Mapping[str, str] | None = None
) -> tuple[Seat, ...]:
    """Return a seat per GPU; where no host has a GPU, one per host that has processors to give.

    Args:
        nodes: as `ray.nodes()` tells of them.
        known: what hosts are called already, by their nodes' ids.
    """
    alive = {node["NodeID"]: node for node in nodes if node["Alive"]}
    names = _names(alive, known or {})
    gpus = {node: int(alive[node]["Resources"].get("GPU", 0)) for node in names}
    cpus = {node: float(alive[node]["Resources"].get("CPU", 0)) for node in names}
    if any(gpus.values()):
        return tuple(
            Seat(f"{name}/cuda:{index}", name, node, "cuda:0", gpus[node], 0.0)
            for node, name in names.items()
            for index in range(gpus[node])
        )
    return tuple(
        Seat(f"{name}/cpu", name, node, "cpu", 1, cpus[node])
        for node, name in names.items()
        if cpus[node] >= 1
    )


def _names(alive: Mapping[str, Mapping[str, Any]], known: Mapping[str, str]) -> dict[str, str]:
    """Name each node: as it was named when it was started, else as its host is called."""
    names = {node: name for node, name in known.items() if node in alive}
    for node in sorted(alive.keys() - names.keys()):
        named, address = alive[node]["NodeName"], alive[node]["NodeManagerAddress"]
        name = alive[node]["NodeManagerHostname"] if named in ("", address) else named
        names[node] = f"{name}~{node[:6]}" if name in names.values() else name
    return names
