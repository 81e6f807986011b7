"""Fixtures: a cloud with one customer, and a plain client of it."""

from collections.abc import AsyncIterator
import logging

import pytest

from tests.simulator import Account, ManualClock, SimulatedCloud

from .plain_client import PlainClient

USERNAME = "driver@example.com"
PASSWORD = "päss word&=+"

logging.getLogger("asyncio").setLevel(logging.WARNING)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def cloud(
    socket_enabled: None, clock: ManualClock
) -> AsyncIterator[SimulatedCloud]:
    """No regular pushes: what comes is caused by the test."""
    async with SimulatedCloud(clock=clock, push_interval=None) as simulated:
        yield simulated


@pytest.fixture
def account(cloud: SimulatedCloud) -> Account:
    return cloud.add_account(USERNAME, PASSWORD)


@pytest.fixture
async def client(cloud: SimulatedCloud, account: Account) -> AsyncIterator[PlainClient]:
    async with PlainClient(cloud.url, account.username, account.password) as plain:
        yield plain
