import { Environment } from '../../src/config/environment.ts'
import { EitherDecoder } from '../../src/providers/smithery/either-stream.ts'
import { emulateSmithery, smitheryChunk } from '../../src/providers/smithery/emulator/index.ts'
import { provider } from '../../src/providers/smithery/index.ts'
import type { HttpEmulator } from '../../src/wire/emulator/http.ts'
import { readFrames } from '../../src/wire/read-frames.ts'
import { startHttpRig, streamedFixture } from './http-rig.ts'
import { never } from './in-memory.ts'
import type { Rig } from './subject.ts'

const folder = new URL('../../src/providers/smithery/fixtures/', import.meta.url)
const events = { isEnd: (frame: string) => frame.startsWith('{"type":"finish"') }
const lines = { isEnd: (line: string) => line.startsWith('d:'), write: (line: string) => `${line}\n` }

/** Starts an emulated smithery with its Supabase, and the provider that asks it with a renewable session. */
export async function startSmithery(): Promise<Rig> {
  const scripts: ((model: string) => ReturnType<Reply>)[] = []
  const emulator = await emulateSmithery({ reply: ({ model }) => scripts[0]?.(model) })
  const [upstream] = provider.configure(new Environment(emulator.variables))
  if (!upstream) throw new Error('there is no upstream')
  // without its list of models, because the rig uses a new model for each request
  const { models: _, ...fixed } = upstream
  const unlisted = { ...fixed, listModels: async () => [] }
  const tokens: { access_token: string; refresh_token: string } = JSON.parse(emulator.variables.SMITHERY_COOKIE_1 ?? '')
  const [key, refreshToken] = [tokens.access_token, tokens.refresh_token]
  const rig = await startHttpRig({
    key,
    model: 'gpt-5',
    fixtures: [
      ...['text', 'tools-with-deltas', 'server-tools', 'sources'].map((name) => streamedFixture(folder, name, events)),
      streamedFixture(folder, 'data-stream', lines),
    ],
    decode: (reply) => readFrames(reply, new EitherDecoder(reply.headers), never),
    part: smitheryChunk({ type: 'text-delta', id: 't0', delta: 'x'.repeat(16_384) }),
    leaks: [key, refreshToken, cookieOf(tokens)].flatMap(leaksOf),
    async start(reply) {
      scripts.push(reply)
      return { emulator: emulator satisfies HttpEmulator, upstream: unlisted }
    },
  })
  return { ...rig, secrets: [key, refreshToken, cookieOf(tokens)] }
}

type Reply = Parameters<Parameters<typeof startHttpRig>[0]['start']>[0]

/** Returns the value of the cookie, without the prefix that all of them have. */
function cookieOf(session: object): string {
  return Buffer.from(JSON.stringify(session)).toString('base64url')
}

/** Replies that reveal the secret in fields that only smithery has. */
function leaksOf(secret: string) {
  const chunk = (type: string, members: object) => ({ body: [smitheryChunk({ type, ...members })] })
  return [
    { status: 400, body: [JSON.stringify({ error: `no such cookie: ${secret}` })] },
    chunk('error', { errorText: `no such token: ${secret}` }),
    chunk('abort', { reason: secret }),
    chunk('finish', { finishReason: secret, messageMetadata: { usage: { inputTokens: secret } } }),
    chunk(secret, {}),
    { body: [`3:${JSON.stringify(secret)}\n`] },
    { body: [`0:${secret}\n`] },
  ]
}
