import { ponder } from "ponder:registry";
import * as tables from "ponder:schema";

const place = (event: any) => ({
  id: event.id,
  blockNumber: event.block.number,
  logIndex: event.log.logIndex,
  txHash: event.transaction.hash,
  timestamp: event.block.timestamp,
});

const copied = {
  "TipSplitter:TipSplit": tables.tipSplit,
  "TipSplitter:ShareHeld": tables.shareHeld,
  "TipSplitter:ShareClaimed": tables.shareClaimed,
  "TipSplitter:ShareSwept": tables.shareSwept,
  "TipSplitter:WalletSet": tables.walletSet,
  "TipSplitter:VaultDeployed": tables.vaultDeployed,
  "TipSplitter:VaultFlushed": tables.vaultFlushed,
  "Usdc:Transfer": tables.usdcTransfer,
  "Usdc:AuthorizationUsed": tables.authorizationUsed,
};

for (const [name, table] of Object.entries(copied)) {
  ponder.on(name as any, async ({ event, context }: any) => {
    await context.db.insert(table).values({ ...place(event), ...event.args });
  });
}
