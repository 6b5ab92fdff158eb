import { expect, test } from 'bun:test'
import { needKinds } from '../needs/need.ts'
import { sentenceOf } from './sentence.ts'

const since = 0

test('every kind of need has a sentence in plain text, without the words of an upstream', () => {
  for (const kind of needKinds) {
    const about = { upstream: 'up', account: 'KEY', model: 'm', toolServer: 'files', key: 'phone', variable: 'X' }
    const sentence = sentenceOf({
      id: kind,
      kind,
      severity: 'urgent',
      about,
      since,
      why: 'canary',
      facts: { stderr: 'canary' },
    })
    expect(sentence).toMatch(/^[A-Za-z0-9][^\p{Co}\p{Cf}]{6,}$/u)
    expect(sentence).not.toMatch(/canary|undefined|NaN/)
  }
})

test('a long sentence is not cut within a character', () => {
  for (const shift of ['', 'a']) {
    const about = {
      upstream: `${shift}${'😀'.repeat(60)}`,
      account: '😀'.repeat(60),
      model: '😀'.repeat(60),
      key: '😀'.repeat(60),
    }
    for (const kind of needKinds) {
      const facts = { models: Array.from({ length: 6 }, () => '😀'.repeat(60)) }
      expect(sentenceOf({ id: 'a', kind, severity: 'urgent', about, since, facts }).isWellFormed(), kind).toBeTrue()
    }
  }
})

test('a name becomes no link, no mention and no second line', () => {
  const key = '<!channel> @everyone https://evil.test\n# <b>'
  const about = { key }
  const sentence = sentenceOf({ id: 'a', kind: 'key_expired', severity: 'urgent', about, since })
  expect(sentence).not.toMatch(/[<>@\n]|:\/\//)
  expect(sentence).toContain('everyone')
})
