"""The house: arrows point one way, torch stays in its rooms, files stay small."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import nstd

PACKAGE = Path(nstd.__file__).parent
TORCH_ROOMS = ("bench", "engine", "pictures", "weights", "worker")
VOCABULARY = {
    "clock", "errors", "formats", "layers", "model", "orders", "printable", "problems", "recipe",
    "recipe_files", "seal", "strict_yaml",
}  # fmt: skip
# What each room may import beside the vocabulary: a room, or one file of it.
ALLOWED = {
    "engine": {"layers", "recipe"},
    "luggage": VOCABULARY,
    "pictures": {"luggage", *VOCABULARY},
    "weights": {"engine", *VOCABULARY},
    "worker": {"engine", "pictures", "weights", *VOCABULARY},
    "pool": VOCABULARY,
    "pool.serving": {"worker", *VOCABULARY},
    "spool": VOCABULARY,
    "spool.examine": {"pictures", *VOCABULARY},
    "foreman": {"spool", "pool.contract", *VOCABULARY},
    "gallery": {"spool", *VOCABULARY},
    "config_groups": VOCABULARY,
    "config": {"config_groups", *VOCABULARY},
    "config_text": {"config", *VOCABULARY},
    "metrics": {"config", "foreman.circuits", "pool.contract", "spool", *VOCABULARY},
    "service": {
        "config", "config_groups", "foreman", "gallery", "metrics", "pool", "spool", *VOCABULARY,
    },
    "status": {"config", "service.alive", "spool", *VOCABULARY},
    "bench": {
        "config", "engine", "foreman", "pictures", "pool", "service", "spool", "weights", "worker",
        *VOCABULARY,
    },
    **dict.fromkeys(VOCABULARY, VOCABULARY),
}  # fmt: skip
# May use all that lies behind them.
FRONT = {"__main__", "cli", "commands"}


MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
}


def imported_by(path: Path) -> set[str]:
    """Return the nstd modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & {*MODULES, "nstd"}


def room_of(module: str) -> str:
    """Name the room of a module: its folder, or itself."""
    return module.split(".")[1] if "." in module else module


def lies_in(module: str, places: set[str]) -> bool:
    """Tell whether a module is one of some places, or lies in one."""
    return any(f"{module}.".startswith(f"nstd.{place}.") for place in places)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_one_way(module: str) -> None:
    """Every room imports only what the map allows: engine and spool never meet."""
    room = room_of(module)
    if room in FRONT:
        return
    allowed = {room} | ALLOWED.get(module.removeprefix("nstd."), ALLOWED.get(room, set()))
    found = imported_by(MODULES[module]) - {"nstd"}  # where the version is

    assert [name for name in found if not lies_in(name, allowed)] == []


def test_no_room_looks_back() -> None:
    """The map itself has an order: whoever reads from the back to the front needs nothing ahead."""
    graph = {
        room: {place.split(".")[0] for place in allowed} - {room}
        for room, allowed in ALLOWED.items()
        if "." not in room and room not in VOCABULARY
    }

    assert list(TopologicalSorter(graph).static_order())


def test_there_are_no_cycles() -> None:
    """The modules can be put in an order in which each imports only those before it."""
    graph = {name: imported_by(path) - {"nstd"} for name, path in MODULES.items()}

    assert list(TopologicalSorter(graph).static_order())


def test_the_daemon_never_loads_torch() -> None:
    """A device fault can then end a worker only, and the commands answer at once."""
    words = (
        "import sys, nstd.cli, nstd.service.service, nstd.status.watch;"
        " sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_the_daemon_never_loads_a_decoder() -> None:
    """Pictures from the share are opened in limited children and in workers only."""
    words = "import sys, nstd.service.service, nstd.status.watch; sys.exit('PIL' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_nothing_of_ray_is_loaded_by_the_daemon() -> None:
    """It is an extra: without it all else works; with it, it is in a child of the daemon."""
    words = (
        "import sys; sys.modules['ray'] = None;"
        " import nstd.cli, nstd.service.service, nstd.pool.ray_pool, nstd.pool.ray_actor"
    )

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


@pytest.mark.parametrize("module", sorted(MODULES))
def test_torch_stays_in_its_rooms(module: str) -> None:
    """Outside of them it is imported inside functions at most: of a child process."""
    if room_of(module) in TORCH_ROOMS:
        return
    tree = ast.parse(MODULES[module].read_text())
    loaded = {
        name.name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import)
        for name in node.names
    }

    assert "torch" not in loaded


@pytest.mark.parametrize("module", sorted(MODULES))
def test_files_and_functions_stay_small(module: str) -> None:
    """Where one wants to be longer, the design is missing a name."""
    text = MODULES[module].read_text()
    longest = max(
        (
            (node.end_lineno or 0) - node.lineno + 1
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef)
        ),
        default=0,
    )

    assert len(text.splitlines()) <= 300
    assert longest <= 60


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_and_public_thing_says_what_it_is(module: str) -> None:
    """A newcomer reads the folder listing, then the first sentence."""
    tree = ast.parse(MODULES[module].read_text())
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert ast.get_docstring(tree)
    assert silent == []
