#!/usr/bin/env node
// The compiler of mutants: npm's solc loaded once, a request a line on stdin, an answer a line on stdout. A request holds the
// sources that differ from those on disk, and which of the settings below to use; `ast` asks for syntax trees instead of code.
"use strict";
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const solc = require("solc");

const ROOT = "contracts/src/TipSplitter.sol";
const SETTINGS = {
  // What is deployed (foundry.toml, profile `release`).
  release: { viaIR: true, optimizer: { enabled: true, runs: 20000 } },
  // The same code generator without optimising, in half the time. Only stack allocation, without which the stack is too deep.
  quick: {
    viaIR: true,
    optimizer: { enabled: false, details: { yul: true, yulDetails: { stackAllocation: true, optimizerSteps: ":" } } },
  },
};

const sources = {};
collect(ROOT);

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  const input = {
    language: "Solidity",
    sources: { ...sources },
    settings: {
      ...SETTINGS[request.settings],
      evmVersion: "prague",
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: request.ast
        ? { "*": { "": ["ast"] } }
        : { [ROOT]: { TipSplitter: ["evm.bytecode.object"] }, "contracts/src/TipVault.sol": { TipVault: ["evm.bytecode.object"] } },
    },
  };
  for (const [name, content] of Object.entries(request.changed)) input.sources[name] = { content };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors || []).filter((e) => e.severity === "error").map((e) => e.message);
  const answer = { errors, code: {}, ast: {} };
  for (const contracts of Object.values(output.contracts || {}))
    for (const [name, contract] of Object.entries(contracts)) if (contract.evm) answer.code[name] = contract.evm.bytecode.object;
  if (request.ast) for (const [name, source] of Object.entries(output.sources)) if (name.startsWith("contracts/")) answer.ast[name] = source.ast;
  process.stdout.write(JSON.stringify(answer) + "\n");
});

function collect(name) {
  if (sources[name]) return;
  const content = fs.readFileSync(name.startsWith("@") ? path.join("node_modules", name) : name, "utf8");
  sources[name] = { content };
  for (const [, imported] of content.matchAll(/import\s+(?:[^"']*from\s+)?["']([^"']+)["']/g))
    collect(imported.startsWith(".") ? path.posix.join(path.posix.dirname(name), imported) : imported);
}
