"""Coroutines under test, in a loop and a thread of their own."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor


def run_in_own_loop(made: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run to the end; a browser that other tests drive has a loop in the tests' own thread."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: asyncio.run(made())).result()
