import { describe, expect, test } from 'bun:test'
import { redact } from '../chat/secret.ts'
import type { News, Notification } from './news.ts'
import { readTarget } from './read-target.ts'

const at = Date.UTC(2026, 0, 1, 12)
const begun: News = {
  id: 'budget_spent/phone',
  state: 'begun',
  kind: 'budget_spent',
  severity: 'urgent',
  about: { key: 'phone' },
  sentence: 'The key phone has spent its budget of 5 USD.',
  since: at,
}
const over: News = { ...begun, state: 'over', endedAt: at + 3 * 3_600_000 }
const told: Notification = { news: [begun], at, host: 'box' }
const title = 'tributary on box: budget spent'
const message = '🔴 The key phone has spent its budget of 5 USD. (urgent, since 2026-01-01 12:00 UTC)'

function write(address: string, notification = told) {
  const target = readTarget(address)
  if ('problem' in target) throw new Error(target.problem)
  return { name: target.name, ...target.write(notification) }
}

describe('a place for notifications', () => {
  test('is a webhook, whose body also has what chat programs read', () => {
    const address = 'https://hooks.example.test/services/T000/B000/canary-0123456789?x=1'
    expect(write(address)).toMatchObject({
      name: 'webhook at hooks.example.test',
      url: address,
      headers: {},
      body: {
        ...{ source: 'tributary', version: 1, event: 'needs', host: 'box', time: '2026-01-01T12:00:00.000Z' },
        ...{ title, message, text: `${title}\n${message}`, content: `${title}\n${message}`, priority: 8 },
        allowed_mentions: { parse: [] },
        needs: [
          { id: 'budget_spent/phone', state: 'begun', key: 'phone', upstream: null, since: '2026-01-01T12:00:00.000Z' },
        ],
      },
    })
    expect(write(address, { ...told, news: [over] }).body).toMatchObject({
      title: 'tributary on box: over: budget spent',
      message: '🟢 Over after 3 hours: The key phone has spent its budget of 5 USD.',
      priority: 5,
      needs: [{ state: 'over', ended_at: '2026-01-01T15:00:00.000Z' }],
    })
    expect(redact('canary-0123456789')).toBe('[secret]')
  })

  test('is a topic of ntfy, by its host or its scheme, with a user or a token', () => {
    const body = { topic: 'my-topic', title, message, priority: 5, tags: ['rotating_light'] }
    expect(write('https://ntfy.sh/my-topic')).toEqual({
      name: 'ntfy at ntfy.sh',
      url: 'https://ntfy.sh/',
      headers: {},
      body,
    })
    expect(write('ntfy+http://push.test:8080/my-topic').url).toBe('http://push.test:8080/')
    expect(write('ntfy://ann:secret-0123@push.test/my-topic').url).toBe('https://ann:secret-0123@push.test/')
    expect(write('ntfy://:tk_0123456789@push.test/my-topic')).toMatchObject({
      url: 'https://push.test/',
      headers: { authorization: 'Bearer tk_0123456789' },
    })
  })

  test('may have a % that stands for itself', () => {
    const path = '/hook/100%percent-canary-0123'
    expect(write(`https://push.test${path}`).url).toBe(`https://push.test${path}`)
    expect(redact(`it has 100%percent-canary-0123`)).toBe('it has [secret]')
    expect(write('ntfy://:tk_%zz0123456@push.test/my-topic').headers).toEqual({ authorization: 'Bearer tk_%zz0123456' })
  })

  test('is a chat of a Telegram bot, also of another server with the same API', () => {
    for (const path of ['bot123:AA_bb-cc', 'bot123:AA_bb-cc/sendMessage', 'telegram/bot123:AA_bb-cc/sendMessage/'])
      expect(write(`https://tg.test/${path}?chat_id=-100&message_thread_id=7`)).toEqual({
        name: 'telegram at tg.test',
        url: `https://tg.test/${path.startsWith('telegram') ? 'telegram/' : ''}bot123:AA_bb-cc/sendMessage`,
        headers: {},
        body: {
          ...{ chat_id: '-100', message_thread_id: '7', text: `${title}\n${message}` },
          link_preview_options: { is_disabled: true },
        },
      })
  })

  for (const [address, problem] of [
    ['hooks.example.test/canary', 'has an item that is not an address'],
    ['ftp://canary.test/', 'has an item that is not an address'],
    ['ntfy://canary.test/a/b', 'has an address of ntfy without a topic'],
    ['https://ntfy.sh/', 'has an address of ntfy without a topic'],
    ['https://api.telegram.org/bot1:canary/sendMessage', 'has an address of a Telegram bot without a chat'],
  ] as const)
    test(`${address} is a mistake, and the message does not repeat it`, () => {
      const fault = readTarget(address)
      expect(fault).toEqual({ problem, remedy: expect.any(String) })
      expect(JSON.stringify(fault)).not.toContain('canary')
    })
})

test('whatever is told, a message stays within the limits of all places', () => {
  const long = Array.from({ length: 200 }, (_, index) => ({ ...begun, id: `${index}`, sentence: '😀'.repeat(200) }))
  for (const address of ['https://h.test/a', 'ntfy://h.test/a', 'https://h.test/bot1:a/sendMessage?chat_id=1']) {
    const { body } = write(address, { ...told, news: long })
    // Discord's content, Telegram's text; ntfy counts bytes
    const sizeOf = (text: string) => (address.startsWith('ntfy') ? Buffer.byteLength(text) : text.length)
    for (const [name, value] of Object.entries(body)) {
      if (typeof value !== 'string') continue
      expect(sizeOf(value), name).toBeLessThanOrEqual(name === 'content' ? 2_000 : 4_096)
      expect(value.isWellFormed(), name).toBeTrue()
    }
  }
})
