"""Answers scrapes, in threads of its own that read nothing but numbers in memory."""

import errno
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from nstd.config import Settings
from nstd.errors import ConfigError

WALLED = (
    " The unit of the service lets it reach no network: systemd/nstd-metrics.conf opens the "
    "loopback to it."
)

log = structlog.get_logger()


@contextmanager
def served(settings: Settings) -> Iterator[CollectorRegistry | None]:
    """Answer scrapes at the configured address while this lasts, from the registry yielded.

    Where no port is configured nobody answers, and None is yielded.

    Raises:
        ConfigError: nobody can listen there.
    """
    address, port = settings.metrics_address, settings.metrics_port
    if port is None:
        yield None
        return
    registry = CollectorRegistry()
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        walled = WALLED if error.errno == errno.EAFNOSUPPORT else ""
        raise ConfigError(
            f"metrics_port: nobody can listen at {address}, port {port}: {error.strerror}. Name "
            f"another port or address, or null for no metrics.{walled}"
        ) from error
    told = log.info if ipaddress.ip_address(address).is_loopback else log.warning
    told("metrics are served", address=address, port=server.server_port)
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
