"""Who changed money, a key or a wallet, when and how: appended in the transaction of the change. Start from `trail`."""
