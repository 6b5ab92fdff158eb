import { expect, test } from 'bun:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { until } from '../../test/waiting.ts'
import { excerpt, redact, Secret } from './secret.ts'

/** Makes a secret that no other test uses, because known secrets stay known. */
function newSecretText(alphabet = ''): string {
  return `sk-${alphabet}${crypto.randomUUID()}`
}

test('P17: a secret shows its value only to `reveal`', () => {
  const value = newSecretText()
  const secret = new Secret(value)
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    Bun.inspect(secret),
    Object.entries(secret).join(),
    Object.values(structuredClone({ ...secret })).join(),
  ]
  for (const text of shown) expect(text).not.toContain(value)
  expect(secret.reveal()).toBe(value)
})

test('a caller’s secret shows its value only to `reveal` too, but is not redacted in texts', () => {
  const value = newSecretText()
  const secret = new Secret(value, "caller's")
  expect(`${secret} ${JSON.stringify(secret)} ${inspect(secret)}`).not.toContain(value)
  expect(redact(`before ${value}`)).toBe(`before ${value}`)
  expect(secret.reveal()).toBe(value)
})

test('P17: a held secret is forgotten after its last holder is gone, unless another secret has the same spelling', async () => {
  const value = newSecretText()
  const masked = () => redact(`before ${value} after`)
  const holder: { secrets: Secret[] } = { secrets: [new Secret(value, 'held'), new Secret(value, 'held')] }
  const isForgotten = () => {
    Bun.gc(true)
    return masked().includes(value)
  }
  for (let round = 0; round < 20; round++) {
    expect(isForgotten()).toBe(false)
    await Bun.sleep(0)
  }
  holder.secrets = []
  await until(isForgotten, 20_000, 'the secret is forgotten')
  // each garbage collection of the whole suite's heap takes a while, and this test runs many of them
}, 60_000)

test('P17: a known secret is redacted in a text in every encoding', () => {
  const value = newSecretText('/+"\\ä=& ')
  new Secret(value)
  const bytes = Buffer.from(value)
  const forms = [
    value,
    encodeURIComponent(value),
    encodeURIComponent(value).replace(/%../g, (hex) => hex.toLowerCase()),
    new URLSearchParams({ key: value }).toString(),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('base64').replace(/=+$/, ''),
    JSON.stringify(value),
    JSON.stringify({ error: `bad key ${value}` }),
  ]
  for (const form of forms) {
    const cleaned = redact(`before ${form} after`)
    expect(cleaned).toContain('[secret]')
    expect(cleaned).not.toContain(form)
    expect(cleaned).toStartWith('before ')
    expect(cleaned).toEndWith(' after')
  }
})

test('P17: a secret within longer base64, such as user:password, is redacted too', () => {
  const value = newSecretText()
  new Secret(value)
  for (const user of ['', 'a', 'ab', 'abc', 'abcd']) {
    for (const tail of ['', 'x', 'xy', 'xyz']) {
      const header = Buffer.from(`${user}:${value}${tail}`).toString('base64')
      const cleaned = redact(`Basic ${header}`)
      expect(cleaned).toContain('[secret]')
      const readable = Buffer.from(cleaned.replaceAll('[secret]', '').slice('Basic '.length), 'base64').toString()
      expect(readable).not.toContain(value.slice(4, -4))
    }
  }
})

test('P17: no redacted text has a known secret, at any position and any number of times', () => {
  const values = Array.from({ length: 5 }, () => newSecretText())
  for (const value of values) new Secret(value)
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...values), fc.string())), (pieces) => {
      const cleaned = redact(pieces.join(''))
      for (const value of values) expect(cleaned).not.toContain(value)
    }),
  )
})

test('a secret that contains another one is redacted whole', () => {
  const inner = newSecretText()
  const outer = `${inner}${crypto.randomUUID()}`
  new Secret(inner)
  new Secret(outer)
  expect(redact(`(${outer})`)).toBe('([secret])')
})

test('words of a text are not redacted because of a too short secret', () => {
  new Secret('key')
  expect(redact('the key is a key')).toBe('the key is a key')
})

test('a value with invalid Unicode is a secret like any other', () => {
  const value = `${newSecretText()}\ud800`
  expect(new Secret(value).reveal()).toBe(value)
  expect(redact(`a ${value} b`)).toBe('a [secret] b')
})

test('a text without a secret stays as it is', () => {
  const text = 'nothing to see, [secret] or not'
  expect(redact(text)).toBe(text)
})

test('P17: an excerpt never splits a secret, at any position in a text of any length', () => {
  const value = newSecretText()
  new Secret(value)
  for (const rest of [0, 1_000, 1_000_000]) {
    for (let at = 0; at <= 60; at++) {
      const text = `${'a'.repeat(at)}${value}${'b'.repeat(rest)}`
      const cut = excerpt(text, 30)
      expect(cut).toBe(text.length <= 30 ? text : redact(text).slice(0, 30))
      if (at < 30) expect(cut).not.toContain(value.slice(0, 4))
    }
    const many = `${value} `.repeat(200) + 'c'.repeat(rest)
    expect(excerpt(many, 300)).toBe(redact(many).slice(0, 300))
  }
})
