import { expect } from '../lab/failure.ts'
import { hello, type Lab } from '../lab/lab.ts'
import { settles, sleep } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Answer } from '../talk/talk.ts'
import type { Script, UpstreamExchange } from '../upstream/exchange.ts'

/** What is sent to a client that does not read, and how much of it may be on the way: the kernel's buffers, and some of the gateway's. */
const lookMs = 100
const sentBytes = 48 * 1024 * 1024
const mostOnTheWay = 24 * 1024 * 1024
const delta = 'x'.repeat(64 * 1024)
const big: Answer = { pieces: [{ text: delta }], end: 'stop' }

/** Streams one text again and again, as fast as it is taken. */
const flood: Script = async (exchange) => {
  await exchange.beginStream()
  const frames = exchange.frames({ ...big, pieces: [{ text: delta, deltas: 1 }] })
  const at = frames.findIndex((frame) => frame.length > delta.length)
  const repeated = frames[at] ?? ''
  for (const frame of frames.slice(0, at)) await exchange.send(frame)
  for (let sent = 0; sent < sentBytes && !exchange.isClosed; sent += repeated.length) await exchange.send(repeated)
  await exchange.endStream()
}

/** Begins a flood, reads nothing, and waits until no more of it is taken. */
async function stuck(lab: Lab): Promise<UpstreamExchange> {
  const conversation = lab.begin({ script: flood })
  conversation.connection.pause()
  const exchange = await lab.asked(conversation)
  let seen = -1
  for (let still = 0; still < 5 && !exchange.isEnded; ) {
    const begun = performance.now()
    await sleep(lookMs)
    // a look that comes late says nothing: this process was busy
    const isLate = performance.now() - begun > 2 * lookMs
    still = exchange.sentBytes === seen && !isLate ? still + 1 : 0
    seen = exchange.sentBytes
  }
  return exchange
}

const backPressure: Check = {
  id: 'slow/back-pressure',
  claim: 'A client that does not read slows the upstream down; the gateway does not collect the answer.',
  per: 'lane',
  together: true,
  async run(lab) {
    const exchange = await stuck(lab)
    const megabytes = (exchange.sentBytes / 1024 / 1024).toFixed(1)
    expect(exchange.sentBytes > delta.length, 'the upstream could not send anything')
    expect(exchange.sentBytes < mostOnTheWay, `${megabytes} MB were taken for a client that does not read`)
    lab.last?.connection.leave()
    expect(await settles(exchange.closed, 2_000), 'the upstream is still connected after the slow client left')
    return `${megabytes} MB on the way`
  },
}

const others: Check = {
  id: 'slow/others',
  claim: 'A client that does not read delays nobody else.',
  per: 'surface',
  async run(lab) {
    await stuck(lab)
    const slow = lab.last
    const other = lab.begin({ script: hello })
    expect(await settles(other.got, 3_000), 'another client has no answer after 3 s', other)
    slow?.connection.leave()
    return undefined
  },
}

export const slowReaders: Section = { name: 'slow', title: 'Clients that read slowly', checks: [backPressure, others] }
