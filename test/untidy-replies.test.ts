/** Issue 10, lines 3 to 5: the bytes of a reply decide its kind. Other data is skipped, and a refusal within a 200 is a refusal. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { emulateOpenai, type OpenaiEmulator } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { helloWorld } from './chaos/cell.ts'
import { type Answered, ask } from './chaos/client.ts'
import { type RunningGateway, startGateway, upstreamAt } from './chaos/gateway.ts'
import { moments, wholeText } from './chaos/scripts.ts'
import { isFull } from './sizes.ts'

let emulator: OpenaiEmulator
let gateway: RunningGateway
/** The answer of the emulator. */
let current: Script = {}

beforeAll(async () => {
  emulator = await emulateOpenai({ reply: () => current })
  gateway = startGateway(upstreamAt('one', emulator.url))
})

afterAll(() => Promise.all([gateway.close(), emulator.close()]))

interface Got extends Answered {
  /** Number of requests to the upstream. */
  readonly asked: number
}

let asked = 0

/** Begins anew after two requests, each of which may be sent twice, because an upstream that fails five times in a row is not asked any more. */
async function askFor(script: Script, stream: boolean): Promise<Got> {
  if (++asked % 2 === 0) await restart()
  const before = emulator.chats.length
  current = script
  const answered = await ask(gateway.url, { model: 'one', stream })
  return { ...answered, asked: emulator.chats.length - before }
}

const type = (name?: string) => (name === undefined ? {} : { 'content-type': name })
const types = ['application/json', 'text/event-stream', 'text/plain', 'text/html', undefined]
/**
 * Returns the content types to test with the case of this index: all of them at full length, otherwise two, in turn,
 * because the type has no effect.
 */
const typesBeside = (at: number) => types.filter((_, place) => isFull || place === at % 5 || place === (at + 2) % 5)
const lines = moments.E.map((event) => event.slice('data: '.length).trim())
const each = (write: (json: string) => string) => lines.map(write).join('')

/** Good answers. */
const bodies: Readonly<Record<string, string>> = {
  'a stream': moments.E.join(''),
  'a stream without blank lines': each((line) => `data: ${line}\n`),
  'a stream without blank lines and without an end': each((line) => `data:${line}\r\n`).trimEnd(),
  'a stream framed twice': each((line) => `data: data: ${line}\r\ndata: \r\ndata: \r\n\r\n`),
  'a stream after blank lines and comments': `\ufeff\n\n \n: hello\n\nevent: open\nx-what: y\n\n${moments.E.join('')}`,
  'a stream whose end has blanks': `${moments.D.join('')}data:  [DONE] \n\n`,
  'a stream that ends by name': `${moments.D.join('')}event: done\ndata: {}\n\n`,
  'lines of JSON': each((line) => `${line}\n`),
  'lines of JSON with blank ones between them': `\n\n${each((line) => `${line}\r\n\r\n`)}`,
  'one object': wholeText,
  'one object, pretty': `\ufeff\n  ${JSON.stringify(JSON.parse(wholeText), null, 2)}\n\n`,
  'one indented object as an event': JSON.stringify(JSON.parse(wholeText), null, 1).replace(/^/gm, 'data: '),
  ...Object.fromEntries(
    [
      'null',
      ': keepalive',
      '1717171717',
      'ping',
      '',
      '"text"',
      '[]',
      'true',
      '[PING]',
      '{"type":"ping"}',
      '-',
      'data:',
    ].map((noise) => [`data: ${noise} between chunks`, each((line) => `data: ${noise}\n\ndata: ${line}\n\n`)]),
  ),
  ...Object.fromEntries(
    [': comment', 'event: ping', 'id: 7', 'retry: 5', 'what: {', 'no colon', 'event: ping\ndata: {}'].map((noise) => [
      `${noise} between chunks`,
      each((line) => `${noise}\n\n${noise}\ndata: ${line}\n\n`),
    ]),
  ),
}

describe('a good answer arrives with any content type', () => {
  for (const [at, [name, body]] of Object.entries(bodies).entries()) {
    test(name, async () => {
      for (const stream of [true, false]) {
        for (const contentType of typesBeside(at)) {
          const got = await askFor({ headers: type(contentType), body: [body] }, stream)
          const what = { contentType, stream }
          expect({ ...what, status: got.status, text: got.text, errors: got.errors }).toEqual({
            ...what,
            status: 200,
            text: helloWorld,
            errors: [],
          })
          expect(got.dones).toBe(stream ? 1 : 0)
        }
        expect(
          (
            await askFor(
              { headers: type('text/plain'), framing: 'length', length: Buffer.byteLength(body), body: [body] },
              stream,
            )
          ).text,
        ).toBe(helloWorld)
      }
    })
  }
})

