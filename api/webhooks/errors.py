"""What can be wrong with a webhook."""

from api.errors import NotFound, Problem


class WebhookNotFound(NotFound):
    """There is no such webhook, or it is not yours."""

    code = "WEBHOOK_NOT_FOUND"


class DeliveryNotFound(NotFound):
    """This webhook was sent no such event; deliveries are kept for 30 days."""

    code = "DELIVERY_NOT_FOUND"


class WebhookLimitReached(Problem):
    """You have as many webhooks as one account may have."""

    code, status = "WEBHOOK_LIMIT_REACHED", 409
    hint = "Delete one, or widen one's `kinds`."


class WebhookUrlRefused(Problem):
    """Webhooks do not go to this address."""

    code, status = "WEBHOOK_URL_REFUSED", 422
    hint = "Name a host on the public internet: https://, no user name, no fragment."
