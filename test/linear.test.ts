/** Law 8 for replies: no list is searched for each event of a reply, and a reply that is too large fails at once. */
import { describe, expect, test } from 'bun:test'
import { ChatError } from '../src/chat/error.ts'
import type { ChatEvent } from '../src/chat/event.ts'
import { MessageDecoder } from '../src/dialects/anthropic-messages/decode-stream.ts'
import { MessageStream } from '../src/dialects/anthropic-messages/encode-stream.ts'
import { ReplyDecoder } from '../src/dialects/openai-chat/decode-reply.ts'
import { StreamEncoder } from '../src/dialects/openai-chat/encode-stream.ts'
import { ResponseStream } from '../src/dialects/openai-responses/encode-stream.ts'
import { ToolNames } from '../src/dialects/openai-responses/tool-names.ts'
import { Round } from '../src/gateway/tool-loop/round.ts'
import { CohereDecoder } from '../src/providers/cohere/events.ts'
import { UiMessageDecoder } from '../src/providers/smithery/events.ts'
import { parseUpstreamJson } from '../src/wire/json.ts'
import { machine } from '../src/wire/machine.double.ts'
import { maxCalls } from '../src/wire/reply-limits.ts'
import { countVisits } from './linear.ts'

const range = (count: number) => Array.from({ length: count }).keys().toArray()
const chunk = (delta: object) => ({ choices: [{ index: 0, delta, finish_reason: null }] })
const stop = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const callAt = (index: number) => ({
  tool_calls: [{ index, id: `c${index}`, type: 'function', function: { name: 'f', arguments: '{"a":' } }],
})
const restAt = (index: number) => ({ tool_calls: [{ index, function: { arguments: '1}' } }] })
const newDecoder = () => new ReplyDecoder({ choices: 1, newId: () => crypto.randomUUID() })

function readCalls(count: number, decoder = newDecoder()): readonly ChatEvent[] {
  const deltas = [...range(count).map(callAt), ...range(count).map(restAt)]
  return [
    ...deltas.flatMap((delta) => decoder.chunk(chunk(delta))),
    ...decoder.chunk(stop),
    ...decoder.end('terminated'),
  ]
}

const anthropicCall = (index: number) => {
  return {
    type: 'content_block_start',
    index,
    content_block: { type: 'tool_use', id: `t${index}`, name: 'f', input: {} },
  }
}
const cohereFrame = (value: object) => ({ data: JSON.stringify(value) })
const cohereCall = (index: number) => {
  const call = { id: `c${index}`, function: { name: 'f', arguments: '{}' } }
  return cohereFrame({ type: 'tool-call-start', index, delta: { message: { tool_calls: call } } })
}
const smitheryCall = (index: number) => ({
  data: JSON.stringify({ type: 'tool-input-available', toolCallId: `c${index}`, toolName: 'f', input: {} }),
})

