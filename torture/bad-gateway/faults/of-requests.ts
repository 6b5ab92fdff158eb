import type { Json } from '../../talk/talk.ts'
import { changingTurns, isResult, replacingAsked, without } from '../changes.ts'
import type { Fault } from '../fault.ts'

/** Changes each result of a tool, in whatever place it stands. */
const changingResults = (change: (result: Json) => Json) =>
  changingTurns((turns) =>
    turns.map((turn: Json) => {
      if (isResult(turn)) return change(turn)
      if (!Array.isArray(turn.content)) return turn
      return { ...turn, content: turn.content.map((block: Json) => (isResult(block) ? change(block) : block)) }
    }),
  )

/** Exchanges the ids of two calls. */
const exchanged = (id: string): string => ({ call_a: 'call_b', call_b: 'call_a' })[id] ?? id

const textOnly = (content: Json): Json =>
  Array.isArray(content) ? content.filter((part: Json) => /text/.test(part.type)) : content

/** Faults on the way from the client to the upstream. */
export const requestFaults: readonly Fault[] = [
  {
    name: 'it exchanges the results of calls',
    turns: ['tool/round-trip'],
    request: changingResults((result) => {
      const name = ['tool_call_id', 'tool_use_id', 'call_id'].find((one) => one in result) ?? ''
      return { ...result, [name]: exchanged(result[name]) }
    }),
  },
  {
    name: 'it drops the system prompt',
    turns: ['translate/turns'],
    request: (body, surface) =>
      surface === 'chat'
        ? { ...body, messages: body.messages.filter(({ role }: Json) => role !== 'system') }
        : without('system', 'instructions')(body, surface),
  },
  {
    name: 'it changes the order of turns',
    turns: ['translate/turns'],
    request: changingTurns((turns) => turns.toReversed()),
  },
  {
    name: 'it makes up an empty message',
    turns: ['translate/no-empty-message'],
    request: changingTurns((turns) => [...turns.slice(0, -1), { role: 'assistant', content: '' }, ...turns.slice(-1)]),
  },
  {
    name: 'it drops what it does not know of a schema',
    turns: ['translate/tool-schema'],
    request: replacingAsked(/"additionalProperties":false/, '"additionalProperties":true'),
  },
  {
    name: 'it drops tool_choice',
    turns: ['translate/tool-choice', 'translate/one-call-at-a-time'],
    request: without('tool_choice', 'parallel_tool_calls'),
  },
  { name: 'it drops temperature', turns: ['translate/parameters'], request: without('temperature') },
  {
    name: 'it makes up a temperature',
    turns: ['translate/nothing-invented'],
    request: (body) => ({ ...body, temperature: 1 }),
  },
  {
    name: 'it marks caches unasked',
    turns: ['translate/nothing-invented'],
    request: (body) => ({ ...body, cache_control: { type: 'ephemeral' } }),
  },
  {
    name: 'it drops pictures',
    turns: ['translate/picture'],
    request: changingTurns((turns) => turns.map((turn: Json) => ({ ...turn, content: textOnly(turn.content) }))),
  },
  {
    name: 'it drops pictures of results',
    turns: ['translate/picture-of-result'],
    surfaces: ['messages', 'responses'],
    request: changingResults((result) => ({
      ...result,
      content: textOnly(result.content),
      output: textOnly(result.output),
    })),
  },
  {
    name: 'it does not say that a tool failed',
    turns: ['translate/failed-result'],
    surfaces: ['messages'],
    request: changingResults(({ is_error: _, ...result }) => result),
  },
  {
    name: 'it makes one id of two',
    turns: ['translate/distinct-ids'],
    request: replacingAsked(/"call-1"/g, '"call_1"'),
  },
  {
    name: 'it cuts long names of tools',
    turns: ['translate/long-name'],
    request: replacingAsked(/"name":"[^"]{64,}"/g, (found) => `${found.slice(0, 60)}"`),
  },
  {
    name: 'it drops earlier thinking',
    turns: ['translate/earlier-thinking'],
    surfaces: ['messages'],
    request: changingTurns((turns) =>
      turns.map((turn: Json) => ({
        ...turn,
        content: Array.isArray(turn.content)
          ? turn.content.filter(({ type }: Json) => type !== 'thinking')
          : turn.content,
      })),
    ),
  },
]
