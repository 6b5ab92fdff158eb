import { count, distance } from '../../i18n/format.ts'
import { code, name } from '../../i18n/marks.ts'
import type { NeedWords } from '../../i18n/need-words.ts'
import { now } from '../../session/clock.ts'
import type { Need } from '../../session/overview.ts'

const maxListed = 6

/** What the sentences about a need are made of. */
export function wordsOf(need: Need): NeedWords {
  const fact = (key: string): unknown => (Object.hasOwn(need.facts, key) ? need.facts[key] : undefined)
  const number = (key: string) => numberIn(fact(key))
  const text = (key: string) => textIn(fact(key))
  const { upstream, account, model, tool_server, key, variable } = need
  return {
    kind: need.kind,
    upstream: name(upstream),
    account: name(account),
    model: name(model),
    toolServer: name(tool_server),
    key: name(key),
    variable: variable === null ? undefined : code(variable),
    until: isAhead(need.until) ? distance(need.until, now.value) : undefined,
    subjects: [upstream, account, model, tool_server, key, variable]
      .filter((subject) => subject !== null)
      .map(name)
      .join(', '),
    number,
    count: (key) => count(number(key)),
    text: (key) => text(key),
    typed: (key) => (text(key) === undefined ? undefined : code(text(key))),
    list: (key) => listed(fact(key)),
  }
}

function isAhead(time: string | null): boolean {
  return time !== null && Date.parse(time) > now.value
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function listed(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const names = value.slice(0, maxListed).map((item) => name(String(item)))
  return value.length > maxListed ? `${names.join(', ')} …` : names.join(', ')
}
