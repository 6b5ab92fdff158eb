import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { machine } from '../wire/machine.double.ts'
import { type LogOptions, openLog } from './log.ts'

function setUp(format: LogOptions['format'], level: LogOptions['level'] = 'trace') {
  const lines: string[] = []
  return { lines, log: openLog({ runtime: machine, level, format, write: (line) => void lines.push(line) }) }
}

const formats = ['json', 'pretty'] as const

test('a JSON line has the time, the level, the message and the fields', () => {
  const { log, lines } = setUp('json')
  log.child({ id: 'a' }).warn({ n: 1 }, 'chat')
  expect(lines).toHaveLength(1)
  const line: unknown = JSON.parse(lines[0] ?? '')
  expect(line).toEqual({ level: 'warn', time: expect.stringMatching(/^\d{4}-.*Z$/), id: 'a', n: 1, msg: 'chat' })
})

test('a pretty line is for people: time, level, message, and then the fields', () => {
  const { log, lines } = setUp('pretty')
  log.info({ model: 'groq/llama-3', why: 'two words', n: 1, gone: undefined, list: ['a'] }, 'chat')
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} INFO {2}chat model=groq\/llama-3 why="two words" n=1 list=\["a"\]\n$/,
  )
})

test('a line below the level is not written', () => {
  const { log, lines } = setUp('json', 'warn')
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  log.error({}, 'd')
  expect(lines).toHaveLength(2)
  const silent = setUp('json', 'silent')
  silent.log.error({}, 'a')
  expect(silent.lines).toEqual([])
})

for (const format of formats) {
  test(`item 34: a ${format} record is one line of plain characters for every message, field and error`, () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a\r\nb', '\u001b[31m', '\u202e', '\u2028', '\u0085', '\0', '\u009b', '\u{e0041}', '\ufeff'),
    )
    fc.assert(
      fc.property(nasty, nasty, (one, other) => {
        const { log, lines } = setUp(format)
        log.child({ id: other }).error({ model: one, deep: { list: [other] }, err: new Error(one) }, other)
        expect(lines).toHaveLength(2)
        for (const line of lines) {
          expect(line.indexOf('\n')).toBe(line.length - 1)
          expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        }
        if (format === 'json') expect(JSON.parse(lines[0] ?? '')).toMatchObject({ model: one, msg: other })
      }),
    )
  })

  test(`P17: a ${format} line has no known secret in any form and place`, () => {
    const { log, lines } = setUp(format)
    const value = `sk-/+${crypto.randomUUID()}`
    const secret = new Secret(value)
    const cause = new Error(`refused key ${value}`)
    log.error(
      {
        secret,
        nested: { list: [secret], text: `Bearer ${value}`, [value]: 1 },
        url: `https://host/?key=${encodeURIComponent(value)}`,
        basic: Buffer.from(`user:${value}`).toString('base64'),
        json: JSON.stringify({ key: value }),
        err: new ChatError('internal', { message: `failed with ${value}`, cause }),
      },
      `said ${value}`,
    )
    const written = lines.join('')
    expect(lines).toHaveLength(2)
    for (const form of [
      value,
      encodeURIComponent(value),
      value.slice(5),
      Buffer.from(value).toString('base64').slice(3, -6),
    ])
      expect(written).not.toContain(form)
    expect(written).toContain('[secret]')
    if (format === 'json') for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  })
}

test('an error has its type, message, stack and causes at debug', () => {
  const { log, lines } = setUp('json')
  log.debug(
    { err: new ChatError('internal', { message: 'outer', cause: new TypeError('inner', { cause: 'root' }) }) },
    'x',
  )
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    err: {
      type: 'ChatError',
      message: 'outer',
      stack: expect.stringContaining('log.test.ts'),
      cause: { type: 'TypeError', message: 'inner', cause: 'root' },
    },
  })
})

describe('P17: the message of an error', () => {
  const prompt = 'tell me of\n    at quokkas (island.ts:1:2)'
  const own = new TypeError(prompt)
  const thrown: readonly (readonly [string, unknown, object])[] = [
    [
      'an upstream’s refusal',
      new ChatError('invalid-request', {
        message: prompt,
        code: prompt,
        isCodeQuoted: true,
        param: prompt,
        upstreamStatus: 400,
      }),
      { code: 'invalid_request', upstreamStatus: 400 },
    ],
    [
      'a broken connection',
      new ChatError('upstream-failed', {
        message: prompt,
        cause: Object.assign(new Error(prompt), { code: 'ECONNRESET' }),
      }),
      { code: 'upstream_error', err: { type: 'Error', code: 'ECONNRESET' } },
    ],
    [
      'a failure of our own',
      new ChatError('internal', { message: 'ours', cause: own }),
      {
        code: 'internal_error',
        err: { type: 'TypeError', at: expect.arrayContaining([expect.stringContaining('log.test.ts')]) },
      },
    ],
    [
      'an error with an odd name and code',
      Object.assign(new Error(prompt), { name: prompt, code: prompt }),
      { err: { type: 'Error' } },
    ],
    ['an error about JSON', syntaxErrorOf(prompt), { err: { type: 'SyntaxError' } }],
    [
      'an error whose words were changed',
      Object.assign(new Error(prompt), { message: 'others' }),
      { err: { type: 'Error' } },
    ],
    ['a text', prompt, { err: { type: 'string' } }],
    ['an object', { prompt }, { err: { type: 'object' } }],
    ['nothing', undefined, { err: { type: 'undefined' } }],
  ]
  for (const [name, err, shown] of thrown) {
    for (const format of formats) {
      test(`is in no ${format} line except at debug: ${name}`, () => {
        for (const level of ['info', 'warn', 'error'] as const) {
          const { log, lines } = setUp(format, 'info')
          log.child({ id: 'a' })[level]({ n: 1, err }, 'x')
          expect(lines).toHaveLength(1)
          expect(lines[0]).not.toMatch(/quokka|tell me/)
          if (format === 'json')
            expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level, id: 'a', n: 1, ...shown, msg: 'x' })
          const full = setUp(format, 'debug')
          full.log[level]({ err }, 'x')
          expect(full.lines).toHaveLength(2)
          expect(full.lines[0]).not.toMatch(/quokka|tell me/)
          if (err !== undefined && name !== 'an error whose words were changed')
            expect(full.lines[1]).toMatch(/quokka|tell/)
        }
      })
    }
  }

  function syntaxErrorOf(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      return error
    }
  }
})

test('an error that is its own cause, or any other value, is written too', () => {
  for (const format of formats) {
    const { log, lines } = setUp(format)
    const circular = new Error('round')
    circular.cause = circular
    log.error({ err: circular }, 'x')
    log.error({ err: Object.create(null) }, 'x')
    log.error({ err: undefined }, 'x')
    log.error({ err: 'text' }, 'x')
    expect(lines).toHaveLength(8)
  }
})

test('a field that JSON cannot express is written as text, and still without secrets', () => {
  const { log, lines } = setUp('json')
  const secret = new Secret(`sk-${crypto.randomUUID()}`)
  const circular: { self?: unknown; secret: Secret } = { secret }
  circular.self = circular
  log.info({ n: 1, circular, big: 12n }, 'x')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    n: 1,
    big: '12n',
    circular: expect.stringContaining('[secret]'),
    msg: 'x',
  })
  expect(lines[0]).not.toContain(secret.reveal())
})
