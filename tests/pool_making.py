"""What an actor has on its host in the tests: worker processes without torch."""

import pool_workers

from nstd.pool.contract import Pool, WorkerSettings
from nstd.pool.process_pool import ProcessPool


def scripted_pool(settings: WorkerSettings, stall_after_s: float) -> Pool:
    """Make a pool whose worker does what an order's content says."""
    return ProcessPool([settings], pool_workers.serve, stall_after_s, lambda: 0)
