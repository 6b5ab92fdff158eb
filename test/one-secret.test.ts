import { describe, expect, test } from 'bun:test'
import { callerOf, hashedCallerId } from '../src/chat/caller.ts'
import { ChatError } from '../src/chat/error.ts'
import { Secret } from '../src/chat/secret.ts'
import { ClientSeals } from '../src/conversations/client-seals.ts'
import { hashOf } from '../src/keys/named-key.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { sealStore } from '../src/state/seal.ts'
import { machine } from '../src/wire/machine.double.ts'
import { startApp } from './attacks/rig.ts'

// one secret, one purpose: what is sealed or derived for one use is worthless for every other

/** The same text as the state's secret and as a client's key, which is the worst case. */
const text = 'sk-one-secret-for-all-0123456789abcdef'
const secret = new Secret(text)
const callers = [
  callerOf({ secret, role: 'admin' }),
  callerOf({ secret: new Secret('sk-other-0123456789'), role: 'client' }),
]

/** A use of a secret: it seals a text, and opens what was sealed for it, or returns undefined. */
interface SecretUse {
  readonly name: string
  seal(plain: string): Promise<string>
  open(sealed: string): Promise<string | undefined>
}

const bare = new MemoryStore({ runtime: machine })
const sealed = await sealStore(bare, secret, { runtime: machine })
const seals = (known: Secret | undefined) => new ClientSeals({ store: sealed, secret: known, runtime: machine })

const ofStore = (key: string): SecretUse => ({
  name: `a value of the store under ${key}`,
  async seal(plain) {
    await sealed.put(key, plain)
    return (await bare.get(key))?.value ?? ''
  },
  async open(text) {
    await bare.put(key, text)
    return sealed.get(key).then(
      (found) => found?.value,
      (thrown) => (thrown instanceof ChatError ? undefined : Promise.reject(thrown)),
    )
  },
})

const ofClient = (seal: ClientSeals, kind: string, which: 0 | 1): SecretUse => {
  const caller = callers[which] ?? callers[0]
  if (!caller) throw new Error('there is no caller')
  return {
    name: `${kind} that caller ${which} keeps`,
    seal: async (plain) => (await seal.for(caller)).seal(kind, plain),
    open: async (text) => (await seal.for(caller)).open(kind, text),
  }
}

const uses: readonly SecretUse[] = [
  ofStore('account/a'),
  ofStore('client-keys'),
  ...[seals(secret), seals(undefined)].flatMap((one) =>
    ['reasoning', 'compaction'].flatMap((kind) => [ofClient(one, kind, 0), ofClient(one, kind, 1)]),
  ),
]

describe('what is sealed', () => {
  for (const [at, use] of uses.entries())
    test(`as ${use.name} (${at}) is opened by no other use`, async () => {
      const kept = await use.seal('plain')
      expect(await use.open(kept)).toBe('plain')
      for (const other of uses)
        if (other !== use) expect([other.name, await other.open(kept)]).toEqual([other.name, undefined])
    })
})

test('nothing that is derived from a key lets anybody in', async () => {
  const app = startApp({ API_MASTER_KEY: text, STATE_SECRET: text })
  await using _ = app
  const derived = [
    hashOf(text),
    hashedCallerId(hashOf(text)),
    ...callers.map(({ id }) => id),
    await uses[0]?.seal(text),
  ]
  for (const key of derived) {
    const response = await fetch(`${app.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
    expect(response.status).toBe(403)
  }
  expect(new Set(derived).size).toBe(derived.length)
  expect((await fetch(`${app.url}/v1/models`, { headers: { 'api-key': text } })).status).toBe(200)
})
