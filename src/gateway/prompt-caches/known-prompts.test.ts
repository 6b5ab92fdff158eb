import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { PromptMember } from '../../chat/prompt.ts'
import { CachedConversation } from './conversation.ts'
import { type AskedPrompt, type FoundPrompt, KnownPrompts } from './known-prompts.ts'
import { printPrompt } from './print-prompt.ts'

interface Said {
  readonly role: string
  readonly content: unknown
}

const system = { role: 'system', content: 'Be brief.' }
const user = (content: unknown): Said => ({ role: 'user', content })
const answer = (content: unknown): Said => ({ role: 'assistant', content })

function tableOf(bounds?: { maxPrompts: number; maxHashes: number }) {
  let count = 0
  const known = new KnownPrompts(() => new CachedConversation(`c${count++}`, () => 0), bounds)
  return {
    known,
    /** Sends a request that is answered. */
    send(messages: readonly Said[], { caller = 'me', session, tools }: Sent = {}): FoundPrompt {
      const members: PromptMember[] = [
        { name: 'model', value: 'model' },
        { name: 'tools', value: tools },
        { name: 'messages', value: messages },
      ]
      const asked: AskedPrompt = { callerId: caller, members, print: printPrompt(members), session }
      const found = known.find(asked)
      known.remember(asked, found)
      return found
    },
  }
}

interface Sent {
  readonly caller?: string
  readonly session?: string
  readonly tools?: readonly unknown[]
}

const begun = [system, user('first'), answer('one'), user('second'), answer('two'), user('third')]
const goneOn = [...begun, answer('three'), user('fourth')]

const odd = { ...user('first'), 'x\r\ny': 1 }

describe('what is no break:', () => {
  for (const [what, next] of [
    ['the same again', begun],
    ['another answer to an earlier question', begun.slice(0, 4)],
    ['another last question', [...begun.slice(0, 5), user('another')]],
    ['another earlier question, without what followed', [...begun.slice(0, 3), user('another')]],
    ['the conversation goes on', goneOn],
    [
      'content as a list of parts',
      goneOn.map(({ role, content }) => ({ role, content: [{ type: 'text', text: content }] })),
    ],
    ['marks of a cache', goneOn.map((said) => ({ ...said, cache_control: { type: 'ephemeral' } }))],
    ['an id of an item', goneOn.map((said, at) => ({ ...said, id: `msg_${at}`, status: 'completed' }))],
    ['another conversation with the same instructions', [system, user('elsewhere')]],
  ] as const)
    test(what, () => {
      const { send } = tableOf()
      send(begun)
      expect(send(next).brokenAt).toBeUndefined()
    })

  test('branches that run at once', () => {
    const { send } = tableOf()
    send([system, user('task')])
    for (let turn = 1; turn < 5; turn++)
      for (let branch = 0; branch < 6; branch++) {
        const steps = Array.from({ length: turn }, (_, at) => [
          answer(`${branch} ${at}`),
          { role: 'tool', content: 'ok' },
        ])
        const found = send([system, user('task'), ...steps.flat()])
        expect([found.brokenAt, found.conversation.id]).toEqual([undefined, 'c0'])
      }
  })
})

describe('what is a break:', () => {
  for (const [what, next, path] of [
    ['a time in the instructions', [{ ...system, content: 'It is one.' }, ...goneOn.slice(1)], 'messages[0].content'],
    ['a rewritten question', goneOn.with(1, user('First')), 'messages[1].content'],
    ['a rewritten answer', goneOn.with(2, answer('One')), 'messages[2].content'],
    ['a rewritten last question', goneOn.with(5, user('Third')), 'messages[5].content'],
    ['a window that moves', [system, ...goneOn.slice(3)], 'messages[1].content'],
    ['a message that was put in', goneOn.toSpliced(1, 0, { role: 'developer', content: 'now' }), 'messages[1]'],
    ['a name that cannot stand in a header', goneOn.with(1, odd), 'messages[1]'],
  ] as const)
    test(what, () => {
      const { send } = tableOf()
      send(begun)
      const found = send(next)
      expect([found.brokenAt, found.conversation.id]).toEqual([path, 'c0'])
      expect(send([...next, answer('four'), user('fifth')]).brokenAt).toBeUndefined()
    })
})

