"""A job that runs gives up its place in the queue, so that it can be queued again beside the one that took it.

Procrastinate keeps `queueing_lock` while a job runs. If the next job of that key waits by then, neither the retry of a
failed job nor the recovery of a dead worker's can make it wait again (`procrastinate_jobs_queueing_lock_idx_v1`): it
stays `doing`, and its `lock` holds up every later one for ever. Only jobs that wait need the place.
"""

from alembic import op

revision = "app_20261123_jobs"
down_revision = "app_20261122_tips"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE FUNCTION app.running_job_holds_no_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.queueing_lock := NULL;
    RETURN NEW;
END
$$
"""
TRIGGER = """
CREATE TRIGGER running_job_holds_no_place BEFORE UPDATE OF status ON app.procrastinate_jobs
    FOR EACH ROW WHEN (NEW.status = 'doing') EXECUTE FUNCTION app.running_job_holds_no_place()
"""


def upgrade() -> None:
    op.execute(FUNCTION)
    op.execute(TRIGGER)
    op.execute("UPDATE app.procrastinate_jobs SET queueing_lock = NULL WHERE status = 'doing'")


def downgrade() -> None:
    op.execute("DROP TRIGGER running_job_holds_no_place ON app.procrastinate_jobs")
    op.execute("DROP FUNCTION app.running_job_holds_no_place")
