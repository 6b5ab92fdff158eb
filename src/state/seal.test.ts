import { describe, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { machine } from '../wire/machine.double.ts'
import { MemoryStore } from './memory/memory-store.ts'
import { openTextSealer, refuseSealed, sealStore } from './seal.ts'

const secret = new Secret('a-secret-to-seal-with')
const otherSecret = new Secret('another-secret-to-seal')

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const thrown = await promise.then(() => undefined).catch((error) => error)
  return thrown instanceof ChatError ? `${thrown.reason} ${thrown.code}: ${thrown.message}` : String(thrown)
}

async function openSealed() {
  const below = new MemoryStore({ runtime: machine })
  return { below, store: await sealStore(below, secret, { runtime: machine }) }
}

test('the store below contains no value in clear text, and never the same text twice', async () => {
  const { below, store } = await openSealed()
  const plain = 'the-plain-value-of-a-token'
  const sealedValues = new Set<string>()
  for (const write of [
    () => store.put('a', plain),
    () => store.put('a', plain),
    () => store.compareAndSet('b', 0, plain),
  ])
    await write()
  for (const key of await below.keys('', 99)) {
    const { value = '' } = (await below.get(key)) ?? {}
    sealedValues.add(value)
    for (const form of [value, Buffer.from(value, 'base64').toString('latin1')]) {
      expect(form).not.toContain(plain)
      expect(form).not.toContain(Buffer.from(plain).toString('base64').slice(0, 12))
      expect(form).not.toContain(secret.reveal())
    }
  }
  expect(sealedValues.size).toBe(3)
})

test('each write uses a new nonce, so the same value is never sealed to the same text', async () => {
  const { below, store } = await openSealed()
  const seen = new Set<string>()
  for (let at = 0; at < 1000; at++) {
    await store.put('a', '')
    const bytes = Buffer.from((await below.get('a'))?.value ?? '', 'base64')
    expect(bytes[0]).toBe(1)
    seen.add(bytes.subarray(1, 13).toString('hex'))
  }
  expect(seen.size).toBe(1000)
})

test('a value that was copied to another key cannot be opened', async () => {
  const { below, store } = await openSealed()
  await store.put('mine', 'x')
  await store.put('yours', 'y')
  await below.put('yours', (await below.get('mine'))?.value ?? '')
  expect(await refusalOf(store.get('yours'))).toStartWith('unavailable state_sealed: ')
  expect((await store.get('mine'))?.value).toBe('x')
})

test('a value with a changed, missing or additional byte cannot be opened', async () => {
  const { below, store } = await openSealed()
  await store.put('a', 'x')
  const bytes = Buffer.from((await below.get('a'))?.value ?? '', 'base64')
  const damaged = [
    ...Array.from(bytes, (byte, at) => Buffer.from(bytes).fill(byte ^ 1, at, at + 1)),
    ...Array.from(bytes, (_, at) => bytes.subarray(0, at)),
    Buffer.concat([bytes, Buffer.of(0)]),
  ]
  expect(damaged.length).toBe(2 * bytes.length + 1)
  for (const value of damaged) {
    await below.put('a', value.toString('base64'))
    const message = await refusalOf(store.get('a'))
    expect(message).toStartWith('unavailable state_sealed: ')
    expect(message).toContain('Set the former STATE_SECRET, or add')
    expect(await refusalOf(store.take('a'))).toStartWith('unavailable state_sealed: ')
  }
})

describe('opening', () => {
  test('with the same secret finds every value', async () => {
    const { below, store } = await openSealed()
    await store.put('a', 'x')
    expect((await (await sealStore(below, secret, { runtime: machine })).get('a'))?.value).toBe('x')
  })

  test('with another secret fails before anything is read or written', async () => {
    const { below, store } = await openSealed()
    await store.put('a', 'x')
    expect(await refusalOf(sealStore(below, otherSecret, { runtime: machine }))).toMatch(
      /^unavailable state_sealed: .*Set the former STATE_SECRET/,
    )
    expect((await store.get('a'))?.value).toBe('x')
  })

  test('with another secret also fails if the store has no values', async () => {
    const { below } = await openSealed()
    expect(await refusalOf(sealStore(below, otherSecret, { runtime: machine }))).toStartWith(
      'unavailable state_sealed: ',
    )
  })

  test('without a secret fails if the store is sealed', async () => {
    const { below } = await openSealed()
    expect(await refusalOf(refuseSealed(below))).toMatch(/^unavailable state_sealed: .*no STATE_SECRET is set/)
    expect(await refusalOf(refuseSealed(new MemoryStore({ runtime: machine })))).toBe('undefined')
  })

  test('a store that was written without a secret fails, and changes nothing', async () => {
    const below = new MemoryStore({ runtime: machine })
    await below.put('a', 'plain')
    expect(await refusalOf(sealStore(below, secret, { runtime: machine }))).toMatch(
      /^unavailable state_sealed: .*Unset it/,
    )
    expect(await below.keys('', 9)).toEqual(['a'])
  })

  test('at the same time by two processes binds the store to one secret', async () => {
    const below = new MemoryStore({ runtime: machine })
    const stores = await Promise.all([
      sealStore(below, secret, { runtime: machine }),
      sealStore(below, secret, { runtime: machine }),
    ])
    await stores[0]?.put('a', 'x')
    expect((await stores[1]?.get('a'))?.value).toBe('x')
    const raced = new MemoryStore({ runtime: machine })
    const outcomes = await Promise.all(
      [sealStore(raced, secret, { runtime: machine }), sealStore(raced, otherSecret, { runtime: machine })].map(
        refusalOf,
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'undefined').length).toBe(1)
  })
})

