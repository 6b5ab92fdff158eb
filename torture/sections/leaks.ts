import { readdir } from 'node:fs/promises'
import { expect, NotApplicable } from '../lab/failure.ts'
import { hello, Lab } from '../lab/lab.ts'
import { becomes, sleep } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import { user } from '../talk/talk.ts'
import type { Script } from '../upstream/exchange.ts'

/** The resident memory of a process, in kilobytes. Only Linux tells it. */
async function memoryOf(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`)
    .text()
    .catch(() => '')
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN)
  if (Number.isNaN(kilobytes)) throw new NotApplicable(`the memory of process ${pid} is not known here`)
  return kilobytes
}

async function descriptorsOf(pid: number): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => undefined)
  if (!names) throw new NotApplicable(`the descriptors of process ${pid} are not known here`)
  return names.length
}

function pidOf(lab: Lab): number {
  if (lab.target.pid === undefined) throw new NotApplicable('needs --pid')
  return lab.target.pid
}

const abandoned: Script = async (exchange) => {
  await exchange.beginStream()
  for (const frame of exchange.frames(hello).slice(0, 3)) await exchange.send(frame)
  await exchange.closed
}

/** Sends requests of all kinds on all lanes: answered, not streamed, and left by their clients. */
async function load(first: Lab, count: number): Promise<void> {
  const labs = first.target.lanes.map((lane) => new Lab(first.target, lane, first))
  const step = 10
  for (let at = 0; at < count; at += step) {
    const lab = labs[(at / step) % labs.length] ?? first
    await Promise.all([
      ...Array.from({ length: step - 4 }, () => lab.ask()),
      lab.ask({ isStream: false }),
      lab.ask({ isStream: false }),
      ...[0, 1].map(async () => {
        const conversation = lab.begin({ script: abandoned })
        await lab.asked(conversation)
        conversation.connection.leave()
      }),
    ])
    lab.close()
  }
}

const rounds = { quick: 4, full: 10 } as const
const perRound = { quick: 100, full: 2_000 } as const

const connections: Check = {
  id: 'leak/connections',
  claim: "After 200 requests the upstream's connections are those of a pool, not one for each request.",
  per: 'gateway',
  async run(lab) {
    const before = lab.upstream.connections
    await load(lab, 200)
    const few = () => lab.upstream.connections <= before + 32
    await becomes(few, 5_000)
    expect(few(), `${lab.upstream.connections} connections are open, ${before} before`)
    return `${lab.upstream.connections} connections`
  },
}

const descriptors: Check = {
  id: 'leak/descriptors',
  claim: "The gateway's descriptors do not grow with its requests.",
  per: 'gateway',
  needs: 'pid',
  async run(lab) {
    const pid = pidOf(lab)
    await load(lab, perRound[lab.effort])
    await sleep(500)
    const before = await descriptorsOf(pid)
    await load(lab, perRound[lab.effort])
    const few = async () => (await descriptorsOf(pid)) <= before + 16
    await becomes(few, 5_000)
    const after = await descriptorsOf(pid)
    expect(after <= before + 16, `${before} descriptors before ${perRound[lab.effort]} requests, ${after} after`)
    return `${before} before, ${after} after`
  },
}

/** The most kilobytes that memory may grow by for a request: the slope after the first rounds, in which pools and caches fill. */
const mostSlope = 24

/** The slope of the least squares, of values at equal distances. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const top = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0)
  const bottom = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
  return top / bottom
}

const memory: Check = {
  id: 'leak/memory',
  claim: `The gateway's memory does not grow with its requests: less than ${mostSlope} kB for each, after the first ones.`,
  per: 'gateway',
  needs: 'pid',
  async run(lab) {
    const pid = pidOf(lab)
    const many = perRound[lab.effort]
    await load(lab, 2 * many)
    const values: number[] = []
    for (let round = 0; round < rounds[lab.effort]; round++) {
      await load(lab, many)
      values.push(await memoryOf(pid))
    }
    const slope = slopeOf(values) / many
    expect(slope < mostSlope, `${slope.toFixed(1)} kB for each request (${values.join(', ')} kB after each ${many})`)
    return `${slope.toFixed(2)} kB a request`
  },
}

const recoveredMs = { quick: 5_000, full: 120_000 } as const

const recovered: Check = {
  id: 'leak/recovered',
  claim:
    'After a load of large bodies the memory goes back: what stays is less than half of what the load took, or less than 64 MB.',
  per: 'gateway',
  needs: 'pid',
  async run(lab) {
    const pid = pidOf(lab)
    await load(lab, 50)
    const before = await memoryOf(pid)
    let peak = before
    const text = 'Large. '.repeat(600_000)
    for (let round = 0; round < 4; round++) {
      const asked = Array.from({ length: 5 }, () => lab.ask({ talk: { turns: [user(text)] }, isStream: false }))
      for (const one of asked) {
        const { status, conversation } = await one
        expect(status === 200, `the status is ${status}`, conversation)
        peak = Math.max(peak, await memoryOf(pid))
      }
      lab.close()
    }
    const most = before + Math.max(65_536, (peak - before) / 2)
    const isBack = async () => {
      await load(lab, 10)
      await sleep(200)
      return (await memoryOf(pid)) <= most
    }
    const isWell = await becomes(isBack, recoveredMs[lab.effort])
    const after = await memoryOf(pid)
    expect(isWell, `${before} kB before, ${peak} kB at most, ${after} kB ${recoveredMs[lab.effort] / 1000} s after`)
    return `${before} kB before, ${peak} kB at most, ${after} kB after`
  },
}

const growthMs = { quick: 2_000, full: 60_000 } as const
/** Kilobytes a minute. */
const mostGrowth = 65_536

const growth: Check = {
  id: 'leak/growth',
  claim: 'Under a steady load the memory grows by less than 64 MB a minute (2 s are watched, with --full a minute).',
  per: 'gateway',
  needs: 'pid',
  async run(lab) {
    const pid = pidOf(lab)
    await load(lab, 300)
    const values: number[] = []
    const end = performance.now() + growthMs[lab.effort]
    const begun = performance.now()
    while (performance.now() < end || values.length < 5) {
      await load(lab, 20)
      values.push(await memoryOf(pid))
    }
    const minutes = (performance.now() - begun) / 60_000
    const perMinute = (slopeOf(values) * values.length) / minutes
    const requests = values.length * 20
    // few requests in a short time prove nothing by a step of the allocator
    const grown = (values.at(-1) ?? 0) - (values[0] ?? 0)
    const isWell = perMinute < mostGrowth || grown < 16_384
    expect(isWell, `${Math.round(perMinute)} kB a minute, at ${Math.round(requests / minutes)} requests a minute`)
    return `${Math.round(perMinute)} kB a minute, at ${Math.round(requests / minutes)} requests a minute`
  },
}

export const leaks: Section = {
  name: 'leak',
  title: 'Leaks, memory that comes back, and growth',
  checks: [connections, descriptors, memory, recovered, growth],
}
