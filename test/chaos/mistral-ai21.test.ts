/**
 * The fault matrix for upstreams that speak almost OpenAI's dialect. They have the same cells, and refusals in the form of
 * these services.
 */

import type { EmulatedService } from '../../src/clients/openai-chat/emulator/service.ts'
import { Environment } from '../../src/config/environment.ts'
import { emulateAi21 } from '../../src/providers/ai21/emulator/index.ts'
import { provider as ai21 } from '../../src/providers/ai21/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator/index.ts'
import { provider as mistral } from '../../src/providers/mistral/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { type Cell, jsonHeaders } from './cell.ts'
import { cells } from './matrix.ts'
import { byModel, testMatrix } from './test-matrix.ts'

interface Subject {
  readonly name: string
  readonly own: readonly Cell[]
  start(reply: (chat: { readonly model: string }) => Script | undefined): Promise<EmulatedService>
  configure(origin: string, model: string): readonly Upstream[]
}

/** A refusal in the service's own form. */
function refusalCell(status: number, body: object, seen: Pick<Cell, 'status' | 'code'> & Partial<Cell>): Cell {
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
      refusalCell(401, { detail: 'Unauthorized' }, auth),
      refusalCell(401, { message: 'Unauthorized', request_id: 'a' }, auth),
      refusalCell(422, { detail: [fault] }, invalid),
      refusalCell(422, { ...object, code: null, message: { detail: [fault] }, type: 'invalid_request_error' }, invalid),
      refusalCell(429, { message: 'Requests rate limit exceeded' }, limited),
      refusalCell(429, { ...object, message: 'Full.', type: 'service_tier_capacity_exceeded', code: '3505' }, limited),
      refusalCell(400, { ...object, message: 'Invalid model: a', type: 'invalid_model', code: '1500' }, noModel),
      refusalCell(500, { ...object, message: 'Oops', type: 'internal_server_error', code: '1000' }, failed),
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
      refusalCell(401, { detail: 'Forbidden: Bad or missing API token.' }, auth),
      refusalCell(422, { detail: 'n must be 1' }, invalid),
      refusalCell(422, { detail: [fault] }, invalid),
      refusalCell(424, { detail: 'The model failed.' }, failed),
      refusalCell(429, { detail: 'Slow down.' }, limited),
      refusalCell(500, { detail: 'Oops.' }, failed),
    ],
    start: (reply) => emulateAi21({ reply }),
    configure: (origin, model) =>
      ai21.configure(new Environment({ AI21_TOKEN: 'of-the-matrix', AI21_BASE_URL: origin, AI21_MODELS: model })),
  },
]

for (const { name, own, start, configure } of subjects) {
  const models = byModel([...cells, ...own])
  const emulator = await start(({ model }) => models.get(model)?.script)
  testMatrix({
    title: name,
    cells: models,
    configure: (model) => configure(emulator.origin, model),
    asked: (asked) => emulator.chats.filter(({ model }) => model === asked).length,
    // its prefix needs no anchor, so it goes on with a few words too
    isAskedOn: ({ status, code, name: fault }) =>
      name === 'mistral' && status === 200 && code !== undefined && !fault.includes('too large'),
    close: () => emulator.close(),
  })
}
