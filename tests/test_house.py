"""The house: arrows point one way, torch stays in its rooms, files stay small."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import nstd

PACKAGE = Path(nstd.__file__).parent
TORCH_ROOMS = (
    "bench",
    "accelerator",
    "engine",
    "weights",
    "framing",
    "images",
    "gramcache",
    "checkpoint",
    "station",
    "style_pictures",
    "painting",
    "previews",
    "proof",
    "proof_checkpoint",
    "proof_contents",
    "shortage",
    "worker",
)
VOCABULARY = {
    "nstd", "clock", "color_space", "errors", "formats", "layers", "opening", "orders", "printable",
    "problems", "recipe", "samples", "seal", "strict_yaml",
}  # fmt: skip
ALLOWED = {
    "engine": {"engine", "layers", "recipe"},
    "spool": {"spool", *VOCABULARY},
    "weights": {"weights", "engine", *VOCABULARY},
    "luggage": {"luggage", *VOCABULARY},
    "encoding": VOCABULARY,
    "images": {"encoding", "luggage", *VOCABULARY},
    "gramcache": {"engine", *VOCABULARY},
    "checkpoint": {"engine", *VOCABULARY},
    "artifacts": VOCABULARY,
    "sheet": VOCABULARY,
    "feature_sheets": {"sheet", *VOCABULARY},
    "accelerator": VOCABULARY,
    "station": {"accelerator", "engine", "gramcache", "weights", *VOCABULARY},
    "style_pictures": {
        "accelerator", "engine", "gramcache", "images", "station", *VOCABULARY,
    },
    "shortage": {"accelerator"},
    "worker": {"accelerator", "painting", "proof", "shortage", "station", *VOCABULARY},
    "proof": {
        "accelerator", "engine", "artifacts", "framing", "images", "painting", "proof_checkpoint",
        "previews", "proof_contents", "proof_plan", "proof_sheet", "station", *VOCABULARY,
    },
    "proof_plan": {"engine", "framing", "images", *VOCABULARY},
    "proof_contents": {"engine", "images", "proof_checkpoint", "proof_sheet", *VOCABULARY},
    "proof_checkpoint": {"checkpoint", *VOCABULARY},
    "proof_sheet": VOCABULARY,
    "painting": {
        "accelerator", "engine", "artifacts", "checkpoint", "framing", "images", "previews",
        "station", "style_pictures", *VOCABULARY,
    },
    "previews": {"engine", "framing", "images", "shortage", *VOCABULARY},
    "framing": {"engine", "images", *VOCABULARY},
    "devices": VOCABULARY,
    "mounts": set(),
    "oom_kills": set(),
    "worker_process": {"oom_kills"},
    "pool": VOCABULARY,
    "process_pool": {"oom_kills", "pool", "worker_process", *VOCABULARY},
    "serving": {"accelerator", "devices", "pool", "station", "worker", *VOCABULARY},
    "record": {"spool", *VOCABULARY},
    "circuits": {"spool", *VOCABULARY},
    "device_faults": set(),
    "publishing": {"spool", "record", *VOCABULARY},
    "showing": {"spool", "circuits", "pool", *VOCABULARY},
    "keeping": {"spool", *VOCABULARY},
    "verdicts": {"spool", "circuits", "device_faults", *VOCABULARY},
    "desk": {"spool", "pool", "circuits", *VOCABULARY},
    "disk": set(),
    "space": {"spool", "circuits", "disk", *VOCABULARY},
    "time_limit": {"spool", "pool", *VOCABULARY},
    "gallery": {"gallery", "spool", "record", *VOCABULARY},
    "foreman": {
        "spool", "pool", "publishing", "circuits", "desk", "device_faults", "keeping", "record",
        "showing", "space", "time_limit", "verdicts", *VOCABULARY,
    },
    "alive": set(),
    "metrics": {
        "metrics", "circuits", "config", "disk", "pool", "record", "spool", *VOCABULARY,
    },
    "status": {"status", "alive", "config", "disk", "spool", *VOCABULARY},
    "config": VOCABULARY,
    "config_text": {"config", *VOCABULARY},
    "studio_folder": {"config_text", "spool", *VOCABULARY},
    "lock_holder": VOCABULARY,
    "inbox_lock": {"spool", "lock_holder", *VOCABULARY},
    "ownership": {"spool", "config", *VOCABULARY},
    "news": {"spool", *VOCABULARY},
    "hook": {"spool", "news", *VOCABULARY},
    "upkeep": {"config", "spool", "circuits", "hook", *VOCABULARY},
    "inspection": {
        "engine", "spool", "config", "devices", "feature_sheets", "images", "picture_file",
        "weights", *VOCABULARY,
    },
    **dict.fromkeys(VOCABULARY, VOCABULARY),
}  # fmt: skip


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
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_one_way(module: str) -> None:
    """Every room imports only what the map allows: engine and spool never meet."""
    allowed = ALLOWED.get(room_of(module))
    if allowed is None:  # the rooms at the front may use all that lies behind them
        return
    found = {room_of(name) for name in imported_by(MODULES[module])}

    assert found <= allowed


def test_there_are_no_cycles() -> None:
    """The modules can be put in an order in which each imports only those before it."""
    graph = {name: imported_by(path) - {"nstd"} for name, path in MODULES.items()}

    assert list(TopologicalSorter(graph).static_order())


def test_the_daemon_never_loads_torch() -> None:
    """A device fault can then end a worker only, and the commands answer at once."""
    words = (
        "import sys, nstd.cli, nstd.service, nstd.status.watch; sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_the_daemon_never_loads_a_decoder() -> None:
    """Pictures from the share are opened in limited children and in workers only."""
    words = "import sys, nstd.service, nstd.status.watch; sys.exit('PIL' in sys.modules)"

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
