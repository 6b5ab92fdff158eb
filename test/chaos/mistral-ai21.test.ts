/**
 * The fault matrix for upstreams that speak almost OpenAI's dialect: they keep every cell of it, and the refusals as
 * these services write them.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Environment } from '../../src/config/environment.ts'
import type { EmulatedService } from '../../src/dialects/openai-chat/emulated-service.ts'
import { emulateAi21 } from '../../src/providers/ai21/emulator.ts'
import { provider as ai21 } from '../../src/providers/ai21/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator.ts'
import { provider as mistral } from '../../src/providers/mistral/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import type { Script } from '../../src/wire/emulated-script.ts'
import { until } from '../waiting.ts'
import { ask } from './client.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway } from './gateway.ts'
import { type Cell, cells } from './matrix.ts'
import { jsonHeaders } from './scripts.ts'

setDefaultTimeout(30_000)

interface Subject {
  readonly name: string
  readonly own: readonly Cell[]
  start(reply: (chat: { readonly model: string }) => Script | undefined): Promise<EmulatedService>
  configure(origin: string, model: string): readonly Upstream[]
}

/** A refusal in the service's own words. */
function said(status: number, body: object, seen: Pick<Cell, 'status' | 'code'> & Partial<Cell>): Cell {
  const text = JSON.stringify(body)
  const script = { status, headers: jsonHeaders, body: [text] }
  return { name: `A ${status} ${text.slice(0, 70)}`, script, text: '', attempts: 1, stream: true, ...seen }
}

const auth = { status: 502, code: 'upstream_auth' } as const
const invalid = { status: 400, code: 'invalid_request' } as const
const noModel = { status: 404, code: 'model_not_found' } as const
const limited = { status: 429, code: 'rate_limit_exceeded' } as const
const failed = { status: 502, code: 'upstream_error', attempts: 2 } as const
const fault = { type: 'extra_forbidden', loc: ['body', 'x'], msg: 'Extra inputs are not permitted' }
const object = { object: 'error', param: null }

const subjects: readonly Subject[] = [
  {
    name: 'mistral',
    own: [
      said(401, { detail: 'Unauthorized' }, auth),
      said(401, { message: 'Unauthorized', request_id: 'a' }, auth),
      said(422, { detail: [fault] }, invalid),
      said(422, { ...object, code: null, message: { detail: [fault] }, type: 'invalid_request_error' }, invalid),
      said(429, { message: 'Requests rate limit exceeded' }, limited),
      said(429, { ...object, message: 'Full.', type: 'service_tier_capacity_exceeded', code: '3505' }, limited),
      said(400, { ...object, message: 'Invalid model: a', type: 'invalid_model', code: '1500' }, noModel),
      said(500, { ...object, message: 'Oops', type: 'internal_server_error', code: '1000' }, failed),
    ],
    start: (reply) => emulateMistral({ reply }),
    configure: (origin, model) =>
      mistral.configure(
        new Environment({ MISTRAL_TOKEN: 'of-the-matrix', MISTRAL_BASE_URL: origin, MISTRAL_MODELS: model }),
      ),
  },
  {
    name: 'ai21',
    own: [
      said(401, { detail: 'Forbidden: Bad or missing API token.' }, auth),
      said(422, { detail: 'n must be 1' }, invalid),
      said(422, { detail: [fault] }, invalid),
      said(424, { detail: 'The model failed.' }, failed),
      said(429, { detail: 'Slow down.' }, limited),
      said(500, { detail: 'Oops.' }, failed),
    ],
    start: (reply) => emulateAi21({ reply }),
    configure: (origin, model) =>
      ai21.configure(new Environment({ AI21_TOKEN: 'of-the-matrix', AI21_BASE_URL: origin, AI21_MODELS: model })),
  },
]

for (const { name: subject, own, start, configure } of subjects) {
  const named = new Map([...cells, ...own].map((cell, at) => [`cell-${at}`, cell]))
  const emulator = await start(({ model }) => named.get(model)?.script)
  // an upstream for each cell: what one does to its account is not the others' trouble
  const upstreams = [...named.keys()].flatMap((name) =>
    configure(emulator.origin, name).map((upstream) => ({ ...upstream, name })),
  )
  const gateway = startGateway({ API_REQUEST_TIMEOUT: '2', STREAM_IDLE_TIMEOUT: '2' }, (config) => ({
    ...config,
    upstreams,
  }))
  afterAll(async () => {
    await gateway.close()
    await emulator.close()
  })

  describe(`fault matrix, ${subject}`, () => {
    for (const [name, cell] of named) {
      test.concurrent(cell.name, async () => {
        const answer = await ask(gateway.url, { model: `${name}/${name}`, id: name, stream: cell.stream })
        expectCell(answer, cell)
        expect(emulator.chats.filter(({ model }) => model === name).length).toBe(cell.attempts)
        await until(() => gateway.linesOf(name).length > 0, 1_000, 'the line of the log')
        expect(gateway.linesOf(name)).toMatchObject([{ outcome: cell.code ?? 'ok', attempts: cell.attempts }])
      })
    }
  })
}
