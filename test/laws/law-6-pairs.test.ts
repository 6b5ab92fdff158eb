/**
 * Law 6 between every client's dialect and every upstream's: generated conversations and answers. What both dialects can say is
 * kept, there and back, and the receipt names what an answer has lost.
 */
import { afterAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { encryptedFor } from '../../src/providers/openai-compatible/emulator/responses-body.ts'
import { type ClientName, hasWholeReplies, pairs, startPairs, type UpstreamName } from '../pairs/rig.ts'
import { joined, type Piece, type Reply, type Talk, type ToolResult, type Turn, textOf } from '../pairs/talk.ts'
import { signatures } from '../pairs/upstreams.ts'
import { times } from '../sizes.ts'

const rig = await startPairs()
afterAll(() => rig.close())

const numRuns = times(6, 300)

// what is generated

const words = fc
  .array(fc.constantFrom('a', ' ', '\n', '"', '\\', 'é', '漢', '🐈‍⬛', '</tool>', '{"a":1}', 'data:', ' '), {
    maxLength: 8,
  })
  // services refuse a text without a visible character, and the words of a failed tool begin with `Error`
  .map((all) => `It ${all.join('')}`)
const text = words.map((one) => ({ text: one }))
const thought = fc.record({ thought: words, signature: fc.constantFrom(...signatures) }).map((one): Piece => one)
const input = fc.dictionary(fc.constantFrom('city', 'a b', 'ü'), fc.oneof(words, fc.integer(), fc.constant(null)), {
  noNullPrototype: true,
})
const names = ['weather', 'time', 'read_file']
const anyCall = fc.record({ name: fc.constantFrom(...names), input })
const idStyles = [
  (at: number) => `call_${at}`,
  (at: number) => `toolu_01EXAMPLE${at}`,
  (at: number) => `functions.weather:${at}`,
  // a service that counts anew in each turn
  () => 'call_0',
] as const
const picture = fc.constant({ picture: 'iVBORw0KGgo=' })
const pdf = fc.constant({ pdf: 'JVBERi0xLjQK' })
const said = fc.array(fc.oneof({ weight: 4, arbitrary: text }, picture, pdf), { minLength: 1, maxLength: 3 })

interface Round {
  readonly asked: readonly Piece[]
  readonly system: string | undefined
  readonly before: readonly Piece[]
  readonly calls: readonly { readonly name: string; readonly input: object }[]
  readonly after: readonly Piece[]
  readonly results: readonly { readonly pieces: readonly Piece[]; readonly failed: boolean }[]
}

const answerParts = fc.array(fc.oneof(text, thought), { maxLength: 3 })
const round: fc.Arbitrary<Round> = fc.record({
  asked: said,
  system: fc.option(words, { nil: undefined, freq: 4 }),
  before: answerParts,
  calls: fc.array(anyCall, { maxLength: 3 }),
  after: answerParts,
  results: fc.array(fc.record({ pieces: said, failed: fc.boolean() }), { minLength: 3, maxLength: 3 }),
})

const talks: fc.Arbitrary<Talk> = fc
  .record({
    system: fc.option(words, { nil: undefined }),
    rounds: fc.array(round, { minLength: 1, maxLength: 3 }),
    last: text,
    idOf: fc.constantFrom(...idStyles),
  })
  .map(({ system, rounds, last, idOf }) => ({
    tools: names,
    turns: [
      ...(system === undefined ? [] : [instructions(system)]),
      ...rounds.flatMap((one, at) =>
        turnsOf(one, (call) => (idOf === idStyles[3] ? `call_${call}` : idOf(at * 10 + call))),
      ),
      { by: 'user', pieces: [last] },
    ],
  }))

const instructions = (one: string): Turn => ({ by: 'system', pieces: [{ text: one }] })

function turnsOf(
  { asked, system, before, calls, after, results }: Round,
  idOf: (at: number) => string,
): readonly Turn[] {
  const called = calls.map((one, at) => ({ call: idOf(at), ...one }))
  const pieces = [...before, ...called, ...after]
  const given = called.map(({ call }, at): ToolResult => {
    const { pieces: shown = [], failed = false } = results[at] ?? {}
    return { call, pieces: shown, ...(failed && { failed }) }
  })
  return [
    ...(system === undefined ? [] : [instructions(system)]),
    { by: 'user', pieces: asked },
    ...(pieces.length > 0 ? [{ by: 'model' as const, pieces }] : []),
    ...(given.length > 0 ? [{ by: 'tools' as const, results: given }] : []),
  ]
}

// what must arrive

/** The upstreams whose dialects keep the order of parts. */
const ordered: ReadonlySet<UpstreamName> = new Set(['anthropic', 'responses'])

/** Whether both have the dialect of Anthropic, in which the generated signatures are. */
const isOwn = (client: ClientName, upstream: UpstreamName) => client === 'messages' && upstream === 'anthropic'

/** The pieces that a client and an upstream can both say. Without an order they stand by their kind, as in Chat Completions. */
function heardPieces(pieces: readonly Piece[], client: ClientName, upstream: UpstreamName): readonly Piece[] {
  const isSigned = isOwn(client, upstream)
  const calls = pieces.filter((piece) => 'call' in piece)
  const isThought = isSigned || upstream === 'chat' || (upstream === 'cohere' && calls.length > 0)
  const kept = pieces.flatMap((piece): readonly Piece[] => {
    if (!('thought' in piece) || isSigned) return [piece]
    return isThought ? [{ thought: piece.thought }] : []
  })
  return ordered.has(upstream) && client !== 'chat' ? kept : byKind(kept)
}

/**
 * The pieces of an answer that come back: with calls, also signed thoughts for which the client has no place. A client of Responses
 * keeps all of them, sealed.
 */
function returnedPieces(pieces: readonly Piece[], client: ClientName, upstream: UpstreamName): readonly Piece[] {
  const signed = pieces.filter((piece) => 'thought' in piece && piece.signature !== undefined)
  if (client === 'responses' && ordered.has(upstream)) return pieces
  const isKept = ordered.has(upstream) && !isOwn(client, upstream) && signed.length > 0
  if (!isKept || !pieces.some((piece) => 'call' in piece)) return heardPieces(pieces, client, upstream)
  const callsBefore = (piece: Piece) => pieces.slice(0, pieces.indexOf(piece)).filter((one) => 'call' in one).length
  const thoughtsAt = (place: number) => signed.filter((thought) => callsBefore(thought) === place)
  const others = heardPieces(pieces, client, upstream)
  const calls = others.filter((piece) => 'call' in piece)
  return [
    ...thoughtsAt(0),
    ...others.flatMap((piece) => [
      ...('call' in piece && piece !== calls[0] ? thoughtsAt(calls.indexOf(piece)) : []),
      piece,
    ]),
  ]
}

function byKind(pieces: readonly Piece[]): readonly Piece[] {
  const thought = pieces.map((piece) => ('thought' in piece ? piece.thought : '')).join('')
  const text = textOf(pieces)
  return [
    ...(thought === '' ? [] : [{ thought }]),
    ...(text === '' ? [] : [{ text }]),
    ...pieces.filter((piece) => !('thought' in piece) && !('text' in piece)),
  ]
}

/** Only Messages says that a tool failed. Pictures of results come after their text where they are shown in another message. */
function heardResult({ failed, ...result }: ToolResult, client: ClientName, upstream: UpstreamName): ToolResult {
  const isWhole = ordered.has(upstream) || (upstream === 'chat' && client === 'chat')
  const isText = result.pieces.every((piece) => 'text' in piece)
  // a result of texts is one text at OpenAI
  const isLines = upstream === 'responses' && client === 'messages' && isText
  const lines = [{ text: result.pieces.map((piece) => textOf([piece])).join('\n') }]
  const pieces = isLines ? lines : isWhole ? result.pieces : byKind(result.pieces)
  return { ...result, pieces, ...(failed && client === 'messages' && { failed }) }
}

function heard(talk: Talk, client: ClientName, upstream: UpstreamName): readonly Turn[] {
  return talk.turns.map((turn): Turn => {
    if (turn.by === 'tools')
      return { by: 'tools', results: turn.results.map((result) => heardResult(result, client, upstream)) }
    return turn.by === 'model' ? { by: 'model', pieces: heardPieces(turn.pieces, client, upstream) } : turn
  })
}

/** After an answer or a result, Mistral takes no instructions, so they are the user's words. */
function withoutLate(turns: readonly Turn[]): readonly Turn[] {
  const first = turns.findIndex(({ by }) => by !== 'system')
  return turns.map((turn, at) => (turn.by === 'system' && at > first ? { by: 'user', pieces: turn.pieces } : turn))
}

/** The text of a result that has only images, which are shown in another message. */
const isStandIn = (piece: Piece) =>
  'text' in piece && /^The (\d+ )?\w+ (is|are) in the next message of the user\.$/.test(piece.text)

/** Joins neighbours, and numbers the calls, because ids may change. */
function normal(turns: readonly Turn[]): readonly Turn[] {
  const normalised: Turn[] = []
  const latest = new Map<string, string>()
  let calls = 0
  for (const turn of turns) {
    const last = normalised.at(-1)
    if (turn.by === 'tools' && turn.results.length === 0) continue
    if (turn.by === 'tools') {
      const results = turn.results.map((one) => ({
        ...one,
        call: latest.get(one.call) ?? 'unknown',
        pieces: joined(one.pieces.filter((piece) => !isStandIn(piece))),
      }))
      if (last?.by !== 'tools') normalised.push({ by: 'tools', results })
      else normalised.splice(-1, 1, { by: 'tools', results: [...last.results, ...results] })
      continue
    }
    const pieces = turn.pieces.map((piece) => {
      if (!('call' in piece)) return piece
      const id = `call ${calls++}`
      latest.set(piece.call, id)
      return { ...piece, call: id }
    })
    // what Mistral wants between a result and the user
    if (pieces.length === 0 || (pieces[0] && 'text' in pieces[0] && pieces[0].text === 'OK.')) continue
    if (last && last.by === turn.by)
      normalised.splice(-1, 1, { by: last.by, pieces: joined([...last.pieces, ...pieces]) })
    else normalised.push({ by: turn.by, pieces: joined(pieces) })
  }
  return normalised
}

/** Leaves out what an upstream refuses. */
function withoutRefused(talk: Talk, upstream: UpstreamName): Talk {
  const takes = (piece: Piece) =>
    'pdf' in piece ? upstream === 'chat' || ordered.has(upstream) : !('picture' in piece) || upstream !== 'ai21'
  const kept = (pieces: readonly Piece[]) => {
    const left = pieces.filter(takes)
    return left.length > 0 ? left : [{ text: 'Nothing.' }]
  }
  const turns = talk.turns.map(
    (turn): Turn =>
      turn.by === 'tools'
        ? { by: 'tools', results: turn.results.map((one) => ({ ...one, pieces: kept(one.pieces) })) }
        : { by: turn.by, pieces: kept(turn.pieces) },
  )
  return { ...talk, turns }
}

const done: Reply = { pieces: [{ text: 'It is so.' }], end: 'stop' }

for (const [client, upstream] of pairs)
  test(`a conversation of ${client} reaches ${upstream} with all that both can say`, async () => {
    await fc.assert(
      fc.asyncProperty(talks, async (generated) => {
        const talk = withoutRefused(generated, upstream)
        const { talk: got, status, text: said } = await rig.ask(client, upstream, { talk, reply: done })
        if (!got || status !== 200) throw new Error(said)
        const known = upstream === 'mistral' ? withoutLate : (turns: readonly Turn[]) => turns
        expect(normal(known(got.turns))).toEqual(normal(known(heard(talk, client, upstream))))
        expect(got.tools).toEqual(names)
      }),
      { numRuns },
    )
  })

// answers, there and back

const replies: fc.Arbitrary<Reply> = fc
  .record({ before: answerParts, calls: fc.array(anyCall, { maxLength: 2 }), after: answerParts, last: text })
  .map(({ before, calls, after, last }) => {
    const called = calls.map((one, at) => ({ call: `call_${at}`, ...one }))
    // an answer of thinking alone is a failure
    const pieces = joined([...before, ...called, ...after, ...(called.length > 0 ? [] : [last])])
    return { pieces, end: called.length > 0 ? 'calls' : 'stop' }
  })

/** The answer of a service, which may have an order and signatures of its own. */
function sayable({ pieces, end }: Reply, upstream: UpstreamName, isWhole: boolean): Reply {
  const signed = pieces.map((piece, at) => {
    if (!('thought' in piece) || upstream === 'anthropic') return piece
    return upstream === 'responses' ? { ...piece, signature: encryptedFor(`rs_${at}`) } : unsigned(piece)
  })
  return { pieces: isWhole ? byKind(signed) : signed, end }
}

const unsigned = (piece: Piece): Piece => ('thought' in piece ? { thought: piece.thought } : piece)

/** Joins neighbouring thoughts without a signature, which a stream does not tell apart. */
function told(pieces: readonly Piece[]): readonly Piece[] {
  const whole: Piece[] = []
  for (const piece of joined(pieces)) {
    const last = whole.at(-1)
    const isMore = last && 'thought' in last && 'thought' in piece && !last.signature && !piece.signature
    if (isMore) whole.splice(-1, 1, { thought: last.thought + piece.thought })
    else whole.push(piece)
  }
  return whole
}

for (const [client, upstream] of pairs)
  for (const isStream of [false, true])
    test(`an answer of ${upstream} reaches ${client} ${isStream ? 'as a stream' : 'whole'}, and goes back`, async () => {
      await fc.assert(
        fc.asyncProperty(replies, async (generated) => {
          const isWhole = !isStream && client === 'chat' && hasWholeReplies(upstream)
          const reply = sayable(generated, upstream, isWhole)
          const asked: Turn = { by: 'user', pieces: [{ text: 'How is it?' }] }
          const first = await rig.ask(client, upstream, { talk: { turns: [asked], tools: names }, reply, isStream })
          if (!first.reply) throw new Error(first.text)
          const shown = (pieces: readonly Piece[]) => {
            const known = isOwn(client, upstream) ? pieces : pieces.map(unsigned)
            return told(client === 'chat' ? byKind(known) : known)
          }
          expect(shown(first.reply.pieces)).toEqual(shown(reply.pieces))
          expect(first.reply.end).toBe(reply.end)
          if (!isStream) expect(lostOf(first.headers)).toEqual(losses(reply.pieces, client, upstream))

          const { pieces } = first.reply
          const calls = pieces.flatMap((piece) =>
            'call' in piece ? [{ call: piece.call, pieces: [{ text: 'So.' }] }] : [],
          )
          const back: readonly Turn[] = [asked, { by: 'model', pieces }, { by: 'tools', results: calls }, asked]
          const second = await rig.ask(client, upstream, { talk: { tools: names, turns: back }, reply: done })
          if (!second.talk || second.status !== 200) throw new Error(second.text)
          const answer = { by: 'model' as const, pieces: returnedPieces(reply.pieces, client, upstream) }
          const expected = normal([asked, answer, { by: 'tools', results: calls }, asked])
          expect(normal(second.talk.turns).map(seen)).toEqual(expected.map(seen))
        }),
        { numRuns },
      )
    })

const seen = (turn: Turn): Turn => (turn.by === 'tools' ? turn : { by: turn.by, pieces: told(turn.pieces) })

const lostOf = (headers: Headers): readonly string[] => headers.get('x-tributary-lost')?.split(', ').sort() ?? []

/** What signs the thoughts of an upstream. */
const signs: Readonly<Partial<Record<UpstreamName, readonly string[]>>> = {
  anthropic: ['reasoning.signature'],
  responses: ['reasoning.encrypted_content', 'reasoning.id'],
}

/** What the receipt must name: an order that the client's dialect does not keep, and signatures that it has no place for. */
function losses(pieces: readonly Piece[], client: ClientName, upstream: UpstreamName): readonly string[] {
  const kinds = pieces.map((piece) => ('thought' in piece ? 0 : 'text' in piece ? 1 : 2))
  const isMixed = kinds.some((kind, at) => kind < Math.max(...kinds.slice(0, at), 0))
  const isSigned = pieces.some((piece) => 'thought' in piece && piece.signature !== undefined)
  const isKept = client === 'responses' || isOwn(client, upstream)
  return [...(client === 'chat' && isMixed ? ['order'] : []), ...(isSigned && !isKept ? (signs[upstream] ?? []) : [])]
}
