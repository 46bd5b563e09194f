"""When a device fails under a job: whose fault it is, and how often it may happen."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

MOST_BLAMED = 3
MOST_IN_ALL = 12


@dataclass
class DeviceFaults:
    """Which jobs met faults on which devices since the daemon began.

    1. A device's fault costs no attempt: the device is probed, the job is tried again.
    2. It is laid at the job's door if the device is a good one, which has finished another job
       since its last fault, or if the job meets its first fault there. After `MOST_BLAMED` of
       these the job is failed: it does so on good devices, or on one device after another.
    3. A device that fails and finishes nothing is broken: nobody is blamed, jobs wait for it.
    4. Only so that no job wanders for ever it is failed after `MOST_IN_ALL` faults of any kind:
       hours later, because job and device are tried ever more rarely.
    """

    _place: dict[str, str] = field(default_factory=dict)
    _good: set[str] = field(default_factory=set)
    _met: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _blamed: Counter[str] = field(default_factory=Counter)

    def started(self, job_id: str, device: str) -> None:
        """Note which device a job is with."""
        self._place[job_id] = device

    def finished(self, job_id: str) -> None:
        """Note that a job was finished: its device is good."""
        if job_id in self._place:
            self._good.add(self._place[job_id])
        self.forget(job_id)

    def forget(self, job_id: str) -> None:
        """Drop what is known of a job that has ended."""
        for known in (self._place, self._met, self._blamed):
            known.pop(job_id, None)

    def failed(self, job_id: str) -> bool:
        """Note a fault under a job; tell whether that was one too many."""
        device, met = self._place.get(job_id, ""), self._met[job_id]
        self._blamed[job_id] += device in self._good or device not in met
        self._good.discard(device)
        met.append(device)
        return self._blamed[job_id] >= MOST_BLAMED or len(met) >= MOST_IN_ALL

    def count(self, job_id: str) -> int:
        """Return how many faults a job has met."""
        return len(self._met.get(job_id, ()))

    def sentence(self, job_id: str) -> str:
        """Say why a job is not tried again."""
        devices = ", ".join(dict.fromkeys(self._met[job_id]))
        return f"The device failed under it {self.count(job_id)} times ({devices})."
