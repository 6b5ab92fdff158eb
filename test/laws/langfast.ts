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

/** Reads recorded frames as the bytes of a WebSocket. The answer ends with the frame that `end` finds, which must arrive whole. */
function fixtureOf(name: string, end: (text: string) => boolean): Fixture {
  const texts = readFileSync(new URL(`${name}.frames.txt`, folder), 'utf8')
    .trimEnd()
    .split('\n')
  const upToEnd = texts.slice(0, texts.findIndex(end) + 1).map((text) => frame(text))
  if (upToEnd.length === 0) throw new Error(`${name} has no end marker`)
  const marker = Buffer.concat(upToEnd).length
  const bytes = Buffer.concat(texts.map((text) => frame(text)))
  return { name, choices: 1, stream: true, bytes, endMarker: () => ({ from: marker, to: marker }) }
}

const isCompleted = (text: string) => /job-1.*(completed|done)/.test(text)
const isFinished = (text: string) => text.startsWith('42["completion_finished"')

/** Number of accounts. On one account a chat starts only after the one before has sent something. */
const accountCount = 24

/** Starts an emulated langfast, and the provider that asks it with its own accounts. */
export async function startLangfast(): Promise<Rig> {
  const scripts = new Map<string, RunScript>()
  const langfast = await emulateLangfast({
    reply: (model) => scripts.get(model),
    // without pings: on a busy machine one would come in the middle of a message that is sent byte by byte
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
    // a WebSocket frame has its own length, so there is one framing only
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

/** Configures the upstream with these accounts in place of new ones. They take turns, even in tests that use only the first. */
function upstreamWith(sessions: readonly SupabaseSession[], variables: RawVariables): Upstream {
  const [upstream] = provider.configure(new Environment(variables))
  if (!upstream) throw new Error('there is no upstream')
  const accounts: Account[] = sessions.map((credential, at) => ({ label: `anonymous-${at}`, credential }))
  const { name, support } = upstream
  let asked = 0
  return {
    name,
    support,
    accounts,
    listModels: async () => [],
    chat(request, call) {
      const account = accounts[asked++ % accounts.length] ?? call.account
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

/** Replies in which a careless service reveals the token that it was sent. */
function leaks(token: string): readonly RunScript[] {
  const said = (...body: string[]): RunScript => ({ job: 'job-1', answer: { body } })
  const failed = { executionId: 'job-1', status: 'failed' }
  return [
    ...commonLeaks(token).map((refusal) => ({ refusal: { status: 500, ...refusal } })),
    { job: token },
    said(chunkFrame({ ...failed, error: `bad token ${token}` })),
    said(chunkFrame({ ...failed, error: { message: token, code: token, type: token } })),
    said(chunkFrame({ executionId: 'job-1', status: token, content: 'Hi' }), '41'),
    said(chunkFrame({ executionId: 'job-1', status: 'completed', content: 'Hi', finish_reason: token })),
    said(eventFrame(token, token), eventFrame('completion_finished', { executionId: 'job-1', error: token })),
    said(`42["${token}`),
    said(`44${JSON.stringify({ message: token, data: token })}`, '1'),
  ]
}
