"""A Ray cluster of several hosts on this machine, by Ray's own `cluster_utils`.

It lives in a process of its own, which this file is when it is run: a test's process loads no Ray.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

TESTS = Path(__file__).parent
# As an administrator would set them, for the daemon as for the hosts.
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 40}
STORE_BYTES = 80 * 2**20
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}


@dataclass
class RayCluster:
    """A head without processors, where the daemon is, and hosts with one processor each."""

    address: str = field(default="", init=False)
    environment: dict[str, str] = field(default_factory=dict, init=False)

    def __enter__(self) -> "RayCluster":
        self._folder = tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True)
        (Path(self._folder.name) / "ray").mkdir()
        self.environment = TOKEN | {
            "RAY_TMPDIR": self._folder.name,
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | self.environment,
        )
        self.start_head()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._folder.cleanup()

    def start_head(self) -> None:
        """Start the head, at the address it had before if it had one."""
        self.address = self._ask("head", self.address.rpartition(":")[2] or "0")

    def add(self, *names: str) -> None:
        for name in names:
            self._ask("add", name)

    def kill(self, name: str) -> None:
        """End a host as a power cut would; `head` is one."""
        self._ask("kill", name)

    def drain(self, name: str) -> None:
        """Announce that a host will be taken away."""
        self._ask("drain", name)

    def painters(self) -> list[int]:
        """Return the pids of the actors on all hosts, and of what they have started."""
        pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return [pid for pid in pids if _is_painter(pid, of=self._folder.name)]

    def _ask(self, *words: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        while line := self._process.stdout.readline():
            if line.startswith("= "):
                return line[2:].strip()
        raise AssertionError(f"the cluster's process has ended at {words}")


def _is_painter(pid: int, *, of: str) -> bool:
    """Tell whether a process is an actor, by the title that Ray gives it, or an actor's child."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    is_on_host = any(one.startswith(b"RAY_RAYLET_PID=") for one in environment)
    is_ours = f"RAY_TMPDIR={of}".encode() in environment
    return is_ours and is_on_host and (title.startswith(b"ray::Painter") or b"spawn_main" in title)


def obey() -> None:
    """Do what is asked on the standard input, until it ends."""
    from ray.cluster_utils import Cluster

    cluster, hosts = Cluster(), {}
    for line in sys.stdin:
        verb, word = line.split()
        answer = ""
        if verb == "head":
            hosts["head"] = cluster.add_node(
                num_cpus=0,
                node_name="head",
                gcs_server_port=int(word),
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                _system_config=QUICK,
            )
            answer = cluster.address
        elif verb == "add":
            hosts[word] = cluster.add_node(
                num_cpus=1,
                node_name=word,
                object_store_memory=STORE_BYTES,
            )
        elif verb == "kill":
            cluster.remove_node(hosts.pop(word), allow_graceful=False)
        elif verb == "drain":
            drain(cluster.address, hosts[word].node_id)
        print(f"= {answer}", flush=True)
    cluster.shutdown()


def drain(address: str, node_id: str) -> None:
    """Announce an end in ten minutes, as a cloud does that takes a machine back."""
    words = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "taken back"]
    words += ["--deadline-remaining-seconds", "600", "--node-id", node_id]
    ray = Path(sys.executable).parent / "ray"
    subprocess.run([ray, "drain-node", "--address", address, *words], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    obey()
