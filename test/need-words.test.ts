import { describe, expect, test } from 'bun:test'
import * as english from '../src/console/page/i18n/en/needs.ts'
import { code, name } from '../src/console/page/i18n/marks.ts'
import type { NeedWords } from '../src/console/page/i18n/need-words.ts'
import * as chinese from '../src/console/page/i18n/zh/needs.ts'
import { needKinds } from '../src/needs/need.ts'

/** What each kind must name in its cause, because somebody would not know where to look otherwise. */
const named: Readonly<Partial<Record<(typeof needKinds)[number], readonly string[]>>> = {
  account_needs_login: ['my-upstream', 'my-account'],
  account_banned: ['my-upstream', 'my-account'],
  account_refused: ['my-upstream', 'my-account'],
  account_exhausted: ['my-upstream', 'my-account'],
  account_challenged: ['my-upstream', 'my-account'],
  account_resting: ['my-upstream', 'my-account'],
  account_expires_soon: ['my-upstream', 'my-account'],
  upstream_unreachable: ['my-upstream', 'my-host'],
  upstream_failing: ['my-upstream', '7'],
  upstream_used_up: ['my-upstream'],
  upstream_wrong_address: ['my-upstream', 'my-address'],
  upstream_outdated: ['my-upstream'],
  model_failing: ['my-upstream', 'my-model', '7'],
  drift: ['my-upstream'],
  tool_server_failed: ['my-server'],
  tool_command_missing: ['my-server', 'my-command'],
  budget_spent: ['my-key', '7', 'my-unit'],
  budget_near: ['my-key', '7', 'my-unit'],
  key_expired: ['my-key', '7'],
  cache_broken: ['my-key', '7'],
  weak_key: ['MY_VARIABLE'],
  clock_off: ['7'],
  log_dropped: ['7'],
}

const known: NeedWords = {
  kind: 'my-kind',
  ...{ upstream: name('my-upstream'), account: name('my-account'), model: name('my-model') },
  ...{ toolServer: name('my-server'), key: name('my-key'), variable: code('MY_VARIABLE') },
  ...{ until: 'in 5 minutes', subjects: name('my-upstream') },
  number: () => 7,
  count: () => '7',
  text: (fact) => `my-${fact}`,
  typed: (fact) => code(`my-${fact}`),
  list: () => name('my-model'),
}
const nothing: NeedWords = {
  ...known,
  ...{ variable: undefined, until: undefined, subjects: '' },
  number: () => undefined,
  text: () => undefined,
  typed: () => undefined,
  list: () => undefined,
}

for (const [language, { needs, otherNeed }] of Object.entries({ english, chinese }))
  describe(`the words in ${language}`, () => {
    for (const kind of needKinds)
      test(`${kind} has a cause with its subjects, and a step`, () => {
        const words = needs[kind] ?? otherNeed
        expect(words, 'an own entry').not.toBe(otherNeed)
        const cause = words.cause(known)
        for (const subject of named[kind] ?? []) expect(cause).toContain(subject)
        for (const text of [cause, words.step(known), words.cause(nothing), words.step(nothing)]) {
          expect(text.length).toBeGreaterThan(5)
          expect(text).not.toMatch(/undefined|null|NaN|\$\{/)
        }
      })

    test('only kinds that exist have words', () => {
      expect(Object.keys(needs).filter((kind) => !needKinds.some((known) => known === kind))).toEqual([])
    })

    test('a kind without words is still named', () => {
      expect(otherNeed.cause(known)).toContain('my-kind')
      expect(otherNeed.cause(known)).toContain('my-upstream')
    })
  })
