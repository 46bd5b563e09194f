"""What differs from device to device: CUDA's switches, bf16 in hardware, names, peak memory."""

import contextlib
import ctypes
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from nstd.errors import DeviceError

CUDNN: Any = torch.backends.cudnn  # torch declares no type for its `conv`
# mallopt(3): no mapping of its own for large blocks, never trim, grow by 64 MiB at a time.
KEEP_FREED_MEMORY = {-4: 0, -1: 2**31 - 1, -2: 2**26}
# A mapping of its own for each block from 1 MiB on, and glibc's own numbers for the rest.
RETURN_FREED_MEMORY = {-4: 65_536, -3: 2**20, -1: 2**17, -2: 2**17}
RESIDENT_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024  # of getrusage's ru_maxrss


def prepare(device: torch.device) -> None:
    """Set a device's switches for the steps of a run.

    On a GPU convolutions may round to TF32. Matrix products may not: the matrix roots would not
    settle and the sums of the Gram matrices would lose what they compare. cuDNN tries its
    algorithms at every new size, because a size is used for many steps.

    On a processor what a step frees stays with the process: every map of every step would else be
    taken from the system anew, page by page. Measured: 5 % of a 512 px job, 16 % at 1024 px, for
    gaps in the heap that are as large as the maps themselves while a job runs.
    """
    if device.type == "cuda":
        _set_precision(convolutions="tf32", products="ieee")
        CUDNN.benchmark = True
    keep_freed_memory(device, keeps=True)


def keep_freed_memory(device: torch.device, *, keeps: bool) -> None:
    """Let what a step frees stay with the process, or go back at once; of a GPU it always stays."""
    if device.type == "cpu" and (mallopt := _from_libc("mallopt")) is not None:
        for option, value in (KEEP_FREED_MEMORY if keeps else RETURN_FREED_MEMORY).items():
            mallopt(option, value)


@contextlib.contextmanager
def given_back(device: torch.device, *, keeps: bool) -> Iterator[None]:
    """Look at something once: what is freed inside goes back at once, and so does what was free.

    Maps of another size and precision than those of the steps find no room in the gaps that these
    have left, so the one would come on top of the other.

    Args:
        keeps: whether what is freed stays with the process again afterwards.
    """
    release_memory(device)
    keep_freed_memory(device, keeps=False)
    try:
        yield
    finally:
        release_memory(device)
        keep_freed_memory(device, keeps=keeps)


def probe(device: torch.device) -> None:
    """Let the device compute a little, and look at what comes out.

    Raises:
        DeviceError: it computes something else than it should.
        torch.AcceleratorError: it does not answer.
    """
    ones = torch.ones(64, 64, device=device)
    found = float((ones @ ones).sum())
    if found != 64.0**3:
        raise DeviceError(f"The device {device} computed {found:g} where {64.0**3:g} was right.")


def release_memory(device: torch.device) -> None:
    """Give back to the system what a job has freed."""
    if device.type == "cpu" and (malloc_trim := _from_libc("malloc_trim")) is not None:
        malloc_trim(0)


def release_everything(device: torch.device) -> None:
    """Give back also what a device keeps for the next step, and let cuDNN choose by itself."""
    CUDNN.benchmark = False
    if device.type == "cuda":
        torch.cuda.empty_cache()
    release_memory(device)


def _from_libc(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None where it is not glibc."""
    return getattr(ctypes.CDLL(None), name, None)


@contextlib.contextmanager
def exact_fp32() -> Iterator[None]:
    """Compute without TF32, and without trying algorithms: for what is computed only once.

    It sets the process's own switches, so only one thread may use it.
    """
    convolutions, products = _precision()
    tries = CUDNN.benchmark
    _set_precision(convolutions="ieee", products="ieee")
    CUDNN.benchmark = False
    try:
        yield
    finally:
        _set_precision(convolutions=convolutions, products=products)
        CUDNN.benchmark = tries


def has_bf16(device: torch.device) -> bool:
    """Tell whether the device computes bf16 convolutions in hardware."""
    if device.type == "cuda":
        with torch.cuda.device(device):  # it answers for the current one
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_name(device: torch.device) -> str:
    """Name the device as the record does: `cpu`, or `cuda:0 (NVIDIA L4)`."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def forget_peak_memory(device: torch.device) -> None:
    """Let the peak begin anew, so that the next job's is its own."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):  # without proc(5) the peak is that of all jobs so far
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory that was in use: of the GPU by tensors, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = _status_bytes("VmHWM")
    # getrusage also counts what the process was before it was this program: its parent's size.
    return peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RESIDENT_UNIT_BYTES


def memory_in_use_bytes(device: torch.device) -> int:
    """Return the memory in use now, as `peak_memory_bytes` counts it; 0 where it is not told."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return _status_bytes("VmRSS")


def _status_bytes(field: str) -> int:
    """Return a field of proc(5)'s status in bytes, 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(field)), 0)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was given: for measuring, never inside a step."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# One by one, because `torch.backends.fp32_precision` does not reach cuDNN's convolutions
# (pytorch/pytorch#179445), and never `allow_tf32`, which fails once these are set.
def _precision() -> tuple[str, str]:
    return CUDNN.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision


def _set_precision(*, convolutions: str, products: str) -> None:
    CUDNN.conv.fp32_precision = convolutions
    torch.backends.cuda.matmul.fp32_precision = products
