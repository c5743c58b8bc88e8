import { TipSplitter, Usdc } from "generated";

const payers = process.env.PEER_PAYERS!.split(",").filter(Boolean);
const told = payers.length > 0;
const authorizers = new Set(payers.map((payer) => payer.toLowerCase()));
const usdc = process.env.PEER_USDC!.toLowerCase();

const place = (event: any) => ({
  id: `${event.chainId}-${event.block.number}-${event.logIndex}`,
  blockNumber: event.block.number,
  logIndex: event.logIndex,
  txHash: event.transaction.hash,
  timestamp: event.block.timestamp,
});

TipSplitter.TipSplit.handler(async ({ event, context }: any) => {
  const { heldMask, rail, ...params } = event.params;
  context.TipSplit.set({ ...place(event), ...params, heldMask: Number(heldMask), rail: Number(rail) });
});

TipSplitter.ShareHeld.handler(async ({ event, context }: any) => {
  context.ShareHeld.set({ ...place(event), ...event.params, reason: Number(event.params.reason) });
});

TipSplitter.ShareClaimed.handler(async ({ event, context }: any) => {
  context.ShareClaimed.set({ ...place(event), ...event.params });
});

TipSplitter.ShareSwept.handler(async ({ event, context }: any) => {
  context.ShareSwept.set({ ...place(event), ...event.params });
});

TipSplitter.WalletSet.handler(async ({ event, context }: any) => {
  context.WalletSet.set({ ...place(event), ...event.params });
});

TipSplitter.VaultDeployed.handler(async ({ event, context }: any) => {
  context.VaultDeployed.set({ ...place(event), ...event.params });
});

TipSplitter.VaultFlushed.handler(async ({ event, context }: any) => {
  context.VaultFlushed.set({ ...place(event), ...event.params });
});

// Told who pays, only what they sent: with an RPC as its source, Envio filters one event, by what is known when it
// starts, and that one whatever contract it comes from. Not told, all of USDC's transfers.
Usdc.Transfer.handler(
  async ({ event, context }: any) => {
    if (event.srcAddress.toLowerCase() !== usdc) return;
    context.UsdcTransfer.set({ ...place(event), ...event.params });
  },
  (told ? { wildcard: true, eventFilters: { from: payers } } : undefined) as any,
);

Usdc.AuthorizationUsed.handler(async ({ event, context }: any) => {
  if (told && !authorizers.has(event.params.authorizer.toLowerCase())) return;
  context.AuthorizationUsed.set({ ...place(event), ...event.params });
});
