"""Who is who on the embedded chain: Anvil's public development accounts, worth nothing anywhere else."""

from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount

_MNEMONIC = "test test test test test test test test test test test junk"  # Anvil's default
COUNT = 12
"""So many of them have ether."""


def _account(index: int) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


@dataclass(frozen=True)
class Cast:
    """One key a part, as in production."""

    admin: LocalAccount
    """Deploys the splitter; its admin."""
    registrar: LocalAccount
    relayers: tuple[LocalAccount, ...]
    """They send side by side."""
    treasury: LocalAccount
    faucet: LocalAccount
    """Mints test USDC."""
    pauser: LocalAccount
    usdc_owner: LocalAccount
    """Circle's part: owner, master minter, blacklister and pauser of USDC."""
    auditor: LocalAccount
    """Anchors the audit log."""
    viewers: tuple[LocalAccount, ...]
    """Test wallets with USDC and gas."""

    @property
    def relayer(self) -> LocalAccount:
        """The first one."""
        return self.relayers[0]


def cast() -> Cast:
    return Cast(
        admin=_account(0),
        registrar=_account(1),
        relayers=(_account(2), _account(10)),
        treasury=_account(3),
        faucet=_account(4),
        pauser=_account(5),
        usdc_owner=_account(6),
        auditor=_account(11),
        viewers=(_account(7), _account(8), _account(9)),
    )


def service_keys() -> dict[str, str]:
    """The relayer process's settings on the embedded chain."""
    everyone = cast()
    return {
        "RELAYER_KEY": ",".join(map(_hex, everyone.relayers)),
        "REGISTRAR_KEY": _hex(everyone.registrar),
        "FAUCET_KEY": _hex(everyone.faucet),
        "AUDITOR_KEY": _hex(everyone.auditor),
    }


def test_wallets() -> dict[str, str]:
    """Address → private key of the wallets that a newcomer may tip from."""
    return {viewer.address: _hex(viewer) for viewer in cast().viewers}


def _hex(account: LocalAccount) -> str:
    return "0x" + bytes(account.key).hex()
