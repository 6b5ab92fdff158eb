import type { Random } from './random.ts'
import { oddSpelling, plainSpelling, type Spelling, spacesWithBreaks } from './spelling.ts'
import { anyText, type Json, type JsonObject, ownMembers } from './words.ts'

/** The members of a message that the gateway replaces. */
export interface MessageHead {
  readonly id: string
  readonly model: string
}

/** An answer that an upstream sends in Anthropic's dialect, in both of its forms. */
export interface GeneratedMessage {
  /** Returns the data of each event of the stream. */
  stream(head: MessageHead): string[]
  whole(head: MessageHead): string
}

interface Block {
  readonly whole: JsonObject
  readonly begun: JsonObject
  readonly deltas: readonly JsonObject[]
}

/** Generates an answer with members, events, deltas and blocks that no client knows yet. The same random choices make the same one. */
export function generateMessageAnswer(random: Random): GeneratedMessage {
  const spelling = spellingOf(random)
  const blocks = [...random.list(0, 4, (at) => blockOf(random, at)), textBlock(random)]
  const ending = endOf(random, blocks)
  const usage = { input_tokens: random.below(900), output_tokens: random.below(900) + 1, ...ownMembers(random) }
  const between = (): JsonObject[] =>
    random.chance(0.1) ? [random.pick<JsonObject>([{ type: 'ping' }, unknownEvent(random)])] : []
  const middle = blocks.flatMap(({ begun, deltas }, index) => [
    ...between(),
    { type: 'content_block_start', index, content_block: begun },
    ...deltas.flatMap((delta) => [...between(), { type: 'content_block_delta', index, delta }]),
    { type: 'content_block_stop', index, ...rare(random) },
  ])
  const last = [
    { type: 'message_delta', delta: ending, usage, ...rare(random) },
    { type: 'message_stop', ...rare(random) },
  ]
  const begun = headed(random, spelling, {
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
    ...rare(random),
  })
  const start = `{${[spelling.member('type', 'message_start'), spelling.writtenMember('message', begun)].join(',')}}`
  const events = [start, ...[...middle, ...last].map((event) => spelling.value(event))]
  const whole = headed(random, spelling, {
    content: blocks.map((block) => block.whole),
    ...ending,
    usage,
    ...rare(random),
  })
  return {
    stream: (head) => events.map((event) => withHead(event, head)),
    whole: (head) => withHead(whole, head),
  }
}

const marks = { id: '<<id>>', model: '<<model>>' } as const

function withHead(text: string, { id, model }: MessageHead): string {
  return text.replace(marks.id, () => JSON.stringify(id)).replace(marks.model, () => JSON.stringify(model))
}

/** A message with marks in place of its head, which stands before its content in any order. */
function headed(random: Random, spelling: Spelling, { content = [], ...others }: JsonObject): string {
  const head = [
    spelling.writtenMember('id', marks.id),
    spelling.writtenMember('model', marks.model),
    spelling.member('type', 'message'),
    spelling.member('role', 'assistant'),
  ]
  const after = Object.entries(others).map(([name, value]) => spelling.member(name, value))
  return `{${[...random.shuffled(head), spelling.member('content', content), ...after].join(',')}}`
}

function spellingOf(random: Random): Spelling {
  if (random.chance(0.5)) return plainSpelling
  return random.chance(0.3) ? oddSpelling(random, spacesWithBreaks) : oddSpelling(random)
}

function rare(random: Random): JsonObject {
  return random.chance(0.1) ? ownMembers(random) : {}
}

function unknownEvent(random: Random): JsonObject {
  return { type: random.pick(['x_event', 'an_event_to_come']), ...ownMembers(random) }
}

function blockOf(random: Random, at: number): Block {
  switch (random.below(6)) {
    case 0:
      return thinkingBlock(random)
    case 1:
      return atOnce({ type: 'redacted_thinking', data: anyText(random) })
    case 2:
      return callBlock(random, { type: 'tool_use', id: `toolu_${at}`, name: `tool_${at}`, ...rare(random) })
    case 3:
      return callBlock(random, { type: 'server_tool_use', id: `srvtoolu_${at}`, name: 'web_search', ...rare(random) })
    case 4:
      return atOnce(
        random.pick<JsonObject>([
          { type: 'web_search_tool_result', tool_use_id: `srvtoolu_${at}`, content: [ownMembers(random)] },
          { type: 'a_block_to_come', ...ownMembers(random) },
        ]),
      )
    default:
      return textBlock(random)
  }
}

function atOnce(block: JsonObject): Block {
  return { whole: block, begun: block, deltas: [] }
}

function textBlock(random: Random): Block {
  const texts = random.list(1, 5, () => anyText(random))
  const citations = random.list(0, 1, () => ({ type: 'char_location', cited_text: anyText(random), ...rare(random) }))
  const text = { type: 'text', text: '', ...rare(random) }
  return {
    whole: { ...text, text: texts.join(''), citations: citations.length > 0 ? citations : null },
    begun: text,
    deltas: [
      ...texts.map((each) => ({ type: 'text_delta', text: each, ...rare(random) })),
      ...citations.map((citation) => ({ type: 'citations_delta', citation })),
      ...unknownDelta(random),
    ],
  }
}

function thinkingBlock(random: Random): Block {
  const thoughts = random.list(0, 4, () => anyText(random))
  const signature = random.chance(0.8) ? `c2lnbmF0dXJl${anyText(random)}` : ''
  const signed = signature === '' ? [] : [{ type: 'signature_delta', signature }]
  const deltas = thoughts.map((thinking) => ({ type: 'thinking_delta', thinking, ...rare(random) }))
  return {
    whole: { type: 'thinking', thinking: thoughts.join(''), signature },
    begun: { type: 'thinking', thinking: '', signature: '' },
    deltas: [...deltas, ...unknownDelta(random), ...signed],
  }
}

function unknownDelta(random: Random): JsonObject[] {
  return random.chance(0.1) ? [{ type: 'a_delta_to_come', ...ownMembers(random) }] : []
}

function callBlock(random: Random, call: JsonObject): Block {
  const input: JsonObject = random.chance(0.8) ? { [anyText(random, 2)]: anyText(random) } : {}
  const characters = Array.from(Object.keys(input).length > 0 ? JSON.stringify(input) : '')
  const cuts = [0, ...random.list(0, 4, () => random.below(characters.length + 1)), characters.length].sort(
    (a, b) => a - b,
  )
  const pieces = cuts.slice(1).map((end, at) => characters.slice(cuts[at], end).join(''))
  return {
    whole: { ...call, input },
    begun: { ...call, input: {} },
    deltas: pieces.map((partial_json) => ({ type: 'input_json_delta', partial_json, ...rare(random) })),
  }
}

function endOf(random: Random, blocks: readonly Block[]): JsonObject {
  const hasCalls = blocks.some(({ whole }) => whole.type === 'tool_use')
  const sequence = !hasCalls && random.chance(0.2) ? anyText(random) : null
  const reasons: readonly [Json, ...Json[]] = hasCalls
    ? ['tool_use', 'max_tokens', 'refusal']
    : ['end_turn', 'max_tokens', 'pause_turn', 'refusal', 'a_reason_to_come']
  const stop_reason = sequence === null ? random.pick(reasons) : 'stop_sequence'
  return { stop_reason, stop_sequence: sequence, ...rare(random) }
}
