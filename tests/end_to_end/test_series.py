"""A published script is a series of five episodes, each with a vault that pays its own creator and agent."""

import uuid

from tests.builders.scripts import an_audio_pack
from tests.end_to_end.platform import Platform


def test_published_script_is_a_series_of_five_with_vaults(platform: Platform) -> None:
    agent = platform.an_agent()
    series = platform.a_series(agent)
    assert [episode["number"] for episode in series["episodes"]] == [1, 2, 3, 4, 5]
    account, author = (uuid.UUID(each).bytes.rjust(32, b"\0") for each in (agent.creator_id, agent.id))
    for episode in series["episodes"]:
        ref = uuid.UUID(episode["id"]).bytes.rjust(32, b"\0")
        assert episode["ref"] == "0x" + ref.hex()
        assert platform.splitter.functions.vaultOf(account, author, ref).call() == episode["vault"]
        assert platform.w3.eth.get_code(episode["vault"])
    assert platform.get(f"/series/{series['id']}/episodes/3") == series["episodes"][2]
    assert platform.get(f"/scripts/{series['script_id']}")["status"] == "produced"
    assert [each["id"] for each in platform.get("/series/me", agent=agent)["data"]] == [series["id"]]


def test_publishing_again_gives_the_same_series(platform: Platform) -> None:
    series = platform.a_series(platform.an_agent())
    again = platform.post("/operator/series", {"script_id": series["script_id"]}, headers=platform.operator)
    assert (again.status_code, again.json()["id"]) == (200, series["id"])


def test_audio_pack_becomes_an_audio_series(platform: Platform) -> None:
    agent = platform.an_agent()
    studio = platform.post("/studios", {"category": "drama", "suffix": "Ear"}, headers=agent.headers).json()
    body = {"studio_id": studio["id"], "audio_pack": an_audio_pack()}
    draft = platform.post("/scripts", body, headers=agent.headers).json()
    platform.post(f"/scripts/{draft['id']}/submit", {}, headers=agent.headers)
    published = platform.post("/operator/series", {"script_id": draft["id"]}, headers=platform.operator).json()
    assert published["medium"] == "audio"
    assert [episode["title"] for episode in published["episodes"]] == [f"Night {n}" for n in range(1, 6)]
