#!/usr/bin/env node
// Fails if a crate that we build with has a licence that deny.toml does not allow, or comes from anywhere but
// crates.io. cargo-deny checks this and more, but takes minutes to build; this takes a second, so it always runs.
//
//   cargo metadata --format-version 1 --locked | script/licences.mjs
import { readFileSync } from "node:fs";

const policy = readFileSync(new URL("../deny.toml", import.meta.url), "utf8").replaceAll(/^\s*#.*$/gm, "");
const allowed = new Set(JSON.parse(policy.match(/^allow = (\[[^\]]*\])/m)[1].replace(/,\s*\]/, "]")));

/** Whether an SPDX expression can be met with allowed licences. OR binds weaker than AND, WITH belongs to its licence. */
function meets(expression) {
  const tokens = expression.replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const licence = () => {
    if (tokens[at] === "(") {
      at++;
      const inner = either();
      at++;
      return inner;
    }
    let name = tokens[at++];
    if (tokens[at] === "WITH") name += ` WITH ${tokens[(at += 2) - 1]}`;
    return allowed.has(name);
  };
  // Both sides are always read: the position must move on even when the answer is known.
  const both = () => {
    let ok = licence();
    while (tokens[at] === "AND") {
      at++;
      ok = licence() && ok;
    }
    return ok;
  };
  const either = () => {
    let ok = both();
    while (tokens[at] === "OR") {
      at++;
      ok = both() || ok;
    }
    return ok;
  };
  return either() && at === tokens.length;
}

const metadata = readFileSync(0, "utf8");
if (!metadata) {
  console.log("licences: cargo metadata failed, see above");
  process.exit(1);
}
const { packages } = JSON.parse(metadata);
const faults = packages.flatMap(({ name, version, license, source }) => [
  ...(meets(license ?? "") ? [] : [`${name} ${version}: the licence ${license ?? "(none given)"} is not allowed`]),
  ...(!source || source === "registry+https://github.com/rust-lang/crates.io-index"
    ? []
    : [`${name} ${version}: comes from ${source}`]),
]);
for (const fault of faults) console.log(fault);
console.log(`licences: ${packages.length} crates, ${faults.length} not allowed`);
process.exit(faults.length ? 1 : 0);