test('the first question may change in a conversation that the client has named', () => {
  const { send } = tableOf()
  send([system, user('at noon')], { session: 's' })
  expect(send([system, user('at one'), answer('yes'), user('go on')], { session: 's' }).brokenAt).toBe(
    'messages[1].content',
  )
  expect(send([system, user('title, please')], { session: 's' })).toMatchObject({ conversation: { id: 'c0' } })
})

test('nothing of one caller is found for another', () => {
  const { send } = tableOf()
  send(begun, { caller: 'me', session: 's' })
  const found = send([{ ...system, content: 'x' }, ...goneOn.slice(1)], { caller: 'you', session: 's' })
  expect([found.brokenAt, found.conversation.id]).toEqual([undefined, 'c1'])
})

test('any change of a random conversation that goes on is named, and its growth never is', () => {
  const word = fc.string({ maxLength: 30, unit: 'grapheme' })
  const parts = fc.array(fc.record({ type: fc.constant('text'), text: word }), { minLength: 1, maxLength: 3 })
  const texts = fc.uniqueArray(fc.oneof(word, parts), {
    minLength: 4,
    maxLength: 12,
    selector: (one) => JSON.stringify(one),
  })
  fc.assert(
    fc.property(texts, fc.nat(), fc.constantFrom('named', undefined), (contents, seed, session) => {
      const messages = contents.map((content, at) => (at % 2 === 0 ? user(content) : answer(content)))
      const sent = { ...(session && { session }) }
      const { send } = tableOf()
      for (let turns = 1; turns < messages.length - 1; turns += 2)
        expect(send(messages.slice(0, turns), sent).brokenAt).toBeUndefined()
      const last = messages.length - 3 - ((messages.length - 1) % 2)
      if (last < 1) return
      // without a name the first message and the one that was the last find the conversation
      const at = session ? seed % last : 1 + (seed % Math.max(1, last - 1))
      const changed = messages.with(at, { role: messages[at]?.role ?? '', content: 'a text that nobody said before' })
      expect(send(changed, sent).brokenAt).toStartWith(`messages[${at}]`)
    }),
    { numRuns: 200 },
  )
})

test('the memory is bounded by prompts and by hashes', () => {
  const { known, send } = tableOf({ maxPrompts: 10, maxHashes: 100 })
  for (let at = 0; at < 100; at++) {
    send([system, user(`${at}`)], { session: `${at % 7}` })
    expect(known.size).toBeLessThanOrEqual(10)
  }
  send(Array.from({ length: 500 }, (_, at) => user(`${at}`)))
  expect(known.size).toBe(0)
})

test('a prompt of any size is hashed in a bounded time', () => {
  const members = [
    { name: 'messages', value: Array.from({ length: 20 }, (_, at) => user(`${at}${'x'.repeat(400_000)}`)) },
  ]
  const many = [{ name: 'messages', value: Array.from({ length: 100_000 }, () => user('x')) }]
  expect(printPrompt(members).items.length).toBe(20)
  expect(printPrompt(many).items.length).toBe(4_096)
})

test('a place is left when the life of its cache is over, and only the newest ones are kept', () => {
  let now = 0
  const conversation = new CachedConversation('c', () => now)
  const place = { upstream: 'lab', model: 'm', account: 'KEY_1', lifeMs: 1_000 }
  conversation.notePlace(place)
  now = 1_000
  expect(conversation.placeAt('lab', 'm')).toMatchObject({ account: 'KEY_1', at: 0 })
  expect([conversation.placeAt('lab', 'other'), conversation.placeAt('other', 'm')]).toEqual([undefined, undefined])
  now = 1_001
  expect(conversation.placeAt('lab', 'm')).toBeUndefined()
  conversation.notePlace({ ...place, account: 'KEY_2' })
  expect(conversation.placeAt('lab', 'm')?.account).toBe('KEY_2')
  for (let at = 0; at < 8; at++) conversation.notePlace({ ...place, model: `m${at}` })
  expect([conversation.placeAt('lab', 'm'), conversation.placeAt('lab', 'm0')?.model]).toEqual([undefined, 'm0'])
})
