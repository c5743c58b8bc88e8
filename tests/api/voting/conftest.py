from collections.abc import Iterator

import pytest

from tests.builders.town import Town


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    found = Town(database_url)
    yield found
    found.connection.close()