describe('a broken answer never looks complete', () => {
  const torn: Readonly<Record<string, string>> = {
    'a chunk torn off': [...moments.C, 'data: {"choices":[{"delta"\n\n', ...moments.E.slice(2)].join(''),
    'the end of a chunk torn off': [...moments.C, 'data: ld."}}]}\n\n', ...moments.E.slice(4)].join(''),
    'a line of JSON torn off': `${each((line) => `${line}\n`).slice(0, -120)}`,
    'an object torn off': wholeText.slice(0, -10),
    'a stream without an end': moments.C.join(''),
  }
  for (const [name, body] of Object.entries(torn)) {
    test(name, async () => {
      for (const stream of [true, false]) {
        for (const contentType of types) {
          const { dones, errors } = await askFor({ headers: type(contentType), body: [body] }, stream)
          expect({ dones, errors: errors.length, contentType }).toEqual({ dones: 0, errors: 1, contentType })
        }
      }
    })
  }

  test('a web page is reported as one, with any content type', async () => {
    const pages = ['<!doctype html><title>Sign in</title>', '\n <html>\n<script>\n{"a":1}\ndata: x\n</script>\n']
    for (const page of pages) {
      for (const contentType of types) {
        for (const stream of [true, false]) {
          const { status, chunks } = await askFor({ headers: type(contentType), body: [page] }, stream)
          expect({ status, error: chunks[0]?.error }).toMatchObject({
            status: 502,
            error: { code: 'upstream_bad_response', message: expect.stringContaining('web page') },
          })
        }
      }
    }
    const challenge = { headers: type('text/plain'), body: ['<html><title>Just a moment...</title>'] }
    expect((await askFor(challenge, true)).errors).toEqual(['upstream_blocked'])
  })
})

/** A refusal, the client's status or the code after a partial answer, and the number of requests. */
const refusals: readonly (readonly [object, status: number, code: string, asked: number])[] = [
  [{ error: { code: 400, message: 'No tea' } }, 400, 'invalid_request', 1],
  [{ error: { code: '400', message: 'No tea' } }, 400, 'invalid_request', 1],
  [{ error: { code: 'invalid_parameter', message: 'No tea' } }, 400, 'invalid_parameter', 1],
  [{ error: { message: 'No tea', type: 'invalid_request_error', code: null } }, 400, 'invalid_request', 1],
  [{ error: { message: 'No tea', status: 'INVALID_ARGUMENT' } }, 400, 'INVALID_ARGUMENT', 1],
  [{ error: { message: 'No tea', http_code: '422' } }, 400, 'invalid_request', 1],
  [{ error: 'No tea', status: 400 }, 400, 'invalid_request', 1],
  [{ error: 'bad_request', message: 'No tea' }, 400, 'bad_request', 1],
  [{ statusCode: 400, message: ['No tea', 'no milk'], error: 'Bad Request' }, 400, 'invalid_request', 1],
  [[{ error: { code: 400, message: 'No tea', status: 'INVALID_ARGUMENT' } }], 400, 'INVALID_ARGUMENT', 1],
  [{ object: 'error', message: 'No tea', type: 'BadRequestError', code: 400 }, 400, 'invalid_request', 1],
  [{ code: 20012, message: 'No tea', data: null }, 400, 'invalid_request', 1],
  [{ code: 'InvalidParameter', message: 'No tea', request_id: 'x' }, 400, 'InvalidParameter', 1],
  [{ code: 40001, msg: 'No tea' }, 400, 'invalid_request', 1],
  [{ success: false, errors: [{ code: 400, message: 'No tea' }] }, 400, 'invalid_request', 1],
  [{ detail: 'No tea', status: 400 }, 400, 'invalid_request', 1],
  [{ type: 'error', error: { type: 'invalid_request_error', message: 'No tea' } }, 400, 'invalid_request', 1],
  [{ choices: null, base_resp: { status_code: 2013, status_msg: 'No tea' } }, 400, 'invalid_request', 1],
  [{ base_resp: { status_code: 1026, status_msg: 'No tea' } }, 400, 'content_filter', 1],
  [{ error: { code: '1301', message: 'No tea' } }, 400, 'content_filter', 1],
  [{ error: { code: '1261', message: 'No tea' } }, 400, 'context_length_exceeded', 1],
  [{ error: { code: 404, message: 'No tea' } }, 404, 'model_not_found', 1],
  [{ error: { code: '1211', message: 'No tea' } }, 404, 'model_not_found', 1],
  [{ error: { code: 401, message: 'No tea' } }, 502, 'upstream_auth', 1],
  [{ code: 403, message: 'No tea' }, 502, 'upstream_auth', 1],
  [{ base_resp: { status_code: 1004, status_msg: 'No tea' } }, 502, 'upstream_auth', 1],
  [{ base_resp: { status_code: 1008, status_msg: 'No tea' } }, 429, 'insufficient_quota', 1],
  [{ base_resp: { status_code: 1002, status_msg: 'No tea' } }, 429, 'rate_limit_exceeded', 1],
  [{ error: { code: 429, message: 'No tea' } }, 429, 'rate_limit_exceeded', 1],
  [{ error: { code: 'RESOURCE_EXHAUSTED', message: 'No tea' } }, 429, 'rate_limit_exceeded', 1],
  [{ error: { code: 503, message: 'No tea' } }, 503, 'upstream_overloaded', 2],
  [{ base_resp: { status_code: 1013, status_msg: 'No tea' } }, 502, 'upstream_error', 2],
  [{ error: 'No tea' }, 502, 'upstream_error', 2],
  [{ detail: 'No tea' }, 502, 'upstream_error', 2],
  [{ errors: ['No tea'] }, 502, 'upstream_error', 2],
  [{ code: -1, message: 'No tea' }, 502, 'upstream_error', 2],
]

