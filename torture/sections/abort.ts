import type { Conversation } from '../lab/conversation.ts'
import { expect } from '../lab/failure.ts'
import { hello, type Lab } from '../lab/lab.ts'
import { becomes, settles } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Script, UpstreamExchange } from '../upstream/exchange.ts'

/** Milliseconds in which a gateway must notice that its client has left, and close the upstream's connection. */
const abortMs = 1_000

/** Begins to answer, and then is silent until the connection closes. */
const silentAfter =
  (begin: (exchange: UpstreamExchange) => Promise<void>): Script =>
  async (exchange) => {
    await begin(exchange)
    await exchange.closed
  }

const halfOf: Script = async (exchange) => {
  await exchange.beginStream()
  const frames = exchange.frames(hello)
  for (const frame of frames.slice(0, Math.ceil(frames.length / 2))) await exchange.send(frame)
}

async function leaves(lab: Lab, conversation: Conversation): Promise<string> {
  const exchange = await lab.asked(conversation)
  const left = performance.now()
  conversation.connection.leave()
  const isClosed = await settles(exchange.closed, abortMs)
  expect(isClosed, `the upstream's connection is still open ${abortMs} ms after the client left`, conversation)
  return `closed after ${Math.round(performance.now() - left)} ms`
}

const beforeHead: Check = {
  id: 'abort/before-head',
  claim: 'A client that leaves before the upstream answers ends the request there.',
  per: 'lane',
  run: (lab) => leaves(lab, lab.begin({ script: silentAfter(async () => undefined) })),
}

const whole: Check = {
  id: 'abort/not-streamed',
  claim: 'A client that leaves while it waits for an answer that is not streamed ends the request at the upstream.',
  per: 'lane',
  run: (lab) => leaves(lab, lab.begin({ script: silentAfter(async () => undefined), isStream: false })),
}

const beforeFirst: Check = {
  id: 'abort/before-first-event',
  claim: 'A client that leaves after the head, but before the first event, ends the request at the upstream.',
  per: 'lane',
  run: (lab) => leaves(lab, lab.begin({ script: silentAfter((exchange) => exchange.beginStream()) })),
}

const midStream: Check = {
  id: 'abort/mid-stream',
  claim: 'A client that leaves in the middle of an answer ends the request at the upstream.',
  per: 'lane',
  async run(lab) {
    const conversation = lab.begin({ script: silentAfter(halfOf) })
    const isShown = await becomes(() => conversation.readText !== '', 5_000)
    expect(isShown, 'the beginning of the answer is not shown', conversation)
    return await leaves(lab, conversation)
  },
}

const others: Check = {
  id: 'abort/others-go-on',
  claim: 'When one client leaves, the answers of the others go on.',
  per: 'surface',
  async run(lab) {
    const opened = Promise.withResolvers<void>()
    const script: Script = async (exchange) => {
      await halfOf(exchange)
      await opened.promise
      const frames = exchange.frames(hello)
      for (const frame of frames.slice(Math.ceil(frames.length / 2))) await exchange.send(frame)
      await exchange.endStream()
    }
    const all = Array.from({ length: 10 }, () => lab.begin({ script }))
    await Promise.all(all.map((one) => lab.asked(one)))
    for (const one of all.slice(0, 5)) await leaves(lab, one)
    opened.resolve()
    for (const one of all.slice(5)) {
      const { reading } = await lab.finish(one)
      expect(reading.isEnded && reading.end === 'stop', 'an answer of another client did not end', one)
    }
    return undefined
  },
}

export const abort: Section = {
  name: 'abort',
  title: 'Clients that leave',
  checks: [beforeHead, beforeFirst, midStream, whole, others],
}
