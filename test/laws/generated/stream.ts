import { type ChoiceStep, choiceSteps } from './deltas.ts'
import type { Random } from './random.ts'
import { oddSpelling, plainSpelling, type Spelling, spacesWithBreaks } from './spelling.ts'
import { type Json, type JsonObject, ownMembers } from './words.ts'

/** The members of a chunk that the gateway replaces. */
export interface Head {
  readonly id: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
}

/** An answer that an upstream streams in OpenAI's dialect, and the answer that the client must get. */
export interface GeneratedStream {
  readonly choices: number
  /** Whether the client asks for usage. */
  readonly wantsUsage: boolean
  /** Whether the upstream sends usage. Otherwise the gateway adds an event with an estimate. */
  readonly hasUsage: boolean
  /** Returns the data of each event that the upstream sends with this head, without `[DONE]`. */
  sent(head: Head): string[]
  /** Returns the data of each event that the client must get with this head. */
  leaving(head: Head): string[]
}

interface Chunk {
  /** The chunk from the upstream, with marks in place of the head's values. */
  readonly sent: string
  /** The chunk to the client, with the same marks; undefined if the client did not ask for it. */
  readonly leaving: string | undefined
  /** When it leaves: an end is held until the stream is over (law 1), and usage follows it. */
  readonly leaves: 'at once' | 'as an end' | 'as usage'
}

/** How the chunks of one stream are written. */
interface Style {
  readonly random: Random
  readonly spelling: Spelling
  readonly wantsUsage: boolean
  /** Whether each chunk has `"usage":null`, as OpenAI's chunks have if usage was asked for. */
  readonly hasNullUsage: boolean
  /** The members before the choices, as text. */
  readonly before: () => readonly string[]
  readonly after: () => readonly string[]
}

/** Generates a stream. The same random choices make the same stream. */
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
    sent: (head) => chunks.map(({ sent }, at) => withHead(sent, isVaried && at > 0 ? variedHead(head, at) : head)),
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

/** Some services write another id and time into each chunk. The client gets those of the first chunk. */
function variedHead({ id, model, created }: Head, at: number): Head {
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
  // nearly all services write the same head in each chunk, before the choices
  const written = inOrder(head())
  const members = random.chance(0.8) ? () => written : () => inOrder(head())
  const before = random.chance(0.85) ? written.length : random.below(written.length)
  return {
    random,
    spelling,
    wantsUsage: random.chance(0.5),
    hasNullUsage: random.chance(0.5),
    before: () => members().slice(0, before),
    after: () => members().slice(before),
  }
}

function spellingOf(random: Random): Spelling {
  if (random.chance(0.5)) return plainSpelling
  return random.chance(0.3) ? oddSpelling(random, spacesWithBreaks) : oddSpelling(random)
}

/** Distributes the steps of all choices over chunks. */
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
  const { random, spelling, before, after, wantsUsage, hasNullUsage } = style
  const own = random.chance(0.2) ? ownMembers(random, 1, 'x_chunk') : {}
  const members = [
    ...before(),
    spelling.member('choices', steps.map(choiceOf(random))),
    ...after(),
    ...Object.entries({ ...more, ...own }).map(([name, value]) => spelling.member(name, value)),
  ]
  const withoutUsage = `{${members.join(',')}}`
  const withNull = `{${[...members, spelling.member('usage', usage ?? null)].join(',')}}`
  const isEnd = steps.some(([, { finish }]) => finish !== undefined)
  if (usage) return { sent: withNull, leaving: wantsUsage ? withNull : undefined, leaves: 'as usage' }
  const sent = hasNullUsage ? withNull : withoutUsage
  // a client that asks for usage gets the member in each chunk; only the last is not null (OpenAI, `stream_options.include_usage`)
  const leaving =
    hasNullUsage === wantsUsage ? sent : wantsUsage ? `${withoutUsage.slice(0, -1)},"usage":null}` : withoutUsage
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
