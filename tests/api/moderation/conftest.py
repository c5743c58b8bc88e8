from tests.api.voting.conftest import town

__all__ = ["town"]