/** The work on a reply with this number of calls or members. */
const works: Readonly<Record<string, (count: number) => void>> = {
  'calls are read': (count) => void readCalls(count),
  'calls without an index are read': (count) => {
    const decoder = newDecoder()
    for (const index of range(count)) {
      const [{ index: _, ...call } = { index: 0 }] = callAt(index).tool_calls
      decoder.chunk(chunk({ tool_calls: [call] }))
    }
  },
  'empty members are skipped': (count) => {
    const members = Object.fromEntries(range(count).map((index) => [`member_${index}`, '']))
    newDecoder().chunk(chunk(members))
  },
  'calls are written': (count) => {
    const encoder = new StreamEncoder({ id: 'a', model: 'm', created: 1, includeUsage: false })
    for (const { native: _, ...event } of readCalls(count)) encoder.event(event)
  },
  "calls are written in Anthropic's form": (count) => {
    const stream = new MessageStream({ id: 'a', model: 'm', inputTokens: 1 })
    for (const event of readCalls(count)) stream.event(event)
  },
  'calls are written in the form of responses': (count) => {
    const names = new ToolNames()
    const keep = () => undefined
    const stream = new ResponseStream({ id: 'resp_a', created: 1, body: {}, names, now: () => 1, keep })
    for (const event of readCalls(count)) stream.event(event)
  },
  'calls are kept for the next round': (count) => {
    const round = new Round({ isClients: () => true, ids: new Set(), runtime: machine, maxCalls })
    for (const event of readCalls(count)) {
      round.add(event)
      expect(round.callsToRun).toBe(0)
      if (event.type === 'finish') break
    }
  },
  "Cohere's calls are read": (count) => {
    const decoder = new CohereDecoder()
    for (const index of range(count)) decoder.frame(cohereCall(index))
  },
  "Anthropic's calls are read": (count) => {
    const reader = new MessageDecoder()
    for (const index of range(count)) reader.event(anthropicCall(index))
  },
  "smithery's calls are read": (count) => {
    const decoder = new UiMessageDecoder()
    for (const index of range(count)) decoder.frame(smitheryCall(index))
    decoder.end('terminated')
  },
}

describe('twice the input is twice the work', () => {
  for (const [name, work] of Object.entries(works))
    test(name, () => {
      // the first run is not measured, because it makes values that are kept
      work(10)
      const [some, many] = [countVisits(() => work(250)), countVisits(() => work(500))]
      expect(many).toBeLessThan(2.5 * Math.max(some, 1))
    })
})

function failureOf(run: () => void): ChatError | undefined {
  try {
    run()
    return undefined
  } catch (thrown) {
    if (thrown instanceof ChatError) return thrown
    throw thrown
  }
}

describe('a reply with too many calls is refused, and not requested again', () => {
  const calls = range(20_000).map((index) => callAt(index).tool_calls[0])
  const refused: Readonly<Record<string, () => void>> = {
    'calls of a stream': () => void readCalls(maxCalls + 1),
    'calls of one chunk': () => void newDecoder().chunk(chunk({ tool_calls: calls })),
    'calls of a whole reply': () =>
      void newDecoder().whole({ choices: [{ index: 0, message: { tool_calls: calls }, finish_reason: 'stop' }] }),
    'calls of several answers': () => {
      const decoder = new ReplyDecoder({ choices: 2, newId: () => 'made' })
      for (const index of range(maxCalls + 1))
        decoder.chunk({ choices: [{ index: index % 2, delta: callAt(index), finish_reason: null }] })
    },
    choices: () => void newDecoder().whole({ choices: range(1_000_000).map(() => []) }),
    "Cohere's calls": () => {
      const decoder = new CohereDecoder()
      for (const index of range(maxCalls + 1)) decoder.frame(cohereCall(index))
    },
    "smithery's calls": () => {
      const decoder = new UiMessageDecoder()
      for (const index of range(maxCalls + 1)) decoder.frame(smitheryCall(index))
    },
    'a million values': () => void parseUpstreamJson(`{"choices":[${'[],'.repeat(1_000_000)}[]]}`),
    'brackets within brackets': () => void parseUpstreamJson(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  }
  for (const [name, run] of Object.entries(refused))
    test(name, () => {
      const failure = failureOf(run)
      expect(failure?.code).toBe('upstream_response_too_large')
      expect(failure?.meaning.retry).toBe('none')
      expect(failure?.message).toContain('more than the gateway reads')
    })

  test('the maximal number of calls is read', () => {
    const found = readCalls(maxCalls)
    expect(found.filter(({ type }) => type === 'tool-call').length).toBe(maxCalls)
  })

  test('only the first of many invalid choices is read', () => {
    let looked = 0
    const wrong = new Proxy(range(100), {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) looked++
        return Reflect.get(target, key, receiver)
      },
    })
    expect(failureOf(() => newDecoder().whole({ choices: wrong }))?.code).toBe('upstream_bad_response')
    expect(looked).toBe(1)
  })
})
