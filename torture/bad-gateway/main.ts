/**
 * The bad gateway as a program of its own: `bun torture/bad-gateway/main.ts UPSTREAM_PORT [FAULT]`. It prints its address, and ends
 * when its standard input does.
 */
import { faults } from './faults/index.ts'
import { BadGateway } from './gateway.ts'

const [port, name] = process.argv.slice(2)
const fault = name === undefined ? undefined : faults.find((one) => one.name === name)
if (name !== undefined && !fault) throw new Error(`there is no fault ${JSON.stringify(name)}`)
const gateway = await BadGateway.open(Number(port), fault)
console.log(gateway.url)
for await (const _ of Bun.stdin.stream()) {
  // nothing is read: only the end counts
}
process.exit(0)
