import { type CtoScript, ctoMessage, ctoState, ctoUpdate } from '../../src/providers/cto/emulator/script.ts'
import { frame, opcodes } from '../../src/wire/websocket-frames.ts'
import { both, broken, disconnected, failed, good, readMs, type Seen, surface } from './cell.ts'

export interface CtoCell extends Seen {
  readonly script: CtoScript
  /** Number of prompts that arrive, if it is more than the attempts: a refused account is renewed and asked once more. */
  readonly asked?: number
}

const say = (content: string) => ctoMessage(ctoUpdate({ id: 'msg_1', type: 'chat', chat: { content } }))
const opening = [ctoMessage(ctoState(true))]
const words = ['Hello', ', wor', 'ld.'].map(say)
const finish = ctoMessage(ctoState(false))

/** The messages of the socket before the fault. At A the prompt itself has not been answered. */
const moments = {
  A: [],
  B: opening,
  C: [...opening, ...words.slice(0, 2)],
  D: [...opening, ...words, finish],
} as const satisfies Record<string, readonly Uint8Array[]>
type Moment = keyof typeof moments

function inserted(moment: Moment, ...more: readonly (Uint8Array | object | string)[]): CtoScript {
  const bytes = more.map((message) => (message instanceof Uint8Array ? message : ctoMessage(message)))
  return { body: [...moments[moment], ...bytes, ...moments.D.slice(moments[moment].length)] }
}

/** A socket that closes, with and without a close frame. Only the service's own end message ends an answer. */
const cutCells: readonly CtoCell[] = (['rst', 'fin', 1000, 1001, 1006, 1011, 1012, 4000] as const).flatMap((how) => {
  const ending = typeof how === 'number' ? { close: how } : how
  const cut = (moment: Moment): CtoScript => ({ body: moments[moment], ending, endDelayMs: readMs })
  return [
    ...both.map(
      (stream): CtoCell => ({
        ...failed,
        ...disconnected,
        stream,
        name: `B ${how} before the first event, ${surface(stream)}`,
        script: cut('B'),
      }),
    ),
    { ...broken, ...disconnected, name: `C ${how} within the answer, SSE`, script: cut('C') },
    {
      ...failed,
      ...disconnected,
      attempts: 1,
      stream: false,
      name: `C ${how} within the answer, JSON`,
      script: cut('C'),
    },
    ...both.map(
      (stream): CtoCell => ({ ...good, stream, name: `D ${how} after the end, ${surface(stream)}`, script: cut('D') }),
    ),
  ]
})

/** A close frame with a reason. */
const goodbyeCells: readonly CtoCell[] = (
  [
    [1008, 502, 'upstream_auth_expired', 1],
    [4401, 502, 'upstream_auth_expired', 1],
    [1013, 503, 'upstream_overloaded', 2],
  ] as const
).flatMap(([close, status, code, attempts]): CtoCell[] => [
  {
    ...failed,
    name: `B ${close} is ${status} ${code}`,
    status,
    code,
    attempts,
    script: { body: moments.B, ending: { close } },
    ...(status === 502 && { asked: 2 }),
  },
  { ...broken, name: `C ${close} is ${code}`, code, script: { body: moments.C, ending: { close } } },
  { ...good, name: `D ${close} is nothing`, script: { body: moments.D, ending: { close } } },
])

/** Silence, with deadlines of a second; `stall` answers no ping either. */
const stallCells: readonly CtoCell[] = [
  ...both.map(
    (stream): CtoCell => ({
      ...failed,
      attempts: 1,
      stream,
      status: 504,
      code: 'upstream_timeout',
      name: `A a prompt that is not answered, ${surface(stream)}`,
      script: { trigger: 'silent' },
    }),
  ),
  ...(['wait', 'stall'] as const).flatMap((ending): CtoCell[] => [
    {
      ...failed,
      attempts: 1,
      status: 504,
      code: 'upstream_timeout',
      name: `B ${ending} before the first event`,
      script: { body: moments.B, ending },
    },
    {
      ...broken,
      code: 'upstream_idle_timeout',
      name: `C ${ending} within the answer`,
      script: { body: moments.C, ending },
    },
    { ...good, name: `D ${ending} after the end`, script: { body: moments.D, ending } },
  ]),
]

