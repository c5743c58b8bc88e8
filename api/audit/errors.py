"""What can be wrong with a question to the audit log."""

from api.errors import Problem


class AuditEventNotFound(Problem):
    """There is no such event of yours."""

    code, status = "AUDIT_EVENT_NOT_FOUND", 404
    hint = "`GET /audit` lists those that you may see."


class AuditEventNotSealed(Problem):
    """The event stands, and is not sealed yet."""

    code, status = "AUDIT_EVENT_NOT_SEALED", 409
    hint = "Ask again in some minutes: `GET /audit/head` says how far the seals reach."


class AuditBatchNotFound(Problem):
    """There is no such batch."""

    code, status = "AUDIT_BATCH_NOT_FOUND", 404
    hint = "`GET /audit/batches` lists them."