/** The forms of a refusal in a 200. */
const framings: Readonly<Record<string, (json: string) => string>> = {
  'as an event': (json) => `data: ${json}\n\n`,
  'as an event of the type error': (json) => `event: error\ndata: ${json}\n\n`,
  'as a bare line': (json) => `${json}\n`,
  'as a bare line without its end': (json) => json,
  "as llama.cpp's line": (json) => `error: ${json}\n\n`,
}

describe('a refusal within a 200 has the reason that it names', () => {
  for (const [place, [body, status, code, asked]] of refusals.entries()) {
    test(JSON.stringify(body), async () => {
      for (const [at, [name, write]] of Object.entries(framings).entries()) {
        // two of the framings in turn, because the framing is read before the content
        if (!isFull && at !== place % 5 && at !== (place + 2) % 5) continue
        const script = { headers: type(types[at]), body: [write(JSON.stringify(body))] }
        for (const stream of [true, false]) {
          if (status > 404) await restart()
          const got = await askFor(script, stream)
          const error = got.chunks[0]?.error
          expect({ name, stream, status: got.status, code: error?.code, asked: got.asked }).toEqual({
            name,
            stream,
            status,
            code,
            asked,
          })
          expect(error?.message).toContain('No tea')
        }
        if (status > 404) await restart()
        const late = await askFor({ body: [...moments.C, write(JSON.stringify(body))] }, true)
        expect({ name, status: late.status, errors: late.errors, asked: late.asked }).toEqual({
          name,
          status: 200,
          errors: [code],
          asked: 1,
        })
      }
    })
  }

  test('an HTTP refusal is read in the same way if it is framed as an event', async () => {
    for (const body of [
      'data: {"error":{"message":"No tea"}}\n\n',
      '{"base_resp":{"status_code":2013,"status_msg":"No tea"}}',
      'event:error\n:HTTP_STATUS/400\ndata:{"code":"InvalidParameter","message":"No tea"}\n\n',
    ]) {
      for (const contentType of types) {
        const { status, chunks, asked } = await askFor({ status: 400, headers: type(contentType), body: [body] }, true)
        expect({ status, message: chunks[0]?.error?.message, asked }).toEqual({
          status: 400,
          message: 'No tea',
          asked: 1,
        })
      }
    }
  })

  test('a vendor’s success message is not a refusal', async () => {
    const beside = {
      code: 0,
      message: 'Success',
      error: null,
      detail: null,
      base_resp: { status_code: 0, status_msg: 'success' },
    }
    const chunks = lines.map((line) => (line === '[DONE]' ? line : JSON.stringify({ ...JSON.parse(line), ...beside })))
    const sent = [
      { code: 200, message: 'ok' },
      { status: 'processing', message: 'Wait' },
    ].map((each) => JSON.stringify(each))
    const body = [...sent, ...chunks].map((line) => `data: ${line}\n\n`)
    expect(await askFor({ body }, true)).toMatchObject({ text: helloWorld, errors: [], asked: 1 })
    const whole = JSON.stringify({ ...JSON.parse(wholeText), ...beside })
    expect(await askFor({ body: [whole] }, false)).toMatchObject({ text: helloWorld, errors: [], asked: 1 })
  })
})

/** Starts a new gateway, because a refused account rests. */
async function restart(): Promise<void> {
  await gateway.close()
  gateway = startGateway(upstreamAt('one', emulator.url))
}
