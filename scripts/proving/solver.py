"""The solver that halmos asks: one question in SMT-LIB, several solvers, the first answer.

Runs in the environment of requirements-proofs.lock: `python scripts/proving/solver.py FILE`. None is the best at all of
it: cvc5 divides by reading bit vectors as integers, yices is quick where nothing divides, bitwuzla and z3 find their
way where money is added up along many paths.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
FIRST = ("yices", "cvc5")
THEN = ("bitwuzla", "z3")
THEN_SECONDS = 1.0
"""When the others join: most questions need only the first."""


def main() -> None:
    *binding, query = sys.argv[1:]
    if binding:
        _BY_BINDING[binding[0]](query)
    else:
        sys.stdout.write(_race(query))


def _race(query: str) -> str:
    running = {name: _start(name, query) for name in FIRST}
    joins = time.monotonic() + THEN_SECONDS
    try:
        while True:
            if len(running) == len(FIRST) and (time.monotonic() > joins or _ended(running)):
                running |= {name: _start(name, query) for name in THEN}
            for name, process in running.items():
                if process.poll() is not None and (answer := _answer(name, query)):
                    return answer
            if len(running) > len(FIRST) and _ended(running):
                return "unknown\n"
            time.sleep(0.005)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
        for name in running:
            _said(name, query).unlink(missing_ok=True)


def _ended(running: dict[str, subprocess.Popen[str]]) -> bool:
    return all(process.poll() is not None for process in running.values())


def _said(name: str, query: str) -> Path:
    return Path(f"{query}.{name}")


def _start(name: str, query: str) -> subprocess.Popen[str]:
    binaries = Path(sys.executable).parent
    commands = {
        "yices": [str(binaries / "yices-smt2"), "--smt2-model-format", "--bvconst-in-decimal", query],
        "z3": [str(binaries / "z3"), query],
    }
    command = commands.get(name, [sys.executable, str(HERE), name, query])
    with _said(name, query).open("w") as said:
        return subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL, text=True)


def _answer(name: str, query: str) -> str:
    """What the solver said, if it decided."""
    said = _said(name, query).read_text()
    return said if said.startswith(("sat", "unsat")) else ""


def _bitwuzla(query: str) -> None:
    import bitwuzla  # noqa: PLC0415  (only in the environment of the proofs)

    options = bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)  # noqa: FBT003  (its own signature)
    bitwuzla.Parser(bitwuzla.TermManager(), options).parse(query)


def _cvc5(query: str) -> None:
    import cvc5  # noqa: PLC0415  (only in the environment of the proofs)

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("produce-models", "true")
    solver.setOption("solve-bv-as-int", "sum")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, query)
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        print(command.invoke(solver, symbols), end="", flush=True)


_BY_BINDING = {"bitwuzla": _bitwuzla, "cvc5": _cvc5}

if __name__ == "__main__":
    main()
