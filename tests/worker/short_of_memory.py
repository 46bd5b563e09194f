"""A worker in a process of its own whose allocator gets no more than so many bytes: not a test.

Called with a folder, the photograph's size, and the bytes beyond what the process has when it has
warmed up; prints what the job's record would say, as JSON.
"""

import json
import resource
import sys
from pathlib import Path

import torch
from pictures import picture_bytes
from worker_rig import work_order

from nstd.orders import Finished
from nstd.worker.station import Station
from nstd.worker.worker import run_order


def main(folder: Path, width: int, height: int, more_bytes: int) -> None:
    """Do a small job, then the large one under the limit."""
    torch.set_num_threads(1)
    station = Station.at("cpu", cache_folder=folder, weights_folder=folder, checkpoint_every_s=0.0)
    fields = {
        "pyramid": {"smallest_px": 160, "taper": 1},
        "optimizer": {"name": "adam", "lr": 0.02},
    }
    list(run_order(work_order(**fields), station, lambda: False))
    status = Path("/proc/self/status").read_text()
    (there_kb,) = (
        int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize")
    )
    limit = there_kb * 1024 + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    content = picture_bytes(format="PNG", seed=7, width=width, height=height)
    work = work_order(content=content, folder=folder, **fields)
    events = list(run_order(work, station, lambda: False))
    last = events[-1]
    said: dict[str, object] = {
        "end": type(last).__name__,
        "sentence": getattr(last, "sentence", ""),
    }
    if isinstance(last, Finished):
        facts = last.facts
        said |= {
            "evaluations": facts.evaluations,
            "reduced_memory": facts.reduced_memory,
            "resumed_from_step": facts.resumed_from_step,
            "started": facts.losses_start["total"],
            "delivered": facts.losses_delivered["total"],
        }
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:]))
