"""Fixtures for tests of the clients."""

import pytest

from live import Awaiting, Live, Waiting


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    running = Live(tmp_path_factory.mktemp("live"))
    yield running
    running.stop()


@pytest.fixture(params=[Waiting, Awaiting], ids=["sync", "async"])
def drive(request):
    driver = request.param()
    yield driver
    driver.close()


@pytest.fixture
def client(live, drive):
    made = drive.Client(**live.options)
    yield made
    drive(made.close())


@pytest.fixture
def admin(live, drive):
    made = drive.Client(**live.admin_options)
    yield made
    drive(made.close())
