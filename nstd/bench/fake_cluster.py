"""A Ray cluster of this machine alone: as many actors as are asked for, and no GPU behind them."""

import asyncio
import os
import secrets
from multiprocessing.connection import Connection

from nstd.bench.instant_pool import InstantPool
from nstd.pool.cluster import ClusterSettings
from nstd.pool.contract import Pool, Ready, WorkerSettings
from nstd.pool.ray_driver import NAMESPACE, be_quiet, drive_on

STORE_BYTES = 200 * 2**20


def instant_pool(settings: WorkerSettings, stall_after_s: float) -> Pool:  # noqa: ARG001
    """Make what an actor has in the place of a worker: it gives photographs back as they are."""
    return InstantPool(says=[Ready(settings.device)])


def drive_fake_cluster(connection: Connection, settings: ClusterSettings) -> None:
    """Start Ray for this process alone, and drive it as any other; it ends with this process.

    The address holds how many GPUs it shall believe in.
    """
    be_quiet()
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    import ray

    ray.init(
        address="local",
        num_cpus=os.cpu_count(),
        num_gpus=int(settings.address),
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        _temp_dir=str(settings.worker.cache_folder.parent / "ray"),
        namespace=NAMESPACE,
        log_to_driver=False,
        configure_logging=False,
    )
    asyncio.run(drive_on(connection, settings))
