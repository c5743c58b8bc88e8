from api.scripts import validation
from molt import screenplay


def test_the_example_is_a_valid_pilot_in_every_genre() -> None:
    for genre in screenplay.GENRES:
        script, findings = validation.pilot(screenplay.example(genre=genre))
        assert findings == []
        assert script is not None
