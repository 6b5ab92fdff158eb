import { isFields } from '../../tools/schema/json-types.ts'
import type { Tool } from '../../tools/tool.ts'

/** How much a word counts where it stands: in the tool's own name, in its server's name, in its description, in its parameters. */
const weights = { name: 3, server: 1, description: 1, parameter: 1 } as const

/** The constants of BM25: how soon repeated words count less, and how much long descriptions count less. */
const saturation = 1.2
const lengthShare = 0.4
/** The share of a word that only begins like a word of the query. */
const prefixShare = 0.5
const minPrefix = 3

/** Limits for the characters and the words of a query. */
const maxCharacters = 1_000
const maxWords = 24

/** The words of a tool, each with its weight. */
interface ToolWords {
  readonly counts: ReadonlyMap<string, number>
  readonly length: number
}

/** A tool never changes, so its words are found once. */
const known = new WeakMap<Tool, ToolWords>()

/**
 * Finds the tools that fit a query, the best first, by their names, descriptions and parameters (BM25). The same query finds
 * the same tools in the same order.
 */
export function searchTools(query: string, tools: readonly Tool[], limit: number): readonly Tool[] {
  const words = [...new Set(wordsIn(query.slice(0, maxCharacters)))].slice(0, maxWords)
  const all = tools.map(wordsOf)
  const averageLength = all.reduce((sum, { length }) => sum + length, 0) / Math.max(1, all.length)
  const scores = all.map(() => 0)
  for (const word of words) {
    const counts = all.map((one) => countOf(word, one))
    const rarity = rarityOf(counts.filter((count) => count > 0).length, all.length)
    for (const [at, count] of counts.entries()) {
      const lengthFactor = 1 - lengthShare + (lengthShare * (all[at]?.length ?? 0)) / averageLength
      scores[at] = (scores[at] ?? 0) + (rarity * count * (saturation + 1)) / (count + saturation * lengthFactor)
    }
  }
  return tools
    .map((tool, at) => ({ tool, score: scores[at] ?? 0 }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .slice(0, limit)
    .map(({ tool }) => tool)
}

/** A word that few tools have tells more than one that many have. */
function rarityOf(having: number, all: number): number {
  return Math.log(1 + (all - having + 0.5) / (having + 0.5))
}

function countOf(word: string, { counts }: ToolWords): number {
  const exact = counts.get(word)
  if (exact !== undefined || word.length < minPrefix) return exact ?? 0
  let most = 0
  for (const [other, count] of counts)
    if (other.startsWith(word) || (other.length >= minPrefix && word.startsWith(other))) most = Math.max(most, count)
  return most * prefixShare
}

function wordsOf(tool: Tool): ToolWords {
  const found = known.get(tool)
  if (found) return found
  const counts = new Map<string, number>()
  let length = 0
  const add = (text: string, weight: number) => {
    for (const word of wordsIn(text)) {
      counts.set(word, (counts.get(word) ?? 0) + weight)
      length += weight
    }
  }
  const [, ownName = tool.name] = /__(.*)$/.exec(tool.name) ?? []
  add(ownName, weights.name)
  add(tool.server, weights.server)
  add(tool.description ?? '', weights.description)
  const { properties } = tool.parameters
  for (const [name, schema] of Object.entries(isFields(properties) ? properties : {})) {
    add(name, weights.parameter)
    if (isFields(schema) && typeof schema.description === 'string') add(schema.description, weights.parameter)
  }
  const words = { counts, length }
  known.set(tool, words)
  return words
}

/**
 * The words of a text: in lower case, without endings, and parts of `camelCase` and `snake_case` apart. Chinese, Japanese and
 * Korean have no blanks between words, so each character and each pair of
 * neighbours is a word.
 */
export function wordsIn(text: string): readonly string[] {
  const apart = text
    .normalize('NFKC')
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
  return [
    ...apart.matchAll(
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]+|[\p{L}\p{M}\p{N}]+/gu,
    ),
  ]
    .flatMap(([run]) =>
      /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(run)
        ? pairsOf(run)
        : [withoutEnding(run)],
    )
    .filter((word) => !emptyWords.has(word))
}

function pairsOf(run: string): readonly string[] {
  const characters = [...run]
  return [...characters, ...characters.slice(1).map((character, at) => `${characters[at]}${character}`)]
}

/** Cuts the endings of English words, so that `files`, `filing` and `file` are the same. */
function withoutEnding(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word
  const singular = word.replace(/([^s])s$/, '$1')
  return singular.replace(/(?<=...)(?:ing|ed)$/, '').replace(/(?<=...)e$/, '')
}

/** Words that say nothing about a tool. */
const emptyWords = new Set(
  'a an and are as at be by for from in is it of on or that the this to tool with you'.split(' '),
)
