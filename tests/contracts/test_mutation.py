"""The machinery of `make mutate`, as far as it can be wrong unnoticed: a mutant that is not there dies nowhere."""

from scripts.mutation import batch, verdicts
from scripts.mutation.compiler import ROOT
from scripts.mutation.mutant import SWITCH, Edit, Mutant, mutants_of

PATH = "contracts/src/SplitMath.sol"


def an_edit_of(text: str, replacement: str, *, switched: bool = True) -> Edit:
    start = (ROOT / PATH).read_bytes().index(text.encode())
    return Edit("change", start, len(text), replacement, f"({SWITCH} ? {replacement} : {text})" if switched else "")


def the_mutants(*edits: Edit) -> list[Mutant]:
    return list(mutants_of(PATH, (("split", edit) for edit in edits)))


def test_a_mutant_differs_by_its_edit_alone() -> None:
    (mutant,) = the_mutants(an_edit_of("(19 * amount) / 100", "0"))
    assert mutant.source == (ROOT / PATH).read_text().replace("(19 * amount) / 100", "0")
    assert mutant.key == "SplitMath.split: change: (19 * amount) / 100 → 0"


def test_an_edit_that_changes_nothing_is_no_mutant_and_two_alike_are_one() -> None:
    edit = an_edit_of("amount / 100", "amount")
    assert len(the_mutants(edit, edit, an_edit_of("amount / 100", "amount / 100"))) == 1


def test_overlapping_mutants_and_those_that_cannot_be_switched_are_compiled_apart() -> None:
    outer, inner = an_edit_of("(19 * amount) / 100", "0"), an_edit_of("19 * amount", "0")
    apart, alone = an_edit_of("amount - agentShare", "0"), an_edit_of("internal", "public", switched=False)
    batches = batch.batches(the_mutants(outer, inner, apart, alone))
    assert [len(mutants) for mutants in batches] == [2, 1, 1]


def test_a_batch_holds_each_of_its_mutants_under_its_number() -> None:
    mutants = the_mutants(an_edit_of("amount - agentShare", "1"), an_edit_of("(19 * amount) / 100", "2"))
    source = batch.sources(mutants)[PATH]
    assert "(block.prevrandao == 1 ? 1 : amount - agentShare)" in source
    assert "(block.prevrandao == 2 ? 2 : (19 * amount) / 100)" in source


def test_a_kill_outlives_new_tests_but_not_a_change_of_its_own(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(verdicts, "TESTS", tmp_path)
    file = tmp_path / "Tip.t.sol"
    setup = "    function setUp() public {\n    }\n"
    ours = "    // 1\n    function test_ours() public {\n        %s;\n    }\n"
    theirs = "    // 2\n    function test_theirs() public {\n    }\n"
    file.write_text(setup + ours % "a")
    before = verdicts.tests_behind("killed", "Tip: test_ours"), verdicts.tests_behind("survived", "")
    file.write_text(setup + ours % "a" + theirs)
    assert verdicts.tests_behind("killed", "Tip: test_ours") == before[0]
    assert verdicts.tests_behind("survived", "") != before[1]
    file.write_text(setup + ours % "b" + theirs)
    assert verdicts.tests_behind("killed", "Tip: test_ours") != before[0]
