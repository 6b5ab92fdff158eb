import type { Conversation, Got } from '../lab/conversation.ts'
import { expect, NotApplicable } from '../lab/failure.ts'
import { hello } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Answer, Usage } from '../talk/talk.ts'

const credit = 'gatewayproof: usage-accuracy'
const counted: Answer = { ...hello, usage: { input: 1234, output: 567 } }

type Asked = Got & { readonly conversation: Conversation }

function expectUsage({ status, reading, conversation }: Asked, wanted: Partial<Usage>): void {
  expect(status === 200, `the status is ${status}`, conversation)
  const { usage } = reading
  expect(usage !== undefined, 'there is no usage', conversation)
  for (const [name, got, count] of [
    ['input', usage.input, wanted.input],
    ['output', usage.output, wanted.output],
    ['cached', usage.cached, wanted.cached],
    ['reasoning', usage.reasoning, wanted.reasoning],
  ] as const)
    expect(count === undefined || got === count, `${name} tokens: ${got}, not ${count}`, conversation)
}

const streamed: Check = {
  id: 'usage/streamed',
  claim: "The upstream's tokens are those of the streamed answer, and are told once.",
  per: 'lane',
  credit,
  async run(lab) {
    const got = await lab.ask({ script: counted })
    expectUsage(got, { input: 1234, output: 567 })
    expect(got.reading.problems.length === 0, got.reading.problems.join('; '), got.conversation)
    return undefined
  },
}

const whole: Check = {
  id: 'usage/not-streamed',
  claim: "The upstream's tokens are those of the answer that is not streamed.",
  per: 'lane',
  credit,
  async run(lab) {
    expectUsage(await lab.ask({ script: counted, isStream: false }), { input: 1234, output: 567 })
    return undefined
  },
}

const cached: Check = {
  id: 'usage/cached',
  claim: 'Tokens from a prompt cache are told, and are counted once in the input.',
  per: 'lane',
  async run(lab) {
    const usage = { input: 2000, output: 50, cached: 1500 }
    for (const isStream of [true, false]) expectUsage(await lab.ask({ script: { ...hello, usage }, isStream }), usage)
    return undefined
  },
}

const thoughts: Check = {
  id: 'usage/reasoning',
  claim: 'Tokens of the reasoning are told where both dialects have a word for them.',
  per: 'lane',
  async run(lab) {
    const usage = { input: 20, output: 90, reasoning: 64 }
    const got = await lab.ask({ script: { ...hello, usage } })
    const upstream = got.conversation.exchanges[0]?.surface
    if (lab.lane.surface === 'messages' || upstream === 'messages')
      throw new NotApplicable('Messages has no word for them')
    expectUsage(got, usage)
    return undefined
  },
}

const unasked: Check = {
  id: 'usage/unasked',
  claim: 'A client of Chat Completions that did not ask for usage gets no chunk without a choice.',
  per: 'lane',
  async run(lab) {
    if (lab.lane.surface !== 'chat') throw new NotApplicable('only Chat Completions has this option')
    const { conversation, reading } = await lab.ask({ script: counted, members: { stream_options: undefined } })
    expect(reading.isEnded, 'the stream has no mark of its end', conversation)
    const isEmpty = /"choices":\s*\[\]/.test(conversation.connection.received.text())
    expect(!isEmpty, 'there is a chunk with an empty list of choices', conversation)
    return undefined
  },
}

const cost: Check = {
  id: 'usage/cost',
  claim: 'The cost that the gateway states is what its prices make of the tokens.',
  per: 'lane',
  credit: 'gatewayproof: cost-accuracy',
  needs: 'prices',
  async run(lab) {
    const { prices } = lab.target
    if (!prices) throw new NotApplicable('there are no prices')
    const { fields, conversation } = await lab.ask({ script: counted, isStream: false })
    const stated = Number(fields.get(prices.header) ?? Number.NaN)
    const wanted = (1234 * prices.input + 567 * prices.output) / 1_000_000
    const isNear = Math.abs(stated - wanted) <= wanted / 1_000
    expect(isNear, `${prices.header} is ${fields.get(prices.header)}, not ${wanted}`, conversation)
    return `${stated} US dollars`
  },
}

export const usage: Section = {
  name: 'usage',
  title: 'Usage and cost',
  checks: [streamed, whole, cached, thoughts, unasked, cost],
}
