import { clientDialects, parsed } from '../lab/conversation.ts'
import { expect, Failure } from '../lab/failure.ts'
import { hello, type Lab } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import type { UpstreamError } from '../upstream/dialect.ts'
import type { Script } from '../upstream/exchange.ts'
import { expectVisibleFailure } from './expectations.ts'

const broken: UpstreamError = { message: 'The engine is on fire.', type: 'server_error', code: 'server_error' }
const credit = 'gatewayproof: error-propagation'

const firstEvent: Check = {
  id: 'error/first-event',
  claim: 'An error as the first event of a stream with status 200 is a failure for the client.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    const script: Script = async (exchange) => {
      await exchange.beginStream()
      await exchange.send(exchange.dialect.errorFrame(broken))
      await exchange.endStream()
    }
    expectVisibleFailure(await lab.ask({ script }))
    return undefined
  },
}

const midStream: Check = {
  id: 'error/mid-stream',
  claim: 'An error in the middle of a stream is a failure for the client, not a normal end.',
  per: 'lane',
  credit,
  spoils: true,
  async run(lab) {
    const script: Script = async (exchange) => {
      await exchange.beginStream()
      const frames = exchange.frames(hello)
      const half = frames.slice(0, Math.ceil(frames.length / 2))
      for (const frame of [...half, exchange.dialect.errorFrame(broken)]) await exchange.send(frame)
      await exchange.endStream()
    }
    expectVisibleFailure(await lab.ask({ script }))
    return undefined
  },
}

const inside: Check = {
  id: 'error/inside-200',
  claim: 'A body with an error and status 200 is a failure for the client.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    const script: Script = (exchange) => exchange.json(exchange.dialect.error(broken))
    expectVisibleFailure(await lab.ask({ script, isStream: false }))
    expectVisibleFailure(await lab.ask({ script }))
    return undefined
  },
}

/** Asks, and wants an error in the form of the surface. */
async function fails(lab: Lab, script: Script, isStream = false) {
  const got = await lab.ask({ script, isStream })
  const { status, text, conversation } = got
  expect(conversation.exchanges.length > 0, 'the upstream was not asked', conversation)
  expect(status >= 400, `the status is ${status}`, conversation)
  const problem = clientDialects[lab.lane.surface].errorProblem(parsed(text))
  if (problem) throw new Failure(`the error is not in the form of its surface: ${problem}`, conversation)
  return got
}

const invalid: UpstreamError = {
  message: 'The temperature of torture must be 0.',
  type: 'invalid_request_error',
  code: 'invalid_value',
}

const badRequest: Check = {
  id: 'error/400',
  claim: "The upstream's refusal of a request stays a 400, with its words, in the form of the surface.",
  per: 'lane',
  async run(lab) {
    for (const isStream of [false, true]) {
      const { status, text, conversation } = await fails(lab, (exchange) => exchange.fail(400, invalid), isStream)
      expect(status === 400, `the status is ${status}`, conversation)
      expect(text.includes('temperature of torture'), "the upstream's words are lost", conversation)
    }
    return undefined
  },
}

const tooLong: Check = {
  id: 'error/context-length',
  claim: 'A prompt that is too long for the model is refused with 400 or 413, and the client can see why.',
  per: 'lane',
  async run(lab) {
    const message = "prompt is too long: This model's maximum context length is 8192 tokens, you have 9000 tokens."
    const error = { message, type: 'invalid_request_error', code: 'context_length_exceeded' }
    const { status, text, conversation } = await fails(lab, (exchange) => exchange.fail(400, error))
    expect(status === 400 || status === 413, `the status is ${status}`, conversation)
    expect(/too long|context.length|too large/i.test(text), 'the client cannot see why', conversation)
    return undefined
  },
}

const limited: Check = {
  id: 'error/429',
  claim: 'A limit of the upstream is 429 for the client, with the time to come back.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    const error = { message: 'Slow down.', type: 'rate_limit_error', code: 'rate_limit_exceeded' }
    const script: Script = (exchange) => exchange.fail(429, error, { 'retry-after': '1' })
    const { status, fields, conversation } = await fails(lab, script)
    expect(status === 429, `the status is ${status}`, conversation)
    expect(fields.has('retry-after'), 'Retry-After is lost', conversation)
    return `after ${conversation.exchanges.length} attempts`
  },
}

const down: Check = {
  id: 'error/500',
  claim: 'A failure of the upstream is a status of 500 or more, in the form of the surface.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    const { status, conversation } = await fails(lab, (exchange) => exchange.fail(500, broken))
    expect(status >= 500, `the status is ${status}`, conversation)
    return `status ${status} after ${conversation.exchanges.length} attempts`
  },
}

const page: Check = {
  id: 'error/page',
  claim: "A proxy's page in place of the upstream's answer is an error in the form of the surface.",
  per: 'lane',
  spoils: true,
  async run(lab) {
    const html = '<html><body><h1>502 Bad Gateway</h1></body></html>'
    const head = `HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: ${html.length}\r\n\r\n`
    const { status, conversation } = await fails(lab, (exchange) => exchange.raw(head + html))
    expect(status >= 500, `the status is ${status}`, conversation)
    return undefined
  },
}

export const errors: Section = {
  name: 'error',
  title: 'Errors of the upstream',
  checks: [firstEvent, midStream, inside, badRequest, tooLong, limited, down, page],
}
