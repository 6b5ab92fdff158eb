import { isDeepStrictEqual } from 'node:util'
import { expect, NotApplicable } from '../lab/failure.ts'
import { hello } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import { type Answer, call, callsOf, model, results, system, type Talk, textOf, user, weather } from '../talk/talk.ts'
import { picture, sent } from './sent.ts'
import { toolTranslation } from './tool-translation.ts'

/** The texts of the user, of the model and of the system, in their order, without the script's token. */
const linesOf = ({ turns }: Talk): readonly string[] =>
  turns.flatMap((turn) => {
    if (turn.by === 'tools') return turn.results.map(({ pieces }) => `result: ${textOf(pieces)}`)
    const text = textOf(turn.pieces).replace(/ ?torture-token-\w+/, '')
    const calls = callsOf(turn.pieces).map(({ name }) => `call: ${name}`)
    return [...(text === '' ? [] : [`${turn.by}: ${text}`]), ...calls]
  })

const looked: Talk = {
  turns: [
    system('You are a weather service. Say °C.'),
    user('How is Paris?'),
    model(call('call_1')),
    results({ call: 'call_1', pieces: [{ text: 'Sun, 21 °C' }] }),
    model('It is sunny.'),
    user('And "Rome"?\n\t— 罗马 🌧'),
  ],
  tools: [weather],
}

const turns: Check = {
  id: 'translate/turns',
  claim: 'System prompt, turns, calls and results reach the upstream in their order and with their words.',
  per: 'lane',
  async run(lab) {
    const { got, wants } = await sent(lab, looked)
    const [read, said] = [linesOf(got), linesOf(looked)]
    wants(isDeepStrictEqual(read, said), `the upstream got ${JSON.stringify(read)}, not ${JSON.stringify(said)}`)
    return undefined
  },
}

const phantom: Check = {
  id: 'translate/no-empty-message',
  claim: 'No empty message is made up, as beside a turn that only calls tools.',
  per: 'lane',
  credit: 'kairo: a phantom empty message',
  async run(lab) {
    const { got, wants, exchange } = await sent(lab, looked)
    const empty = got.turns.filter((turn) => turn.by !== 'tools' && turn.pieces.length === 0)
    wants(empty.length === 0, 'a message has no content at all')
    wants(!/"(text|content)":\s*""/.test(exchange.text), 'a message has an empty text')
    return undefined
  },
}

const parameters: Check = {
  id: 'translate/parameters',
  claim: 'Temperature, top_p, the limit of tokens and stop sequences reach the upstream where its dialect has them.',
  per: 'lane',
  async run(lab) {
    const wanted = { temperature: 0.5, topP: 0.75, maxTokens: 321, stop: ['END', 'STOP!'] }
    const { got, wants, exchange } = await sent(lab, { turns: [user('Talk.')], ...wanted })
    for (const name of ['temperature', 'topP', 'maxTokens'] as const)
      wants(got[name] === wanted[name], `${name} is ${got[name]}, not ${wanted[name]}`)
    // the Responses API has no stop sequences, neither for clients nor for upstreams
    const hasStop = lab.lane.surface !== 'responses' && exchange.surface !== 'responses'
    wants(!hasStop || isDeepStrictEqual(got.stop, wanted.stop), `stop is ${JSON.stringify(got.stop)}`)
    return undefined
  },
}

const invented: Check = {
  id: 'translate/nothing-invented',
  claim: 'The upstream gets no sampling parameter, limit or cache mark that the client did not send.',
  per: 'lane',
  credit: 'kairo: invented cache_control or max_tokens',
  async run(lab) {
    const { exchange, wants } = await sent(lab, { turns: [user('Talk.')] })
    // Messages cannot be asked without a limit
    const limits =
      exchange.surface === 'messages' || lab.lane.surface === 'messages'
        ? []
        : ['max_tokens', 'max_completion_tokens', 'max_output_tokens']
    const members = [
      'temperature',
      'top_p',
      'top_k',
      'stop',
      'stop_sequences',
      'seed',
      'presence_penalty',
      'frequency_penalty',
      ...limits,
    ]
    const found = members.filter((name) => (exchange.body[name] ?? null) !== null)
    wants(found.length === 0, `the upstream got ${found.join(', ')}`)
    // where only the upstream's dialect has marks of its caches, they are the gateway's to set
    const mayMark = exchange.surface === 'messages' && lab.lane.surface !== 'messages'
    wants(mayMark || !exchange.text.includes('cache_control'), 'the upstream got cache_control')
    return undefined
  },
}

const userPicture: Check = {
  id: 'translate/picture',
  claim: "A user's picture reaches the upstream as a picture.",
  per: 'lane',
  async run(lab) {
    const { got, wants } = await sent(lab, { turns: [user('What is this?', { picture })] })
    const pieces = got.turns.flatMap((turn) => (turn.by === 'user' ? turn.pieces : []))
    wants(
      pieces.some((piece) => 'picture' in piece && piece.picture === picture),
      'the upstream got no picture',
    )
    return undefined
  },
}

const filter: Check = {
  id: 'translate/filter',
  claim: 'An answer that a filter ended does not look complete.',
  per: 'lane',
  credit: 'kairo: content_filter as a normal end',
  async run(lab) {
    const answer: Answer = { ...hello, end: 'filter' }
    for (const isStream of [true, false]) {
      const { reading, conversation } = await lab.ask({ script: answer, isStream })
      const isNormal = reading.end === 'stop' || reading.end === 'calls'
      expect(conversation.exchanges.length > 0, 'the upstream was not asked', conversation)
      expect(!isNormal, `the answer ended by "${reading.end}"`, conversation)
    }
    return undefined
  },
}

const thoughts: Check = {
  id: 'translate/earlier-thinking',
  claim: 'Thinking of earlier turns goes back to an upstream of Messages with its signature.',
  per: 'lane',
  credit: 'kairo: thinking of earlier turns dropped',
  async run(lab) {
    const said = { thought: 'I must look.', signature: 'c2lnbmVkIGJ5IHRoZSB1cHN0cmVhbQ==' }
    const given = results({ call: 'call_1', pieces: [{ text: 'sun' }] })
    const talk: Talk = { turns: [user('Look.'), model(said, call('call_1')), given], tools: [weather] }
    if (lab.lane.surface !== 'messages') throw new NotApplicable('only Messages has signed thinking')
    const { got, exchange, wants } = await sent(lab, talk)
    if (exchange.surface !== 'messages') throw new NotApplicable('the upstream is none of Messages')
    const pieces = got.turns.flatMap((turn) => (turn.by === 'model' ? turn.pieces : []))
    wants(
      pieces.some((piece) => isDeepStrictEqual(piece, said)),
      'the thinking or its signature is lost',
    )
    return undefined
  },
}

export const translation: Section = {
  name: 'translate',
  title: 'Translation of conversations and tools',
  checks: [turns, phantom, parameters, invented, userPicture, filter, thoughts, ...toolTranslation],
}
