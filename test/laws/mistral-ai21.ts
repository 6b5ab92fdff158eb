import { frame } from '../../src/clients/openai-chat/emulator/service.ts'
import { Environment } from '../../src/config/environment.ts'
import { emulateAi21 } from '../../src/providers/ai21/emulator/index.ts'
import { provider as ai21 } from '../../src/providers/ai21/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator/index.ts'
import { provider as mistral } from '../../src/providers/mistral/index.ts'
import type { Provider, Upstream } from '../../src/providers/provider.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { decodeOpenai } from './decode-openai.ts'
import { startHttpRig, streamedFixture } from './http-rig.ts'
import type { Rig } from './subject.ts'
import { wholeFixture } from './whole-fixture.ts'

const key = 'canary2e8d40b7c19f5a63'
const part = frame({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_384) }, finish_reason: null }] })
/** Whether a frame is the last one: it has the finish. */
const isEnd = (line: string) => line.includes('"finish_reason":"')

/** Replies that reveal the key in fields that only FastAPI has. */
const leaks: readonly Script[] = [400, 401, 422, 429, 500].flatMap((status) =>
  [{ detail: [{ loc: ['body', key], msg: key, type: key, input: key }] }, { message: { detail: key }, type: key }].map(
    (body) => ({ status, headers: { 'content-type': 'application/json' }, body: [JSON.stringify(body)] }),
  ),
)
const leaksInStream: readonly Script[] = [
  { body: [frame({ detail: key })] },
  { body: [frame({ object: 'error', message: key })] },
]

export function startMistral(): Promise<Rig> {
  const folder = new URL('../../src/providers/mistral/fixtures/', import.meta.url)
  return startHttpRig({
    key,
    model: 'mistral-small-latest',
    fixtures: [
      ...['text', 'whole-calls', 'thinking'].map((name) => streamedFixture(folder, name, { isEnd })),
      streamedFixture(folder, 'two-choices', { isEnd, choices: 2 }),
      wholeFixture(folder, 'whole'),
    ],
    decode: decodeOpenai,
    part,
    leaks: [...leaks, ...leaksInStream],
    async start(reply) {
      const emulator = await emulateMistral({ keys: [key], reply: ({ model }) => reply(model) })
      return { emulator, upstream: configure(mistral, { MISTRAL_TOKEN: key, MISTRAL_BASE_URL: emulator.origin }) }
    },
  })
}

export function startAi21(): Promise<Rig> {
  const folder = new URL('../../src/providers/ai21/fixtures/', import.meta.url)
  return startHttpRig({
    key,
    model: 'jamba-mini',
    fixtures: [
      ...['text', 'calls'].map((name) => streamedFixture(folder, name, { isEnd })),
      wholeFixture(folder, 'whole'),
    ],
    decode: decodeOpenai,
    part,
    leaks: [...leaks, ...leaksInStream],
    async start(reply) {
      const emulator = await emulateAi21({ keys: [key], reply: ({ model }) => reply(model) })
      // without its fixed list of models, because the laws use a new model for each reply
      const { models: _, ...open } = configure(ai21, { AI21_TOKEN: key, AI21_BASE_URL: emulator.origin })
      return { emulator, upstream: { ...open, listModels: async () => [] } }
    },
  })
}

function configure(provider: Provider, variables: Readonly<Record<string, string>>): Upstream {
  const [upstream] = provider.configure(new Environment(variables))
  if (!upstream) throw new Error('the subject is misconfigured')
  return upstream
}
