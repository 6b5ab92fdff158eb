import { readFileSync } from 'node:fs'
import type { Account } from '../../src/accounts/account.ts'
import { Environment } from '../../src/config/environment.ts'
import type { Batch } from '../../src/flow/flow.ts'
import { type CtoEmulator, emulateCto, emulatedUser } from '../../src/providers/cto/emulator/index.ts'
import { type CtoScript, ctoMessage, ctoState, ctoUpdate } from '../../src/providers/cto/emulator/script.ts'
import { CtoDecoder } from '../../src/providers/cto/events.ts'
import { provider } from '../../src/providers/cto/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import { fragments } from '../../src/wire/emulator/websocket.ts'
import { newCancel } from '../../src/wire/machine.double.ts'
import { frame } from '../../src/wire/websocket-frames.ts'
import { commonLeaks, requestFor } from './http-rig.ts'
import { broken, textsInMemory } from './in-memory.ts'
import type { BytesInMemory, Fixture, Reply, Rig } from './subject.ts'

const folder = new URL('../../src/providers/cto/fixtures/', import.meta.url)
const isEnd = (text: string) => text.startsWith('{"type":"state","state":{"inProgress":false')
const oneFrame = (text: string) => frame(text)
/** Writes each message in three frames. */
const threeFrames = (text: string) => fragments(text, [1, Math.floor(Buffer.byteLength(text) / 2)])

/** Reads recorded messages as the bytes of a socket. The last message ends the answer, so it must arrive whole. */
function fixtureOf(name: string, layout: (text: string) => Buffer = oneFrame): Fixture {
  const texts = readFileSync(new URL(`${name}.frames.txt`, folder), 'utf8')
    .trimEnd()
    .split('\n')
  const upToEnd = texts.slice(0, texts.findLastIndex(isEnd) + 1)
  if (upToEnd.length === 0) throw new Error(`${name} has no end marker`)
  const marker = Buffer.concat(upToEnd.map(layout)).length
  const bytes = Buffer.concat(texts.map(layout))
  return { name, choices: 1, stream: true, bytes, endMarker: () => ({ from: marker, to: marker }) }
}

/** Starts an emulated cto.new, and the provider that asks it with a user's session. */
export async function startCto(): Promise<Rig> {
  const scripts = new Map<string, CtoScript>()
  const user = emulatedUser('canary6e1d9c27b3f04a85')
  const emulator = await emulateCto({ users: [user], reply: ({ model }) => scripts.get(model), tokenLife: 3_600 })
  const { upstream, secrets } = await signIn(emulator)
  const plan = (script: CtoScript) => {
    const name = `plan-${scripts.size}`
    scripts.set(name, script)
    return requestFor(name)
  }
  return {
    upstream,
    secrets,
    fixtures: [
      ...['text', 'several-documents', 'cumulative'].map((name) => fixtureOf(name)),
      { ...fixtureOf('two-messages', threeFrames), name: 'two-messages, fragmented' },
    ],
    // a WebSocket frame has its own length, so there is one framing only
    framings: ['chunked'],
    decode,
    request(reply) {
      if (!reply) return requestFor('GPT5')
      return plan(reply === 'silent' ? { trigger: 'silent' } : scriptOf(reply))
    },
    leaks: () => secrets.flatMap(leaks).map(plan),
    flood: () => {
      let written = 0
      const part = ctoMessage(ctoUpdate({ id: 'a', type: 'chat', chat: { content: 'x'.repeat(16_384) } }))
      const endless = function* () {
        for (yield ctoMessage(ctoState(true)); ; ) {
          yield part
          written += part.length
        }
      }
      return { request: plan({ body: endless() }), written: () => written }
    },
    openConnections: () => emulator.openConnections(),
    arrived: () => emulator.chats.length,
    close: () => emulator.close(),
  }
}

/** Signs in with a session that is longer than the test, because the provider alone does not renew it. */
async function signIn({ variables }: CtoEmulator): Promise<{ upstream: Upstream; secrets: readonly string[] }> {
  const [configured] = provider.configure(new Environment(variables))
  const account: Account | undefined = configured?.accounts[0]
  if (!configured || !account?.renewal) throw new Error('there is no account')
  const { renew, encode } = account.renewal
  const credential = await renew(account.credential, newCancel())
  const { cookie, session }: { cookie: string; session: { jwt: string; userId: string } } = JSON.parse(
    encode(credential),
  )
  const { name, support } = configured
  return {
    upstream: {
      name,
      support,
      listModels: async () => [],
      keepsThreads: true,
      accounts: [{ ...account, credential }],
      chat: (request, call) => configured.chat(request, call),
    },
    secrets: [cookie, session.jwt, session.userId],
  }
}

/** Decodes the bytes of the socket up to the end of the answer. */
async function* decode(bytes: BytesInMemory): AsyncGenerator<Batch> {
  const decoder = new CtoDecoder()
  for (const text of textsInMemory(bytes)) {
    const batch = decoder.frame(text)
    if (batch.length > 0) yield batch
    if (decoder.finished) return
  }
  throw broken()
}

function scriptOf({
  fixture,
  sent = fixture.bytes.length,
  splits = [],
  ending = 'end',
  endDelayMs = 0,
}: Reply): CtoScript {
  const edges = [0, ...splits.filter((at) => at > 0 && at < sent), sent]
  const parts = edges.slice(1).map((end, at) => fixture.bytes.subarray(edges[at], end))
  return {
    body: parts.filter(({ length }) => length > 0),
    ending: ending === 'end' ? 'wait' : ending,
    endDelayMs,
    // the pause lets the parts arrive one by one
    ...(splits.length > 0 && { paceMs: 1 }),
  }
}

/** Replies in which a careless service reveals the secret that it was sent. */
function leaks(secret: string): readonly CtoScript[] {
  const said = (...messages: (object | string)[]): CtoScript => ({
    body: [ctoState(true), ...messages].map(ctoMessage),
    ending: { close: 1011 },
  })
  return [
    ...commonLeaks(secret).flatMap(({ status = 500, body = [], headers = {} }) => {
      const text = Array.isArray(body) ? body.join('') : ''
      return [{ trigger: { status, body: text, headers } }]
    }),
    said({ type: 'error', message: secret }),
    said({ type: secret }),
    said({ type: 'update', buffer: `{"${secret}` }),
    said({ type: 'update', buffer: { id: secret, type: secret, content: secret } }),
    said({ type: 'state', state: { inProgress: false, cancelled: true, taskId: secret } }),
    said(secret),
  ]
}
