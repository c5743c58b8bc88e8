"""What the `type` of a problem points to: every code, its status, its meaning and what to do."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.errors import NotFound, Problem, problems

router = APIRouter(prefix="/api/v1/problems", tags=["problems"])


class ProblemKind(BaseModel):
    """One kind of problem."""

    code: str
    status: int
    title: str
    hint: str | None


class ProblemKinds(BaseModel):
    """All that clients may branch on."""

    data: list[ProblemKind]
    next_cursor: None = None


@router.get("", operation_id="listProblems")
async def list_problems() -> ProblemKinds:
    """Every problem code there is."""
    return ProblemKinds(data=[_shown(kind) for _, kind in sorted(Problem.known.items())])


@router.get("/{code}", operation_id="getProblem", responses=problems(NotFound))
async def get_problem(code: str) -> ProblemKind:
    """One problem code."""
    kind = Problem.known.get(code)
    if kind is None:
        raise NotFound(f"There is no problem {code[:60]}.")
    return _shown(kind)


def _shown(kind: type[Problem]) -> ProblemKind:
    return ProblemKind(code=kind.code, status=kind.status, title=kind.title(), hint=kind.hint)
