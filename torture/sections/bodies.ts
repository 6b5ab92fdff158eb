import { clientDialects, parsed } from '../lab/conversation.ts'
import { expect, Failure } from '../lab/failure.ts'
import type { Lab } from '../lab/lab.ts'
import { within } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import { user } from '../talk/talk.ts'

/** Sends a wrong body. It must be refused in the form of the surface, without asking the upstream. */
async function refused(lab: Lab, body: string): Promise<undefined> {
  const before = lab.upstream.asked
  const { status, text, conversation } = await lab.ask({ body })
  expect(status >= 400 && status < 500, `the status is ${status}`, conversation)
  expect(lab.upstream.asked === before, 'the upstream was asked', conversation)
  const problem = clientDialects[lab.lane.surface].errorProblem(parsed(text))
  if (problem) throw new Failure(`the error is not in the form of its surface: ${problem}`, conversation)
  return undefined
}

const noJson: Check = {
  id: 'body/no-json',
  claim: 'A body that is no JSON is refused with a status from 400 to 499, in the form of the surface.',
  per: 'surface',
  async run(lab) {
    for (const body of ['{"model":', 'hello', '\u0000']) await refused(lab, body)
    return undefined
  },
}

const wrongTypes: Check = {
  id: 'body/wrong-types',
  claim: 'A body of another shape is refused with a status from 400 to 499, and the upstream is not asked.',
  per: 'surface',
  async run(lab) {
    const { model, surface } = lab.lane
    const said = surface === 'responses' ? 'input' : 'messages'
    const wrong = [[], 'text', 7, null, { model }, { model, max_tokens: 9, [said]: 7 }]
    for (const body of wrong) await refused(lab, JSON.stringify(body))
    return undefined
  },
}

const deep: Check = {
  id: 'body/deep',
  claim: 'A body with 100,000 levels is refused, and the gateway lives on.',
  per: 'surface',
  async run(lab) {
    const { model } = lab.lane
    const nested = '['.repeat(100_000) + ']'.repeat(100_000)
    const body = JSON.stringify({ model, messages: 0, input: 0 }).replaceAll(':0', `:${nested}`)
    const { status, conversation } = await lab.ask({ body })
    expect(status >= 400 && status < 500, `the status is ${status}`, conversation)
    const after = await lab.ask({ isStream: false })
    expect(after.status === 200, `the next request gets ${after.status}`, after.conversation)
    return undefined
  },
}

const large: Check = {
  id: 'body/large',
  claim: 'A body of 8 MB reaches the upstream whole.',
  per: 'surface',
  async run(lab) {
    const text = 'A large body. '.repeat(600_000)
    const { status, conversation } = await lab.ask({ talk: { turns: [user(text)] }, isStream: false })
    expect(status === 200, `the status is ${status}`, conversation)
    expect(conversation.exchanges[0]?.text.includes(text) ?? false, 'the upstream did not get the text', conversation)
    return undefined
  },
}

const endless: Check = {
  id: 'body/endless',
  claim: 'A body that says it has a terabyte is refused before it is read.',
  per: 'surface',
  together: true,
  async run(lab) {
    const conversation = lab.begin({ body: '{"model":"m"', fields: { 'content-length': String(2 ** 40) } })
    const got = await within(conversation.got, 5_000)
    expect(got !== undefined, 'it still waits for the terabyte after 5 s', conversation)
    expect(got.status === 0 || (got.status >= 400 && got.status < 500), `the status is ${got.status}`, conversation)
    return undefined
  },
}

const chunked: Check = {
  id: 'body/chunked',
  claim: 'A body in chunks, without a length, is understood.',
  per: 'surface',
  async run(lab) {
    const before = lab.upstream.asked
    const body = { ...clientDialects[lab.lane.surface].write({ turns: [user('Hello?')] }), model: lab.lane.model }
    const text = JSON.stringify(body)
    const [first, second] = [text.slice(0, 10), text.slice(10)]
    const chunks = [first, second].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
    const request = lab.rawRequest('', { 'content-length': '', 'transfer-encoding': 'chunked' })
    const conversation = lab.sendRaw(Buffer.concat([request, Buffer.from(`${chunks}0\r\n\r\n`)]))
    const { status } = await lab.finish(conversation)
    expect(status === 200, `the status is ${status}`, conversation)
    expect(lab.upstream.asked > before, 'the upstream was not asked', conversation)
    return undefined
  },
}

export const bodies: Section = {
  name: 'body',
  title: 'Bodies and their limits',
  checks: [noJson, wrongTypes, deep, large, endless, chunked],
}
