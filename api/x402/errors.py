"""What can be wrong about a payment by x402."""

from api.errors import Problem


class PaymentRequired(Problem):
    """This takes a payment."""

    code, status = "PAYMENT_REQUIRED", 402
    hint = (
        "`accepts` says what to sign (x402, scheme `exact`); send it as PAYMENT-SIGNATURE. `error` says what was wrong."
    )


class PaymentMalformed(Problem):
    """The payment header cannot be read."""

    code, status = "PAYMENT_MALFORMED", 400
    hint = "PAYMENT-SIGNATURE (or X-PAYMENT) is base64 of a JSON payment payload with an EIP-3009 authorization."
