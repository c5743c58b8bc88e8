import { createConfig } from "ponder";
import splitterAbi from "./abi/TipSplitter.json";
import usdcAbi from "./abi/FiatTokenV2_2.json";

const env = process.env;
const payers = env.PEER_PAYERS!.split(",").filter(Boolean) as `0x${string}`[];
const blocks = {
  startBlock: Number(env.PEER_START_BLOCK),
  endBlock: env.PEER_END_BLOCK ? Number(env.PEER_END_BLOCK) : undefined,
};
// Ponder paces the requests to each endpoint; the same endpoint named n times is n times the pace.
const rpc = new Array(Number(env.PEER_RPC_TIMES ?? 1)).fill(env.PEER_RPC_URL!);

export default createConfig({
  chains: {
    base: { id: Number(env.PEER_CHAIN_ID), rpc: rpc.length === 1 ? rpc[0] : rpc, ws: env.PEER_WS_URL },
  },
  contracts: {
    TipSplitter: { chain: "base", abi: splitterAbi as any, address: env.PEER_SPLITTER as `0x${string}`, ...blocks },
    Usdc: {
      chain: "base",
      abi: usdcAbi as any,
      address: env.PEER_USDC as `0x${string}`,
      // Told who pays, only what they sent and signed; else all of USDC's transfers.
      ...(payers.length && {
        filter: [
          { event: "Transfer", args: { from: payers } },
          { event: "AuthorizationUsed", args: { authorizer: payers } },
        ] as any,
      }),
      ...blocks,
    },
  },
});
