import { readFileSync } from 'node:fs'
import type { Account } from '../../src/accounts/account.ts'
import { Environment } from '../../src/config/environment.ts'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import type { Batch } from '../../src/flow/flow.ts'
import { AccountRuns } from '../../src/providers/langfast/account-runs.ts'
import { chunkFrame } from '../../src/providers/langfast/emulator/answer.ts'
import { emulateLangfast } from '../../src/providers/langfast/emulator/index.ts'
import type { RunScript } from '../../src/providers/langfast/emulator/run-server.ts'
import { RunReader } from '../../src/providers/langfast/events.ts'
import { provider } from '../../src/providers/langfast/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import { readSession, type SupabaseSession } from '../../src/sign-in/session.ts'
import { eventFrame } from '../../src/wire/emulator/socketio.ts'
import { frame } from '../../src/wire/websocket-frames.ts'
import { commonLeaks, requestFor } from './http-rig.ts'
import { broken, never, textsInMemory } from './in-memory.ts'
import type { BytesInMemory, Fixture, Reply, Rig } from './subject.ts'

const folder = new URL('../../src/providers/langfast/fixtures/', import.meta.url)

/** Reads recorded frames as the bytes of a WebSocket. `isEnd` finds the frame that ends the answer. Without all bytes of that frame, the answer is cut. */
function fixtureOf(name: string, isEnd: (text: string) => boolean): Fixture {
  const texts = readFileSync(new URL(`${name}.frames.txt`, folder), 'utf8')
    .trimEnd()
    .split('\n')
  const upToEnd = texts.slice(0, texts.findIndex(isEnd) + 1).map((text) => frame(text))
  if (upToEnd.length === 0) throw new Error(`${name} has no end marker`)
  const marker = Buffer.concat(upToEnd).length
  const bytes = Buffer.concat(texts.map((text) => frame(text)))
  return { name, choices: 1, stream: true, bytes, endMarker: () => ({ from: marker, to: marker }) }
}

const isCompleted = (text: string) => /job-1.*(completed|done)/.test(text)
const isFinished = (text: string) => text.startsWith('42["completion_finished"')

/** Tests run many chats at once, but an account starts a chat only after its previous chat has sent something. */
const accountCount = 24

/** Starts an emulated langfast, and an upstream that uses it with accounts made here. */
export async function startLangfast(): Promise<Rig> {
  const scripts = new Map<string, RunScript>()
  const langfast = await emulateLangfast({
    reply: (model) => scripts.get(model),
    // no pings: on a busy machine, a ping would interrupt a message that is sent byte by byte
    pulse: { connectTimeout: 45_000, pingInterval: 600_000, pingTimeout: 600_000 },
  })
  const sessions = Array.from({ length: accountCount }, () => readSession(langfast.signIn())).filter((found) => !!found)
  const secrets = sessions.map(({ accessToken }) => accessToken.reveal())
  const [token = ''] = secrets
  const plan = (script: RunScript) => {
    const name = `plan-${scripts.size}`
    scripts.set(name, script)
    return requestFor(name)
  }
  return {
    upstream: upstreamWith(sessions, langfast.variables),
    secrets,
    fixtures: [
      ...['text', 'json-strings', 'others-between'].map((name) => fixtureOf(name, isCompleted)),
      fixtureOf('only-finished', isFinished),
    ],
    // a WebSocket frame states its own length, so only one framing is possible
    framings: ['chunked'],
    decode,
    request(reply) {
      if (!reply) return requestFor('gpt-4o-mini')
      return plan(reply === 'silent' ? { refusal: { framing: 'raw', ending: 'stall' } } : scriptOf(reply))
    },
    leaks: () => leaks(token).map(plan),
    openConnections: () => langfast.busy(),
    arrived: () => langfast.runs.length,
    close: () => langfast.close(),
  }
}

/** Configures the upstream with these accounts, so that it makes none. Each chat uses the next account, not the one of its call. */
function upstreamWith(sessions: readonly SupabaseSession[], variables: RawVariables): Upstream {
  const [upstream] = provider.configure(new Environment(variables))
  if (!upstream) throw new Error('there is no upstream')
  const accounts: Account[] = sessions.map((credential, at) => ({ label: `anonymous-${at}`, credential }))
  const { name, support } = upstream
  let chatCount = 0
  return {
    name,
    support,
    accounts,
    listModels: async () => [],
    chat(request, call) {
      const account = accounts[chatCount++ % accounts.length] ?? call.account
      return upstream.chat(request, { ...call, account })
    },
  }
}

/** Decodes the Socket.IO frames of the first run, up to its end. */
async function* decode(bytes: BytesInMemory): AsyncGenerator<Batch> {
  const runs = new AccountRuns()
  const reader = new RunReader(runs, await runs.begin(never))
  reader.expect()
  yield* reader.begin('job-1')
  for (const text of textsInMemory(bytes)) {
    const [name, ...values]: [string, ...unknown[]] = JSON.parse(text.slice('42'.length))
    const batch = reader.event({ name, values })
    if (batch.length > 0) yield batch
    if (reader.finished) return
  }
  throw broken()
}

function scriptOf({
  fixture,
  sent = fixture.bytes.length,
  splits = [],
  ending = 'end',
  endDelayMs = 0,
}: Reply): RunScript {
  const edges = [0, ...splits.filter((at) => at > 0 && at < sent), sent]
  const parts = edges.slice(1).map((end, at) => fixture.bytes.subarray(edges[at], end))
  const body = parts.filter(({ length }) => length > 0)
  // the pause lets the parts arrive one by one
  const answer = { body, ending, endDelayMs, ...(splits.length > 0 && { paceMs: 1 }) }
  return { job: 'job-1', answer }
}

/** Replies of a careless service, which repeat the client's token. */
function leaks(token: string): readonly RunScript[] {
  const answerWith = (...body: string[]): RunScript => ({ job: 'job-1', answer: { body } })
  const failed = { executionId: 'job-1', status: 'failed' }
  return [
    ...commonLeaks(token).map((refusal) => ({ refusal: { status: 500, ...refusal } })),
    { job: token },
    answerWith(chunkFrame({ ...failed, error: `bad token ${token}` })),
    answerWith(chunkFrame({ ...failed, error: { message: token, code: token, type: token } })),
    answerWith(chunkFrame({ executionId: 'job-1', status: token, content: 'Hi' }), '41'),
    answerWith(chunkFrame({ executionId: 'job-1', status: 'completed', content: 'Hi', finish_reason: token })),
    answerWith(eventFrame(token, token), eventFrame('completion_finished', { executionId: 'job-1', error: token })),
    answerWith(`42["${token}`),
    answerWith(`44${JSON.stringify({ message: token, data: token })}`, '1'),
  ]
}