/** A refused prompt. A 401, a 403 and a redirect to the login page are tried once more with a new token. */
const triggerCells: readonly CtoCell[] = [
  ...(['rst', 'fin'] as const).map(
    (trigger): CtoCell => ({ ...failed, ...disconnected, name: `A ${trigger} before the reply`, script: { trigger } }),
  ),
  ...(
    [
      [302, 502, 'upstream_auth', 1, 2],
      [400, 400, 'invalid_request', 1, 1],
      [401, 502, 'upstream_auth', 1, 2],
      [402, 429, 'insufficient_quota', 1, 1],
      [403, 502, 'upstream_auth', 1, 2],
      [408, 504, 'upstream_timeout', 2, 2],
      [413, 413, 'request_too_large', 1, 1],
      [429, 429, 'rate_limit_exceeded', 1, 1],
      [500, 502, 'upstream_error', 2, 2],
      [503, 503, 'upstream_overloaded', 2, 2],
      [504, 504, 'upstream_timeout', 2, 2],
    ] as const
  ).map(
    ([from, status, code, attempts, asked]): CtoCell => ({
      ...failed,
      name: `A ${from} is ${status} ${code}`,
      script: { trigger: { status: from, body: '{"message":"No."}', headers: { location: '/login' } } },
      status,
      code,
      attempts,
      asked,
    }),
  ),
  {
    ...failed,
    attempts: 1,
    code: 'upstream_blocked',
    name: 'A a captcha',
    script: {
      trigger: { status: 403, body: '<html>Just a moment...</html>', headers: { 'content-type': 'text/html' } },
    },
  },
  {
    ...failed,
    attempts: 1,
    code: 'upstream_blocked',
    name: 'A a captcha that says 200',
    script: {
      trigger: { status: 200, body: '<html>Just a moment...</html>', headers: { 'content-type': 'text/html' } },
    },
  },
  {
    ...failed,
    attempts: 1,
    asked: 2,
    code: 'upstream_auth',
    name: 'A a login page that says 200',
    script: { trigger: { status: 200, body: '<!doctype html><title>Sign in</title>' } },
  },
]

/** Invalid messages. */
const contentCells: readonly CtoCell[] = [
  ...(['B', 'C', 'D'] as const).flatMap((moment): CtoCell[] => {
    const seen = { B: failed, C: broken, D: good }[moment]
    const is = (code: string) => (moment === 'D' ? {} : { code })
    return [
      { ...seen, ...is('upstream_bad_response'), name: `${moment} bad JSON`, script: inserted(moment, '{"type":') },
      {
        ...seen,
        ...is('upstream_bad_response'),
        name: `${moment} bad JSON inside`,
        script: inserted(moment, { type: 'update', buffer: '{"id":' }),
      },
      {
        ...seen,
        ...is('upstream_error'),
        name: `${moment} an error`,
        script: inserted(moment, { type: 'error', message: 'No.' }),
      },
      {
        ...seen,
        ...is('upstream_cancelled'),
        name: `${moment} an end that is none`,
        script: inserted(moment, ctoState(false, { cancelled: true })),
      },
      {
        ...seen,
        ...is('upstream_disconnected'),
        name: `${moment} bytes that are no UTF-8`,
        script: inserted(moment, frame(new Uint8Array([0xff, 0xfe]))),
      },
      {
        ...good,
        name: `${moment} what is of no kind that is known`,
        script: inserted(
          moment,
          { type: 'label', label: 'A title' },
          'pong',
          frame('binary', { opcode: opcodes.binary }),
          frame('?', { opcode: opcodes.ping }),
          ctoUpdate({ id: 'u', role: 'user', content: 'Hello' }),
          ctoUpdate({ id: 't', type: 'tool', content: 'ls' }),
        ),
      },
    ]
  }),
  {
    ...failed,
    code: 'upstream_empty_response',
    name: 'B an empty success',
    script: { body: [...opening, finish] },
  },
  {
    ...good,
    name: 'B an end of what went before',
    script: { body: [finish, finish, ...moments.D] },
  },
  {
    ...failed,
    code: 'upstream_response_too_large',
    name: 'B a message that is too large',
    script: { body: [frame('x'.repeat(9 * 2 ** 20))] },
  },
]

/** Every cell of a prompt and a socket. There is no moment E, because the client leaves after the end. */
export const cells: readonly CtoCell[] = [
  ...both.map(
    (stream): CtoCell => ({
      ...good,
      stream,
      name: `D nothing goes wrong, ${surface(stream)}`,
      script: { body: moments.D },
    }),
  ),
  ...cutCells,
  ...goodbyeCells,
  ...stallCells,
  ...triggerCells,
  ...contentCells,
]
