import { describe, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { machine } from '../wire/machine.double.ts'
import { MemoryStore } from './memory/memory-store.ts'
import { refuseSealed, sealStore } from './seal.ts'

const secret = new Secret('a-secret-to-seal-with')
const other = new Secret('another-secret-to-seal')

async function refusal(promise: Promise<unknown>): Promise<string> {
  const thrown = await promise.then(() => undefined).catch((error) => error)
  return thrown instanceof ChatError ? `${thrown.reason} ${thrown.code}: ${thrown.message}` : String(thrown)
}

async function opened() {
  const below = new MemoryStore({ runtime: machine })
  return { below, store: await sealStore(below, secret, { runtime: machine }) }
}

test('what is below holds no value in clear, and never the same twice', async () => {
  const { below, store } = await opened()
  const plain = 'the-plain-value-of-a-token'
  const kept = new Set<string>()
  for (const write of [
    () => store.put('a', plain),
    () => store.put('a', plain),
    () => store.compareAndSet('b', 0, plain),
  ])
    await write()
  for (const key of await below.keys('', 99)) {
    const { value = '' } = (await below.get(key)) ?? {}
    kept.add(value)
    for (const form of [value, Buffer.from(value, 'base64').toString('latin1')]) {
      expect(form).not.toContain(plain)
      expect(form).not.toContain(Buffer.from(plain).toString('base64').slice(0, 12))
      expect(form).not.toContain(secret.reveal())
    }
  }
  expect(kept.size).toBe(3)
})

test('the same value is sealed otherwise each time, since no nonce comes twice', async () => {
  const { below, store } = await opened()
  const seen = new Set<string>()
  for (let at = 0; at < 1000; at++) {
    await store.put('a', '')
    const bytes = Buffer.from((await below.get('a'))?.value ?? '', 'base64')
    expect(bytes[0]).toBe(1)
    seen.add(bytes.subarray(1, 13).toString('hex'))
  }
  expect(seen.size).toBe(1000)
})

test('a value is at home under its own key only', async () => {
  const { below, store } = await opened()
  await store.put('mine', 'x')
  await store.put('yours', 'y')
  await below.put('yours', (await below.get('mine'))?.value ?? '')
  expect(await refusal(store.get('yours'))).toStartWith('unavailable state_sealed: ')
  expect((await store.get('mine'))?.value).toBe('x')
})

test('a value with any byte changed, cut or added cannot be opened', async () => {
  const { below, store } = await opened()
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
    const said = await refusal(store.get('a'))
    expect(said).toStartWith('unavailable state_sealed: ')
    expect(said).toContain('Set the former STATE_SECRET, or delete')
    expect(await refusal(store.take('a'))).toStartWith('unavailable state_sealed: ')
  }
})

describe('opening', () => {
  test('with the same secret finds everything', async () => {
    const { below, store } = await opened()
    await store.put('a', 'x')
    expect((await (await sealStore(below, secret, { runtime: machine })).get('a'))?.value).toBe('x')
  })

  test('with another secret fails before anything is read or written', async () => {
    const { below, store } = await opened()
    await store.put('a', 'x')
    expect(await refusal(sealStore(below, other, { runtime: machine }))).toMatch(
      /^unavailable state_sealed: .*Set the former STATE_SECRET/,
    )
    expect((await store.get('a'))?.value).toBe('x')
  })

  test('with another secret fails also where nothing else was kept', async () => {
    const { below } = await opened()
    expect(await refusal(sealStore(below, other, { runtime: machine }))).toStartWith('unavailable state_sealed: ')
  })

  test('without a secret fails, since nobody could read what is there', async () => {
    const { below } = await opened()
    expect(await refusal(refuseSealed(below))).toMatch(/^unavailable state_sealed: .*no STATE_SECRET is set/)
    expect(await refusal(refuseSealed(new MemoryStore({ runtime: machine })))).toBe('undefined')
  })

  test('what was written without a secret fails, and stays as it was', async () => {
    const below = new MemoryStore({ runtime: machine })
    await below.put('a', 'plain')
    expect(await refusal(sealStore(below, secret, { runtime: machine }))).toMatch(
      /^unavailable state_sealed: .*Unset it/,
    )
    expect(await below.keys('', 9)).toEqual(['a'])
  })

  test('by two at once binds it to one secret', async () => {
    const below = new MemoryStore({ runtime: machine })
    const stores = await Promise.all([
      sealStore(below, secret, { runtime: machine }),
      sealStore(below, secret, { runtime: machine }),
    ])
    await stores[0]?.put('a', 'x')
    expect((await stores[1]?.get('a'))?.value).toBe('x')
    const raced = new MemoryStore({ runtime: machine })
    const outcomes = await Promise.all(
      [sealStore(raced, secret, { runtime: machine }), sealStore(raced, other, { runtime: machine })].map(refusal),
    )
    expect(outcomes.filter((outcome) => outcome === 'undefined').length).toBe(1)
  })
})

test('a notice is sealed on its way, and one that another secret or channel sealed, or none, is not heard', async () => {
  const { below, store } = await opened()
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

  /** What the same store sends on another channel. */
  async function sealedText(channel: string): Promise<string> {
    const sent = Promise.withResolvers<string>()
    await below.listen(channel, sent.resolve)
    await store.notify(channel, 'of another channel')
    return sent.promise
  }
})
