import { onchainTable } from "ponder";

// Where each event stands in the chain.
const place = (t: any) => ({
  id: t.text().primaryKey(),
  blockNumber: t.bigint().notNull(),
  logIndex: t.integer().notNull(),
  txHash: t.hex().notNull(),
  timestamp: t.bigint().notNull(),
});

export const tipSplit = onchainTable("tip_split", (t) => ({
  ...place(t),
  ref: t.hex().notNull(),
  creatorId: t.hex().notNull(),
  agentId: t.hex().notNull(),
  payer: t.hex().notNull(),
  amount: t.bigint().notNull(),
  creatorShare: t.bigint().notNull(),
  agentShare: t.bigint().notNull(),
  creatorWallet: t.hex().notNull(),
  agentWallet: t.hex().notNull(),
  heldMask: t.integer().notNull(),
  rail: t.integer().notNull(),
}));

export const shareHeld = onchainTable("share_held", (t) => ({
  ...place(t),
  accountId: t.hex().notNull(),
  ref: t.hex().notNull(),
  expiresAt: t.bigint().notNull(),
  amount: t.bigint().notNull(),
  reason: t.integer().notNull(),
}));

export const shareClaimed = onchainTable("share_claimed", (t) => ({
  ...place(t),
  accountId: t.hex().notNull(),
  wallet: t.hex().notNull(),
  expiresAt: t.bigint().notNull(),
  amount: t.bigint().notNull(),
}));

export const shareSwept = onchainTable("share_swept", (t) => ({
  ...place(t),
  accountId: t.hex().notNull(),
  treasury: t.hex().notNull(),
  expiresAt: t.bigint().notNull(),
  amount: t.bigint().notNull(),
}));

export const walletSet = onchainTable("wallet_set", (t) => ({
  ...place(t),
  accountId: t.hex().notNull(),
  wallet: t.hex().notNull(),
  previous: t.hex().notNull(),
}));

export const vaultDeployed = onchainTable("vault_deployed", (t) => ({
  ...place(t),
  vault: t.hex().notNull(),
  ref: t.hex().notNull(),
  creatorId: t.hex().notNull(),
  agentId: t.hex().notNull(),
}));

export const vaultFlushed = onchainTable("vault_flushed", (t) => ({
  ...place(t),
  vault: t.hex().notNull(),
  ref: t.hex().notNull(),
  payer: t.hex().notNull(),
  amount: t.bigint().notNull(),
  nonce: t.hex().notNull(),
}));

export const usdcTransfer = onchainTable("usdc_transfer", (t) => ({
  ...place(t),
  from: t.hex().notNull(),
  to: t.hex().notNull(),
  value: t.bigint().notNull(),
}));

export const authorizationUsed = onchainTable("authorization_used", (t) => ({
  ...place(t),
  authorizer: t.hex().notNull(),
  nonce: t.hex().notNull(),
}));
