import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import packageJson from '../package.json'
import { isReason, reasons } from '../src/chat/error.ts'
import { words } from '../src/dialects/openai-chat/encode-error.ts'

const root = join(import.meta.dir, '..')
const read = (path: string) => Bun.file(join(root, path)).text()
const list = (pattern: string) =>
  [...new Bun.Glob(pattern).scanSync({ cwd: root })].filter((path) => !path.includes('node_modules')).sort()

describe('docs/errors.md', async () => {
  const rows = (await read('docs/errors.md'))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))

  test('has every reason, with its row of the table', () => {
    const written = rows.filter((row) => row.length === 9).map((row) => row.slice(1, -1))
    const meant = Object.keys(reasons)
      .filter(isReason)
      .map((reason) => {
        const { status, code: ownCode, retry, breaker, account } = reasons[reason]
        const { type, code } = words[reason]
        // the page says that the log has the same word
        expect(code).toBe(ownCode)
        return [reason, String(status), type, code, retry, breaker ? 'yes' : 'no', account]
      })
    expect(written).toEqual(meant)
  })

  test('has every code of the source', async () => {
    // `custom` is zod's word for our own issues
    const written = new Set([
      'custom',
      ...rows.flatMap((row) => (row.length === 9 ? row[4] : row[1]?.split(', ')) ?? []),
    ])
    // the page has words of its own for what no server says
    const sources = list('src/**/*.ts').filter((path) => !/\.test\.ts$|emulator|console\/page/.test(path))
    const texts = await Promise.all(sources.map(read))
    const given = texts.flatMap((text) => [...text.matchAll(/(?:\bcode: |timeout\(|tooLate\()'([a-z_]+)'/g)])
    expect(given.length).toBeGreaterThan(30)
    expect(given.flatMap(([, code]) => code ?? []).filter((code) => !written.has(code))).toEqual([])
  })
})

describe('decisions', () => {
  const paths = list('docs/decisions/*.md')

  test('are numbered without a gap', () => {
    expect(paths.length).toBeGreaterThan(0)
    for (const [at, path] of paths.entries())
      expect(path).toStartWith(`docs/decisions/${String(at + 1).padStart(4, '0')}-`)
  })

  for (const path of paths)
    test(`${path} has all sections, on one page`, async () => {
      const text = await read(path)
      expect(text).toStartWith(`# ${path.slice('docs/decisions/'.length, 'docs/decisions/0000'.length)} `)
      expect(text).toMatch(/^\d{4}-\d{2}-\d{2}, (accepted|superseded by \d{4})\.$/m)
      const parts = [...text.matchAll(/^\*\*([^*]+?)\.?\*\* /gm)].map(([, part]) => part?.split(/ and |,/)[0])
      expect(parts.map((part) => (part === 'Read' || part === 'Measured' ? 'Evidence' : part))).toEqual([
        'Question',
        'Decision',
        'Evidence',
        'Alternatives',
        'Cost',
        'We would change it',
      ])
      expect(text.split('\n').length).toBeLessThanOrEqual(25)
    })
})

test('every file that the source and the documents name exists', async () => {
  const sources = await Promise.all(list('{src,test,bench}/**/*.ts').map(read))
  const named = sources.flatMap((text) => [...text.matchAll(/\bdocs\/[\w/-]+\.md\b/g)].map(([path]) => path))
  const linked = (await Promise.all(['README.md', ...list('docs/**/*.md')].map(linksIn))).flat()
  expect(named.length).toBeGreaterThan(0)
  expect(linked.length).toBeGreaterThan(0)
  expect([...named, ...linked].filter((path) => !existsSync(join(root, path)))).toEqual([])
})

async function linksIn(path: string): Promise<string[]> {
  return [...(await read(path)).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => join(dirname(path), link ?? ''))
}

test('all files name the same version of Bun', async () => {
  const version = packageJson.engines.bun
  const texts = await Promise.all(['package.json', 'README.md', 'Dockerfile', '.ci/run'].map(read))
  const named = texts.flatMap((text) => [...text.matchAll(/\bbun[@:](\d+\.\d+\.\d+)/g)].map(([, found]) => found))
  expect(named.length).toBeGreaterThan(3)
  expect(new Set(named)).toEqual(new Set([version]))
})

test('the container is built from files that are not hidden from it', async () => {
  const copied = [...(await read('Dockerfile')).matchAll(/^COPY (?!--)(.+) \S+$/gm)]
  const sources = copied.flatMap(([, words = '']) => words.split(' '))
  expect(sources).toContain('build.ts')
  const shown = (await read('.dockerignore'))
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
  expect(sources.filter((source) => !shown.includes(source))).toEqual([])
})
