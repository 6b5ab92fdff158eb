import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator/index.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { SmitheryBody } from '../../src/providers/smithery/emulator/body.ts'
import { emulateSmithery } from '../../src/providers/smithery/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { type HttpToolServer, startHttpServer } from '../tools/servers.ts'
import { askChatServer, messageOf, type Told, typesOf } from './chat-server-client.ts'
import {
  type Called,
  calling,
  cohereCalling,
  cohereSaying,
  saying,
  smitheryCalling,
  smitherySaying,
} from './chat-server-model.ts'
import { mcpServers, startChatServer, stdio } from './chat-server-rig.ts'

// Three rounds of two concurrent tools. One MCP server is a process, the other is reached over HTTP.

const rounds = 3

interface Asked {
  readonly [field: string]: unknown
}

/** Counts the model's answers in a request. */
function roundOf({ messages }: Asked): number {
  return Array.isArray(messages) ? messages.filter(({ role }) => role === 'assistant').length + 1 : 1
}

/** Mistral requires ids of nine letters and digits, and all other services accept them. */
const callsOf = (round: number): Called[] => [
  [`echo0000${round}`, 'process__echo', `{"text":"round ${round}"}`],
  [`big00000${round}`, 'web__big', `{"bytes":${round}}`],
]

/** Smithery's messages have calls and results as parts, two in each round. */
function smitheryRound({ messages }: SmitheryBody): number {
  const calls = messages.flatMap(({ parts }) => parts.filter((part) => 'toolCallId' in part))
  return Math.floor(calls.length / 2) + 1
}

const openai = (chat: Asked): Script =>
  roundOf(chat) <= rounds ? calling(callsOf(roundOf(chat))) : saying('All is known.')
const cohere = (chat: Asked): Script =>
  roundOf(chat) <= rounds ? cohereCalling(callsOf(roundOf(chat))) : cohereSaying('All is known.')

const upstreams = {
  async 'openai-compatible'() {
    const emulator = await emulateOpenai({ reply: openai })
    return { emulator, model: 'lab/m', variables: { UPSTREAM_LAB_URL: emulator.url, UPSTREAM_LAB_MODELS: 'm' } }
  },
  async mistral() {
    const emulator = await emulateMistral({ reply: openai })
    const variables = { MISTRAL_TOKEN: 'rounds-mistral-token', MISTRAL_BASE_URL: emulator.origin }
    return { emulator, model: 'mistral/mistral-small-latest', variables }
  },
  async cohere() {
    const emulator = await emulateCohere({ reply: cohere })
    const variables = { COHERE_TOKEN: 'rounds-cohere-token', COHERE_BASE_URL: emulator.origin }
    return { emulator, model: 'cohere/command-test', variables }
  },
  async smithery() {
    const emulator = await emulateSmithery({
      reply: (chat) => {
        const round = smitheryRound(chat)
        return round <= rounds ? smitheryCalling(callsOf(round)) : smitherySaying('All is known.')
      },
    })
    return { emulator, model: 'smithery/gpt-5', variables: emulator.variables }
  },
}

let web: HttpToolServer
beforeAll(async () => {
  web = await startHttpServer('web', 'http')
})
afterAll(() => web[Symbol.asyncDispose]())

describe('three rounds of two tools each', () => {
  for (const [name, start] of Object.entries(upstreams))
    test(`at ${name}`, async () => {
      const { emulator, model, variables } = await start()
      try {
        const servers = mcpServers({ process: stdio('stdio'), web: { url: `${web.origin}/mcp` } })
        await using rig = startChatServer({ ...variables, ...servers })
        const asked = { session_id: name, content: 'Go on', model_config: { model_name: model } }
        const events = await askChatServer(rig.url, asked)
        for (let round = 1; round <= rounds; round++) expectRound(events, round)
        expect(typesOf(events).filter((type) => type === 'tool_result')).toHaveLength(2 * rounds)
        expect(typesOf(events).slice(-2)).toEqual(['complete', 'done'])
        expect(messageOf(events)).toMatchObject({ content: 'All is known.', status: 'completed' })
        expect(messageOf(events).tool_calls).toHaveLength(2 * rounds)
        // the next turn sends the whole session, and the upstream accepts it
        expect(typesOf(await askChatServer(rig.url, { ...asked, content: 'And again' })).at(-1)).toBe('done')
      } finally {
        await emulator.close()
      }
    })
})

/** Expects both calls, then both results in any order, and nothing of another round between them. */
function expectRound(events: readonly Told[], round: number): void {
  const ids = callsOf(round).map(([id]) => id)
  const mine = events.filter(({ data }) => ids.includes(String(data?.tool_call_id)))
  expect(typesOf(mine)).toEqual(['tool_call', 'tool_call', 'tool_result', 'tool_result'])
  expect(mine.slice(0, 2).map(({ data }) => data)).toEqual(
    callsOf(round).map(([tool_call_id, tool_name, json]) => ({ tool_call_id, tool_name, arguments: JSON.parse(json) })),
  )
  expect(new Set(mine.slice(2).map(({ data }) => data?.result))).toEqual(
    new Set([`you said round ${round}`, 'x'.repeat(round)]),
  )
  const first = events.indexOf(mine[0] ?? { type: '' })
  expect(events.slice(first, first + 4)).toEqual(mine)
}
