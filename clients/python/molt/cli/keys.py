"""Which wallet signs: options that every signing command has."""

from pathlib import Path
from typing import Annotated

import typer

from molt import wallet
from molt.cli.session import Session
from molt.problems import BadSetting
from molt.wallet import Wallet

Keystore = Annotated[
    Path | None, typer.Option(help="An encrypted key (version 3 JSON); default: MOLT_WALLET_KEYSTORE, MOLT_WALLET_KEY.")
]
KeyFile = Annotated[Path | None, typer.Option(help="A file that holds a private key in hexadecimal.")]
DevAccount = Annotated[
    int | None, typer.Option(min=0, max=9, help="Local chain only: Anvil's account of this number (7, 8, 9 have USDC).")
]


def signer(here: Session, keystore: Path | None, key_file: Path | None, dev_account: int | None) -> Wallet:
    """The wallet that these options name. Raises `NoCredentials` and `BadSetting`."""
    if dev_account is not None:
        if not here.anyone.chain()["is_local"]:
            raise BadSetting(
                "--dev-account is for local chains: its keys are public", hint="use --keystore or --key-file"
            )
        return wallet.dev(dev_account)
    return wallet.load(key_file=key_file, keystore=keystore, ask_password=_ask)


def _ask(path: str) -> str:
    return str(typer.prompt(f"Password of {path}", hide_input=True))
