import type { Random } from './random.ts'
import { anyText, type JsonObject, ownMembers } from './words.ts'

/** The part of one chunk that belongs to one choice. */
export interface ChoiceStep {
  readonly delta: JsonObject
  /** Members of the choice other than `index`, `delta` and `finish_reason`. */
  readonly beside: JsonObject
  readonly finish?: string
}

/** Generates one answer as a service with OpenAI's dialect streams it: a role, the content, an end. */
export function choiceSteps(random: Random, choice: number): ChoiceStep[] {
  const thinking = random.pick(['reasoning_content', 'reasoning'])
  const calls = random.chance(0.3) ? callDeltas(random, choice) : []
  // an answer without content would count as a failure
  const said = [...random.list(0, 3, () => contentDeltas(random, thinking)).flat(), { content: anyText(random) }]
  // many services repeat the role in each delta
  const role = random.chance(0.3) ? { role: 'assistant' } : {}
  return [
    step({ role: 'assistant', ...openingDelta(random, calls.length > 0) }),
    ...said.map(({ logprobs, ...delta }) =>
      step(
        { ...role, ...delta, ...rareMembers(random) },
        { ...(logprobs !== undefined && { logprobs }), ...rareMembers(random) },
      ),
    ),
    ...calls.map((delta) => step({ ...role, ...delta }, random.chance(0.3) ? { logprobs: null } : {})),
    {
      ...step(lastDelta(random, calls.length > 0), rareMembers(random)),
      finish: finishReason(random, calls.length > 0),
    },
  ]
}

/** Some services send the end in the chunk with the last text. */
function lastDelta(random: Random, hasCalls: boolean): JsonObject {
  if (!hasCalls && random.chance(0.3)) return { content: anyText(random) }
  return random.chance(0.7) ? {} : { content: '' }
}

function step(delta: JsonObject, beside: JsonObject = {}): ChoiceStep {
  return { delta, beside }
}

function rareMembers(random: Random): JsonObject {
  return random.chance(0.1) ? ownMembers(random) : {}
}

function openingDelta(random: Random, hasCalls: boolean): JsonObject {
  return random.pick<JsonObject>([
    { content: hasCalls ? null : '' },
    { content: '', refusal: null },
    { content: anyText(random) },
    {},
  ])
}

function finishReason(random: Random, hasCalls: boolean): string {
  return hasCalls ? random.pick(['tool_calls', 'length']) : random.pick(['stop', 'stop', 'length', 'content_filter'])
}

function contentDeltas(random: Random, thinking: string): JsonObject[] {
  const text = () => anyText(random)
  switch (random.below(9)) {
    case 0:
      return random.list(1, 3, () => ({ content: '', [thinking]: text() }))
    case 1:
      return random.list(1, 3, (at) => ({
        content: null,
        reasoning: text(),
        reasoning_details: [{ type: 'reasoning.text', text: text(), index: at, format: null }],
      }))
    case 2:
      return [{ content: text(), logprobs: logprobs(random) }]
    case 3:
      return [{ refusal: text() }]
    case 4:
      return [{ content: '', annotations: [citation(random)] }]
    case 5:
      return [random.pick<JsonObject>([{ audio: { id: 'a', data: 'AA==' } }, { images: [{ url: text() }] }, {}])]
    default:
      return random.list(1, 4, () => ({ content: text() }))
  }
}

function logprobs(random: Random): JsonObject {
  const token = anyText(random, 2)
  return {
    content: [{ token, logprob: -0.5, bytes: [...Buffer.from(token)], top_logprobs: [{ token, logprob: -0.5 }] }],
    refusal: null,
  }
}

function citation(random: Random): JsonObject {
  return {
    type: 'url_citation',
    url_citation: { url: 'https://example.test/a', title: anyText(random), start_index: 0, end_index: 3 },
  }
}

/** Streams tool calls: all of them open first, then their arguments come in pieces, in turns. */
function callDeltas(random: Random, choice: number): JsonObject[] {
  const calls = random.list(1, 3, (index) => piecesOfCall(random, { index, id: `call_${choice}_${index}` }))
  const deltas: JsonObject[] = calls.map(([first]) => ({ tool_calls: first ? [first] : [] }))
  const rest = calls.map((pieces) => pieces.slice(1))
  while (rest.some((pieces) => pieces.length > 0)) {
    const turn = rest.filter((pieces) => pieces.length > 0 && random.chance(0.7))
    const pieces = turn.flatMap((each) => each.splice(0, 1))
    if (pieces.length > 0) deltas.push({ tool_calls: pieces })
  }
  return deltas
}

function piecesOfCall(random: Random, { index, id }: { readonly index: number; readonly id: string }): JsonObject[] {
  const characters = Array.from(JSON.stringify({ [anyText(random, 2)]: anyText(random) }))
  const cuts = [...random.list(0, 4, () => random.below(characters.length)), characters.length].sort((a, b) => a - b)
  const pieces = cuts.map((end, at) => characters.slice(cuts[at - 1] ?? 0, end).join(''))
  const isSigned = random.chance(0.2)
  const signature = { extra_content: { google: { thought_signature: 'c2ln' } } }
  return [
    {
      index,
      id,
      type: 'function',
      function: { name: `tool_${index}`, arguments: '' },
      ...(isSigned && signature),
    },
    ...pieces.map((piece) => ({ index, function: { arguments: piece }, ...rareMembers(random) })),
  ]
}
