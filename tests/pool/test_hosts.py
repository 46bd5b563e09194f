"""Which actors a cluster has room for, and what they are called."""

from nstd.pool.hosts import seats_of


def node(
    node_id: str, *, name: str = "", alive: bool = True, **resources: float
) -> dict[str, object]:
    """Return what Ray tells of a node."""
    return {
        "NodeID": node_id,
        "Alive": alive,
        "NodeName": name or "10.0.0.1",
        "NodeManagerAddress": "10.0.0.1",
        "NodeManagerHostname": "studio",
        "Resources": resources,
    }


def test_there_is_a_seat_for_each_gpu_and_none_for_processors_beside_them() -> None:
    """A job on a processor would take a hundred times as long."""
    nodes = [
        node("a", name="head", CPU=16.0),
        node("b", name="gpu-1", CPU=16.0, GPU=2.0),
        node("c", name="gone", GPU=8.0, alive=False),
    ]

    assert [(seat.name, seat.device, seat.seats_on_host) for seat in seats_of(nodes)] == [
        ("gpu-1/cuda:0", "cuda:0", 2),
        ("gpu-1/cuda:1", "cuda:0", 2),
    ]


def test_without_any_gpu_each_host_is_one_seat_with_all_its_processors() -> None:
    """As a single machine has one worker on its processor; a head without any is only a head."""
    nodes = [node("a", name="head", CPU=0.0), node("b", name="two", CPU=4.0)]

    assert [(seat.name, seat.device, seat.cpus) for seat in seats_of(nodes)] == [
        ("two/cpu", "cpu", 4.0)
    ]


def test_hosts_of_one_name_are_told_apart_and_keep_their_names() -> None:
    """Also when one comes that would have been first."""
    first = seats_of([node("f" * 12, CPU=1.0)])
    known = {seat.node_id: seat.host for seat in first}
    both = seats_of([node("a" * 12, CPU=1.0), node("f" * 12, CPU=1.0)], known)

    assert [seat.name for seat in first] == ["studio/cpu"]
    assert [seat.name for seat in both] == ["studio/cpu", "studio~aaaaaa/cpu"]
