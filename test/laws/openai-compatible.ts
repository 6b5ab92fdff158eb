import type { Account } from '../../src/accounts/account.ts'
import { Secret } from '../../src/chat/secret.ts'
import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import { openaiCompatible } from '../../src/providers/openai-compatible/upstream.ts'
import { decodeOpenai } from './decode-openai.ts'
import { startHttpRig, streamedFixture } from './http-rig.ts'
import type { Fixture, Rig } from './subject.ts'
import { wholeFixture } from './whole-fixture.ts'

const folder = new URL('../../src/providers/openai-compatible/fixtures/', import.meta.url)
const key = 'canary7f3a9c5e1b8d2064'

/** Whether a frame is the last one: it has the finish. */
const isFinish = (line: string) => line.includes('"finish_reason":"')

const fixtures: readonly Fixture[] = [
  ...['text', 'tool-calls', 'reasoning-usage'].map((name) => streamedFixture(folder, name, { isEnd: isFinish })),
  streamedFixture(folder, 'two-choices', { isEnd: isFinish, choices: 2 }),
  // in this fixture the upstream sends no finish, so `[DONE]` ends the answer
  streamedFixture(folder, 'done-only', { isEnd: (line) => line === '[DONE]' }),
  wholeFixture(folder, 'whole'),
]

/** Starts an emulated OpenAI server, and the provider that asks it with a key. */
export function startOpenaiCompatible(): Promise<Rig> {
  return startHttpRig({
    key,
    model: 'gpt-test',
    fixtures,
    decode: decodeOpenai,
    part: frame({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_384) } }] }),
    leaks,
    async start(reply) {
      const emulator = await emulateOpenai({ keys: [key], reply: ({ model }) => reply(model) })
      const account: Account<Secret> = { label: 'KEY', credential: new Secret(key) }
      const upstream = openaiCompatible({ name: 'subject', url: emulator.url, accounts: [account], manyChoices: true })
      return { emulator, upstream }
    },
  })
}

const json = { 'content-type': 'application/json' }
const complaint = { message: `Incorrect API key: ${key}`, type: key, code: key, param: `param.${key}` }

/** Replies that reveal the key in further fields of this dialect. */
const leaks = [
  ...[413, 503].map((status) => ({ status, headers: json, body: [JSON.stringify({ error: complaint })] })),
  { status: 400, headers: json, body: [JSON.stringify({ error: { message: btoa(key), code: btoa(key) } })] },
  { body: [`event: error\ndata: ${JSON.stringify(complaint)}\n\n`] },
  { body: [frame({ choices: key })] },
]
