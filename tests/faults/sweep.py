"""Many lives, one fault each: a warm parent forks them, a folder in memory holds their studios."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from faults.shim import Fault
from faults.studio import Life, judge, outbox_of

TESTS = Path(__file__).parents[1]
MEMORY = Path("/dev/shm")


@dataclass
class Sweep:
    """Where the studios are laid out, and who lets a daemon live in one."""

    folder: Path
    parent: subprocess.Popen[str]
    count: int = 0

    @contextmanager
    def studio(self) -> Iterator[Path]:
        """Name a place for a studio, and clear it away afterwards."""
        self.count += 1
        root = self.folder / str(self.count)
        try:
            yield root
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def live(
        self,
        root: Path,
        fault: Fault | None = None,
        *,
        originals: str = "move",
        pairs: int = 1,
        began_s: float = 0.0,
        hard_links: bool = True,
    ) -> Life | None:
        """Let a daemon live; None if it was killed. The studio is furnished if it is not there."""
        request = {
            "root": str(root),
            "originals": originals,
            "pairs": pairs,
            "fault": asdict(fault) if fault else None,
            "began_s": began_s,
            "hard_links": hard_links,
        }
        assert self.parent.stdin and self.parent.stdout
        self.parent.stdin.write(json.dumps(request) + "\n")
        self.parent.stdin.flush()
        answer = json.loads(self.parent.stdout.readline())
        if answer["code"] == -9:
            return None
        assert answer["code"] == 0, "the daemon ended with a traceback, printed above"
        return Life(**answer["life"])

    def reference(self, originals: str, *, hard_links: bool = True) -> tuple[dict[str, str], Life]:
        """Return what a life without a fault leaves in the outbox, and that life."""
        with self.studio() as root:
            life = self.live(root, originals=originals, hard_links=hard_links)
            assert life is not None
            assert life.drained
            reference = outbox_of(root)
            judge(root, reference, originals=originals)
            return reference, life


@contextmanager
def sweeping() -> Iterator[Sweep]:
    """Start a warm parent, and end it."""
    in_memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory, prefix="nstd-faults-") as folder:
        parent = subprocess.Popen(
            [sys.executable, "-m", "faults.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS,
            env={**os.environ, "PYTHONPATH": _path()},
        )
        try:
            yield Sweep(Path(folder), parent)
        finally:
            assert parent.stdin and parent.stdout
            parent.stdin.close()
            parent.wait(timeout=30)
            parent.stdout.close()


def _path() -> str:
    """Children find what is tested where this process finds it."""
    import nstd

    return os.pathsep.join([str(TESTS), str(Path(nstd.__file__).parents[1])])
