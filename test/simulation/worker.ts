/** Simulates some seeds in this process, and prints one line of JSON for each: `bun worker.ts FIRST COUNT STEP`. */
import { simulate } from './night.ts'
import type { Verdict } from './verdict.ts'

const [first = 1, count = 1, step = 1] = process.argv.slice(2).map(Number)
const unhandled: string[] = []
process.on('unhandledRejection', (thrown) => unhandled.push(`nobody handles: ${Bun.inspect(thrown)}`))
process.on('uncaughtException', (thrown) => unhandled.push(`nobody catches: ${Bun.inspect(thrown)}`))

for (let at = 0; at < count; at++) {
  const seed = first + at * step
  const before = process.cpuUsage()
  const { hash, wrong } = await simulate(seed)
  const { user, system } = process.cpuUsage(before)
  const verdict: Verdict = { seed, hash, wrong: [...wrong, ...unhandled.splice(0)], cpuMs: (user + system) / 1_000 }
  process.stdout.write(`${JSON.stringify(verdict)}\n`)
}
process.exit(0)