describe('the previous secret', () => {
  const changed = { runtime: machine, previous: secret }

  test('opens what was written with it, and what is written anew needs the new one', async () => {
    const { below, store: before } = await openSealed()
    for (const key of ['a', 'b', 'c']) await before.put(key, `of ${key}`)
    const store = await sealStore(below, otherSecret, changed)
    expect([(await store.get('a'))?.value, await store.take('b')]).toEqual(['of a', 'of b'])
    await store.put('a', 'new')
    await store.compareAndSet('c', (await store.get('c'))?.version ?? 0, 'newer')
    const after = await sealStore(below, otherSecret, { runtime: machine })
    expect([(await after.get('a'))?.value, (await after.get('c'))?.value]).toEqual(['new', 'newer'])
    expect(await refusalOf(sealStore(below, secret, { runtime: machine }))).toStartWith('unavailable state_sealed: ')
  })

  test('opens nothing else, and does not bind a store', async () => {
    const { below } = await openSealed()
    expect(await refusalOf(sealStore(below, otherSecret, { runtime: machine, previous: otherSecret }))).toStartWith(
      'unavailable state_sealed: ',
    )
    const fresh = new MemoryStore({ runtime: machine })
    await sealStore(fresh, otherSecret, changed)
    expect(await refusalOf(sealStore(fresh, secret, { runtime: machine }))).toStartWith('unavailable state_sealed: ')
  })

  test('may be the next one at first, so that processes that share a store are changed one by one', async () => {
    const { below, store: old } = await openSealed()
    const prepared = await sealStore(below, secret, { runtime: machine, previous: otherSecret })
    const next = await sealStore(below, otherSecret, changed)
    await Promise.all([old.put('old', '1'), prepared.put('prepared', '1'), next.put('next', '1')])
    for (const store of [prepared, next])
      for (const key of ['old', 'prepared', 'next']) expect((await store.get(key))?.value).toBe('1')
    const heard = Promise.withResolvers<string>()
    await prepared.listen('c', heard.resolve)
    await next.notify('c', 'hello')
    expect(await heard.promise).toBe('hello')
  })

  test('opens texts that clients have kept', async () => {
    const store = new MemoryStore({ runtime: machine })
    const kept = (await openTextSealer(store, secret, { runtime: machine })).seal('a', 'text')
    const sealer = await openTextSealer(store, otherSecret, changed)
    expect([sealer.open('a', kept), sealer.open('b', kept)]).toEqual(['text', undefined])
    const after = await openTextSealer(store, otherSecret, { runtime: machine })
    expect([after.open('a', kept), after.open('a', sealer.seal('a', 'new'))]).toEqual([undefined, 'new'])
  })
})

test('a notice is sealed, and one with another secret, another channel or no seal is dropped', async () => {
  const { below, store } = await openSealed()
  const [seen, heard]: [string[], string[]] = [[], []]
  await below.listen('c', (text) => void seen.push(text))
  const end = Promise.withResolvers<void>()
  await store.listen('c', (text) => (heard.push(text) === 2 ? end.resolve() : undefined))
  await store.notify('c', 'plain')
  await below.notify('c', 'plain')
  await below.notify('c', await sealedText('d'))
  await store.notify('c', 'end')
  await end.promise
  expect(heard).toEqual(['plain', 'end'])
  expect(seen.filter((text) => text.includes('plain'))).toEqual(['plain'])

  /** Returns the sealed text of a notice on another channel. */
  async function sealedText(channel: string): Promise<string> {
    const sent = Promise.withResolvers<string>()
    await below.listen(channel, sent.resolve)
    await store.notify(channel, 'of another channel')
    return sent.promise
  }
})

describe('a text that a client keeps', () => {
  const open = (store = new MemoryStore({ runtime: machine }), of?: Secret) =>
    openTextSealer(store, of, { runtime: machine })

  test('is opened under its own name, as long as the state lives', async () => {
    const store = new MemoryStore({ runtime: machine })
    const [first, second] = await Promise.all([open(store), open(store)])
    const sealed = first.seal('a', 'text')
    expect(sealed).not.toContain('text')
    expect([second.open('a', sealed), (await open(store)).open('a', sealed)]).toEqual(['text', 'text'])
    expect([first.open('b', sealed), first.open('a', 'text'), first.open('a', '')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect((await open()).open('a', sealed)).toBeUndefined()
  })

  test('outlives the state if there is a secret', async () => {
    const sealed = (await open(undefined, secret)).seal('a', 'text')
    expect((await open(undefined, secret)).open('a', sealed)).toBe('text')
    expect((await open(undefined, otherSecret)).open('a', sealed)).toBeUndefined()
  })
})
