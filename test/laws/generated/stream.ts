import { type ChoiceStep, choiceSteps } from './deltas.ts'
import type { Random } from './random.ts'
import { oddSpelling, plainSpelling, type Spelling, spacesWithBreaks } from './spelling.ts'
import { type Json, type JsonObject, ownMembers } from './words.ts'

/** What of a chunk the gateway puts its own in place of. */
export interface Head {
  readonly id: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
}

/** An answer as an upstream of OpenAI's kind streams it, and what must leave of it. */
export interface GeneratedStream {
  readonly choices: number
  /** Whether its client asks for usage. */
  readonly wantsUsage: boolean
  /** Whether the upstream counts it; otherwise the gateway estimates it, in an event more. */
  readonly hasUsage: boolean
  /** The data of each event, with the upstream's own head; `[DONE]` apart. */
  sent(head: Head): string[]
  /** The data of each event that leaves, with our head. */
  leaving(head: Head): string[]
}

interface Chunk {
  /** With marks where the head's values stand. */
  readonly sent: string
  /** The same of what leaves; undefined where the client did not ask for it. */
  readonly leaving: string | undefined
  /** An end leaves once the stream is over (law 1), usage after it. */
  readonly leaves: 'at once' | 'as an end' | 'as usage'
}

/** How the chunks of one stream are written. */
interface Style {
  readonly random: Random
  readonly spelling: Spelling
  readonly wantsUsage: boolean
  /** Whether each chunk says `"usage":null`, as OpenAI's do where usage was asked for. */
  readonly saysNoUsage: boolean
  /** The members before the choices, and those after them, as text. */
  readonly before: () => readonly string[]
  readonly after: () => readonly string[]
}

/** The same chance makes the same stream. */
export function generateStream(random: Random): GeneratedStream {
  const choices = random.pick([1, 1, 1, 2, 3])
  const style = newStyle(random)
  const hasUsage = random.chance(0.7)
  const isVaried = random.chance(0.2)
  const chunks = [
    ...(random.chance(0.1) ? [chunkOf(style, [], { more: { prompt_filter_results: [] } })] : []),
    ...stepsInTurns(random, choices).map((steps) => chunkOf(style, steps)),
    ...(hasUsage ? [usageChunk(style)] : []),
  ]
  const leaving = (['at once', 'as an end', 'as usage'] as const).flatMap((when) =>
    chunks.flatMap((chunk) => (chunk.leaves === when && chunk.leaving !== undefined ? [chunk.leaving] : [])),
  )
  return {
    choices,
    wantsUsage: style.wantsUsage,
    hasUsage,
    sent: (head) => chunks.map(({ sent }, at) => withHead(sent, isVaried && at > 0 ? varied(head, at) : head)),
    // a line break would end the event
    leaving: (head) => leaving.map((chunk) => withHead(chunk, head).replaceAll('\n', ' ')),
  }
}

const marks = { id: '<<id>>', model: '<<model>>', created: '<<created>>' } as const

function withHead(text: string, { id, model, created }: Head): string {
  return text
    .replace(marks.id, () => JSON.stringify(id))
    .replace(marks.model, () => JSON.stringify(model))
    .replace(marks.created, () => String(created))
}

/** Some services write another id and time into each chunk; one answer leaves with those of the first. */
function varied({ id, model, created }: Head, at: number): Head {
  return { id: `${id}-${at}`, model, created: created + at }
}

function newStyle(random: Random): Style {
  const spelling = spellingOf(random)
  const own = ownMembers(random, 2, 'x_head')
  const head = () => [
    spelling.writtenMember('id', marks.id),
    spelling.member('object', 'chat.completion.chunk'),
    spelling.writtenMember('created', marks.created),
    spelling.writtenMember('model', marks.model),
    ...Object.entries(own).map(([name, value]) => spelling.member(name, value)),
  ]
  const order = random.chance(0.3) ? random.shuffled(head().map((_, at) => at)) : head().map((_, at) => at)
  const inOrder = (members: readonly string[]) => order.map((at) => members[at] ?? '')
  // nearly all services write the same head in each chunk, and nearly all before the choices
  const written = inOrder(head())
  const members = random.chance(0.8) ? () => written : () => inOrder(head())
  const before = random.chance(0.85) ? written.length : random.below(written.length)
  return {
    random,
    spelling,
    wantsUsage: random.chance(0.5),
    saysNoUsage: random.chance(0.5),
    before: () => members().slice(0, before),
    after: () => members().slice(before),
  }
}

function spellingOf(random: Random): Spelling {
  if (random.chance(0.5)) return plainSpelling
  return random.chance(0.3) ? oddSpelling(random, spacesWithBreaks) : oddSpelling(random)
}

/** Which steps of which answers come in one chunk. */
function stepsInTurns(random: Random, choices: number): (readonly [number, ChoiceStep])[][] {
  const left = Array.from({ length: choices }, (_, choice) => choiceSteps(random, choice))
  const turns: (readonly [number, ChoiceStep])[][] = []
  const take = (choice: number) => (left[choice]?.splice(0, 1) ?? []).map((step) => [choice, step] as const)
  while (left.some((steps) => steps.length > 0)) {
    const open = left.flatMap((steps, choice) => (steps.length > 1 ? [choice] : []))
    if (open.length > 1 && random.chance(0.2)) turns.push(open.flatMap(take))
    else turns.push(take(random.below(choices)))
  }
  return turns.filter((steps) => steps.length > 0)
}

interface More {
  readonly more?: JsonObject
  readonly usage?: JsonObject
}

function chunkOf(
  style: Style,
  steps: readonly (readonly [number, ChoiceStep])[],
  { more = {}, usage }: More = {},
): Chunk {
  const { random, spelling, before, after, wantsUsage, saysNoUsage } = style
  const own = random.chance(0.2) ? ownMembers(random, 1, 'x_chunk') : {}
  const members = [
    ...before(),
    spelling.member('choices', steps.map(choiceOf(random))),
    ...after(),
    ...Object.entries({ ...more, ...own }).map(([name, value]) => spelling.member(name, value)),
  ]
  const silent = `{${members.join(',')}}`
  const said = `{${[...members, spelling.member('usage', usage ?? null)].join(',')}}`
  const isEnd = steps.some(([, { finish }]) => finish !== undefined)
  if (usage) return { sent: said, leaving: wantsUsage ? said : undefined, leaves: 'as usage' }
  const sent = saysNoUsage ? said : silent
  // who asks for usage gets it with each chunk, null but in the last (OpenAI, `stream_options.include_usage`)
  const leaving = saysNoUsage === wantsUsage ? sent : wantsUsage ? `${silent.slice(0, -1)},"usage":null}` : silent
  return { sent, leaving, leaves: isEnd ? 'as an end' : 'at once' }
}

function choiceOf(random: Random) {
  return ([index, { delta, beside, finish }]: readonly [number, ChoiceStep]): JsonObject => {
    const members: [string, Json][] = [['index', index], ['delta', delta], ...Object.entries(beside)]
    if (finish !== undefined || random.chance(0.7)) members.push(['finish_reason', finish ?? null])
    return Object.fromEntries(random.chance(0.7) ? members : random.shuffled(members))
  }
}

function usageChunk(style: Style): Chunk {
  const { random } = style
  const [prompt, completion] = [random.below(1000), random.below(1000)]
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(random.chance(0.5) && { prompt_tokens_details: { cached_tokens: random.below(prompt + 1), x_own: 1 } }),
    ...(random.chance(0.3) && { x_cost: 0.25 }),
  }
  return chunkOf(style, [], { usage })
}
