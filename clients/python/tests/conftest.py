"""A real cluster and a real gateway for the tests: those of the checks of the gateway (Tests/Web/cluster.py)."""

from __future__ import annotations

from collections.abc import Iterator

import cluster as clusters
import pytest

from tessera_client import Tessera


@pytest.fixture(scope="session")
def gateway() -> Iterator[clusters.Gateway]:
    with clusters.cluster() as (_, gateway, _):
        yield gateway


@pytest.fixture(scope="session")
def token(gateway: clusters.Gateway) -> str:
    return gateway.token("submitter")


@pytest.fixture
def tessera(gateway: clusters.Gateway, token: str) -> Iterator[Tessera]:
    with Tessera(gateway.url, token, patience=60) as it:
        yield it
