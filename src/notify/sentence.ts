import { headOf } from '../chat/shorten.ts'
import { needs as causes, otherNeed } from '../console/page/i18n/en/needs.ts'
import { code, name, piecesOf } from '../console/page/i18n/marks.ts'
import type { NeedWords } from '../console/page/i18n/need-words.ts'
import type { Need } from '../needs/need.ts'
import { timeOf } from './time-of.ts'

const maxSentence = 400
const maxListed = 6
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })

/**
 * What is wrong, in the words of the console. The words of an upstream are left out: they may repeat a prompt, and a message leaves
 * this machine.
 */
export function sentenceOf(need: Need): string {
  const { cause } = causes[need.kind] ?? otherNeed
  return headOf(plain(cause(wordsOf(need))), maxSentence)
}

/** The text without the marks of names. A name must not become a link or a mention in the program that shows the text. */
function plain(text: string): string {
  const pieces = piecesOf(text).map((piece) => (piece.kind === 'text' ? piece.text : harmless(piece.text)))
  return pieces.join('').replaceAll(/\s+/g, ' ')
}

function harmless(text: string): string {
  return text.replaceAll('<', '‹').replaceAll('>', '›').replaceAll('@', '＠').replaceAll('://', ':∕∕')
}

function wordsOf({ kind, about, until, facts = {} }: Need): NeedWords {
  const { upstream, account, model, toolServer, key, variable } = about
  const fact = (of: string): unknown => (Object.hasOwn(facts, of) ? facts[of] : undefined)
  const text = (of: string) => {
    const value = fact(of)
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const numberOf = (of: string) => {
    const value = fact(of)
    return typeof value === 'number' ? value : undefined
  }
  return {
    kind,
    upstream: name(upstream),
    account: name(account),
    model: name(model),
    toolServer: name(toolServer),
    key: name(key),
    variable: variable === undefined ? undefined : code(variable),
    until: until === undefined ? undefined : `at ${timeOf(until)}`,
    subjects: Object.values(about)
      .filter((subject) => subject !== undefined)
      .map(name)
      .join(', '),
    number: numberOf,
    count: (of) => number.format(numberOf(of) ?? 0),
    text,
    typed: (of) => (text(of) === undefined ? undefined : code(text(of))),
    list: (of) => listed(fact(of)),
  }
}

function listed(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const names = value.slice(0, maxListed).map((item) => name(String(item)))
  return value.length > maxListed ? `${names.join(', ')} …` : names.join(', ')
}
