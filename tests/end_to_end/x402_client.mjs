// The official TypeScript client, unmodified: node x402_client.mjs URL NETWORK AMOUNT; the payer's key in PAYER_KEY.
// Prints status, the tip and the decoded PAYMENT-RESPONSE as one JSON object.
import { ExactEvmScheme } from "@x402/evm";
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

const [url, network, amount] = process.argv.slice(2);
const client = new ExactEvmScheme(privateKeyToAccount(process.env.PAYER_KEY));
const pay = wrapFetchWithPaymentFromConfig(fetch, { schemes: [{ network, client }] });
const answer = await pay(url, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ amount_micro_usdc: amount }),
});
const header = answer.headers.get("PAYMENT-RESPONSE");
const receipt = header && decodePaymentResponseHeader(header);
console.log(JSON.stringify({ status: answer.status, tip: await answer.json(), receipt }));
