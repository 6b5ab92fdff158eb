import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readSource, type SourceFile } from './source-file.ts'

const root = join(import.meta.dir, '..')
const page = await Bun.file(join(root, 'docs/glossary.md')).text()

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

const rows = page
  .split('\n')
  .filter((line) => /^\| [a-z]/.test(line) && !line.startsWith('| term |'))
  .map((line) => line.slice(2, -2).split(' | '))

/** The code names in the last column. No name may be or contain one of them. */
const synonyms = rows.flatMap(([, , , others = '']) => quoted(others)).filter((name) => /^[A-Z]/.test(name))

const [emptyWords = [], emptyNames = []] = page
  .split('## Names that say nothing')[1]
  ?.trim()
  .split('\n\n')
  .map(quoted) ?? [[], []]

/** Splits a name into words: `CredentialStoreOptions` and `credential-store.ts` have the words Credential and Store. */
function wordsOf(name: string): string[] {
  return name
    .replace(/\.tsx?$/, '')
    .split(/[-/.]|(?<=[a-z0-9])(?=[A-Z])/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
}

/** Finds names that several files declare, each with its files. */
function doubles(files: readonly SourceFile[]): string[] {
  const homes = new Map<string, Set<string>>()
  // the page is a program of its own, and its types mirror the JSON that it gets
  const ofProgram = files.filter(({ path }) => !path.startsWith('console/page/'))
  for (const { path, types } of ofProgram)
    for (const type of types) homes.set(type, (homes.get(type) ?? new Set()).add(path))
  return [...homes].filter(([, paths]) => paths.size > 1).map(([type, paths]) => `${type}: ${[...paths].join(', ')}`)
}

/** Finds declared names, and names of files, that the page forbids. */
function forbidden(files: readonly SourceFile[]): string[] {
  const anywhere = new Set([...emptyWords, ...synonyms])
  return files.flatMap(({ path, types, functions }) => {
    const hidden = [path, ...types, ...functions].filter((name) => wordsOf(name).some((word) => anywhere.has(word)))
    const bare = types.filter((name) => emptyNames.includes(name))
    return [...new Set([...hidden, ...bare])].map((name) => (name === path ? path : `${name}: ${path}`))
  })
}

const sources = [...new Bun.Glob('src/**/*.{ts,tsx}').scanSync({ cwd: root })].filter(
  (path) => !path.endsWith('.test.ts'),
)
const files = await Promise.all(
  sources.sort().map(async (path) => readSource(path.slice('src/'.length), await Bun.file(join(root, path)).text())),
)

describe('docs/glossary.md', () => {
  test('has its terms in order, each with a meaning, a place that exists and the words it replaces', () => {
    const terms = rows.map(([term = '']) => term)
    expect(terms.length).toBeGreaterThan(50)
    expect(terms).toEqual([...new Set(terms)].sort())
    for (const row of rows) expect(row.map((cell) => cell.trim() !== '')).toEqual([true, true, true, true])
    expect(rows.flatMap(([, , place = '']) => quoted(place)).filter((path) => !existsSync(join(root, path)))).toEqual(
      [],
    )
  })

  test('does not list a term as a forbidden word', () => {
    const terms = new Set(rows.map(([term = '']) => term.toLowerCase()))
    expect(synonyms.filter((name) => terms.has(name.toLowerCase()))).toEqual([])
    expect(synonyms.length).toBeGreaterThan(10)
    expect(emptyWords.length).toBeGreaterThan(5)
    expect(emptyNames.length).toBeGreaterThan(20)
  })
})

describe('in the source', () => {
  test('a type is declared once', () => {
    expect(files.flatMap(({ types }) => types).length).toBeGreaterThan(300)
    expect(doubles(files)).toEqual([])
  })

  test('no name is forbidden by docs/glossary.md', () => {
    expect(files.flatMap(({ functions }) => functions).length).toBeGreaterThan(1000)
    expect(forbidden(files)).toEqual([])
  })
})

describe('a planted name is found:', () => {
  const read = (path: string, text: string) => readSource(path, text)

  test('a type that two files declare, exported or not', () => {
    const planted = [
      read('chat/a.ts', 'export interface Part {}'),
      read('wire/a.ts', 'type Part = string'),
      read('wire/b.ts', 'class Part {}'),
    ]
    expect(doubles(planted)).toEqual(['Part: chat/a.ts, wire/a.ts, wire/b.ts'])
  })

  test('but two overloads or two different names are allowed', () => {
    expect(doubles([read('chat/a.ts', 'interface A {}\ninterface A {}'), read('wire/a.ts', 'type B = 1')])).toEqual([])
  })

  for (const [path, text, found] of [
    ['chat/a.ts', 'export class StreamHelper {}', 'StreamHelper: chat/a.ts'],
    ['chat/a.ts', 'interface KeeperOptions {}', 'KeeperOptions: chat/a.ts'],
    ['chat/a.ts', 'function openManager() {}', 'openManager: chat/a.ts'],
    ['chat/a.ts', 'type Said = string', 'Said: chat/a.ts'],
    ['chat/stream-utils.ts', 'const a = 1', 'chat/stream-utils.ts'],
    ['common/a.ts', 'const a = 1', 'common/a.ts'],
  ] as const)
    test(`${path}: ${text}`, () => expect(forbidden([read(path, text)])).toEqual([found]))

  test('but a name that only looks like one is allowed', () => {
    const text = 'interface Penalty {}\ntype HeldLease = 1\nfunction misconfigured() {}\n// class Helper {}'
    expect(forbidden([read('chat/pending.ts', text)])).toEqual([])
  })
})
