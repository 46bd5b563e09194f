"""The switches of a GPU that is not there: torch keeps them all the same."""

import mmap
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch

from nstd.errors import DeviceError
from nstd.worker.accelerator import (
    device_name,
    exact_fp32,
    forget_peak_memory,
    has_bf16,
    peak_memory_bytes,
    prepare,
    probe,
)

CUDA = torch.device("cuda:1")
CPU = torch.device("cpu")


def switches() -> tuple[str, str, bool]:
    """Return the precision of convolutions and of matrix products, and whether cuDNN tries."""
    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    return cudnn.conv.fp32_precision, cuda.matmul.fp32_precision, cudnn.benchmark


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the process's switches as they were."""
    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    before = switches()
    yield
    cudnn.conv.fp32_precision, cuda.matmul.fp32_precision, cudnn.benchmark = before


def test_a_device_that_computes_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some faults leave a device that answers, with other numbers."""
    probe(torch.device("cpu"))
    zeros = torch.zeros
    monkeypatch.setattr(torch, "ones", lambda *size, device: zeros(*size, device=device))
    with pytest.raises(DeviceError, match="computed 0 where"):
        probe(torch.device("cpu"))


def test_a_gpu_rounds_convolutions_only() -> None:
    """TF32 for convolutions, IEEE fp32 for matrix products, and cuDNN tries its algorithms."""
    prepare(CUDA)

    assert switches() == ("tf32", "ieee", True)


def test_a_processor_has_no_switches() -> None:
    """On the CPU no switch moves."""
    before = switches()

    prepare(CPU)

    assert switches() == before


FAULTS = """
import resource, sys, torch
from nstd.worker.accelerator import memory_in_use_bytes, prepare, release_memory
device = torch.device("cpu")
if sys.argv[1] == "prepared":
    prepare(device)
def use(): return torch.ones(2**24).add_(1).sum()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20): use()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
full = memory_in_use_bytes(device)
release_memory(device)
print(faults, full - memory_in_use_bytes(device))
"""


def test_memory_of_a_step_is_used_again_and_given_back_after_the_job() -> None:
    """A prepared process takes 64 MiB from the system once, not each time, and returns them."""

    def measured(how: str) -> tuple[int, int]:
        found = subprocess.run(
            [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
        ).stdout.split()
        return int(found[0]), int(found[1])

    plain, prepared = measured("plain"), measured("prepared")
    assert plain[0] > 20 * 2**14 - 100  # pages of 4 KiB
    assert prepared[0] < plain[0] / 4
    assert prepared[1] > 2**25


def test_exact_arithmetic_ends_where_it_began() -> None:
    """Inside nothing is rounded to TF32; afterwards, also after an error, all is as before."""
    prepare(CUDA)

    with pytest.raises(KeyError), exact_fp32():
        inside = switches()
        raise KeyError

    assert inside == ("ieee", "ieee", False)
    assert switches() == ("tf32", "ieee", True)


def test_peak_memory_of_a_processor_is_the_process() -> None:
    """64 MiB in use for a moment are in the peak, until it is forgotten."""
    forget_peak_memory(CPU)
    before = peak_memory_bytes(CPU)

    with mmap.mmap(-1, 2**26) as pages:  # not of torch, whose memory may be there already
        pages.write(bytes([1]) * 2**26)
    after = peak_memory_bytes(CPU)
    forget_peak_memory(CPU)

    assert 2**25 < after - before < 2**28
    assert peak_memory_bytes(CPU) < after - 2**25


def test_peak_memory_of_a_gpu_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch is asked for the most it held on that device, since the last job began."""
    peaks = {CUDA: 3 * 2**30}
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", peaks.__getitem__)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", peaks.pop)

    assert peak_memory_bytes(CUDA) == 3 * 2**30
    forget_peak_memory(CUDA)
    assert peaks == {}


def test_a_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record tells which card it was."""
    monkeypatch.setattr(torch.cuda, "get_device_name", {CUDA: "NVIDIA L4"}.__getitem__)

    assert device_name(CUDA) == "cuda:1 (NVIDIA L4)"
    assert device_name(CPU) == "cpu"


def test_bf16_is_asked_of_the_device_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a machine with two kinds of card the answer is that of the worker's own."""
    asked: list[torch.device] = []

    def of(device: torch.device) -> nullcontext[None]:
        asked.append(device)
        return nullcontext()

    monkeypatch.setattr(torch.cuda, "device", of)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: True)

    assert has_bf16(CUDA)
    assert asked == [CUDA]
