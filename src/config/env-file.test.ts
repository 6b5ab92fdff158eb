import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { readEnvFile } from './env-file.ts'
import { readEnvLines } from './env-lines.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-env-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
function file(content: string | Uint8Array): string {
  const path = join(folder, `${++count}.env`)
  writeFileSync(path, content)
  return path
}

/** The problems of a file, without its path. */
function problemsOf(content: string | Uint8Array): string[] {
  const path = file(content)
  const read = readEnvFile(path)
  if (!read || 'path' in read) throw new Error('the file was accepted')
  return read.map(({ variable, problem, remedy }) => `${variable.replace(`${path} `, '')} ${problem}: ${remedy}`)
}

function variablesOf(content: string | Uint8Array): Record<string, string> {
  const read = readEnvFile(file(content))
  if (!read || !('path' in read)) throw new Error(`it was refused: ${JSON.stringify(read)}`)
  return Object.fromEntries(read.variables.map(({ name, value }) => [name, value]))
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le')

describe('the problem of an invalid file names its line and never shows its text:', () => {
  const cases: readonly (readonly [what: string, content: string | Uint8Array, expected: readonly RegExp[]])[] = [
    ['UTF-16 with a mark', Buffer.concat([Buffer.of(0xff, 0xfe), utf16('PORT=1\n')]), [/^line 1 .*UTF-16/]],
    [
      'UTF-16 with the other byte order',
      Buffer.concat([Buffer.of(0xfe, 0xff), utf16('PORT=1').swap16()]),
      [/^line 1 .*UTF-16/],
    ],
    ['UTF-16 without a mark', utf16('PORT=canary\nHOST=x\n'), [/^line 1 .*UTF-16/]],
    [
      'a binary',
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0]),
      [/^line 1 has bytes that are not UTF-8 text/],
    ],
    ['a zero byte', 'PORT=1\nHOST=a\0b\n', [/^line 2 has bytes that are not UTF-8 text/]],
    [
      'bytes that are not UTF-8',
      Buffer.from('PORT=1\nHOST=caf\xe9\n', 'latin1'),
      [/^line 2 has bytes that are not UTF-8 text/],
    ],
    ['an escape sequence', 'PORT=1\n\u001b[31mHOST=x\n', [/^line 2 has bytes that are not UTF-8 text/]],
    [
      'JSON',
      '{\n  "PORT": "canary"\n}\n',
      [/^line 1 looks like JSON/, /^line 2 looks like JSON/, /^line 3 looks like JSON/],
    ],
    ['JSON in one line', '{"PORT":1}', [/^line 1 looks like JSON/]],
    ['YAML', 'PORT: 1\n', [/^line 1 looks like YAML: write NAME=value/]],
    ['a YAML document', '---\nOPENAI_API_KEY: canary\n', [/^line 1 looks like YAML/, /^line 2 looks like YAML/]],
    ['a YAML list', '- PORT=1\n', [/^line 1 looks like YAML/]],
    ['a section', '[gateway]\nPORT=1\n', [/^line 1 is a section/]],
    ['a web page', '<!doctype html>\n', [/^line 1 looks like HTML/]],
    ['a line without =', 'PORT=1\n\ncanary\n', [/^line 3 has no =/]],
    ['a name alone', 'export PORT\n', [/^line 1 has no =/]],
    ['a name with a blank', 'MY PORT=1\n', [/^line 1 has text before its = that is not a variable's name/]],
    ['no name', '=canary\n', [/^line 1 has text before its = that is not a variable's name/]],
    [
      'a command of another shell',
      'set PORT=1\n$env:PORT="1"\n',
      [/^line 1 looks like a shell/, /^line 2 looks like a shell/],
    ],
    ['a comment of another language', '// canary\n', [/^line 1 looks like a comment of another language/]],
    ['an unclosed quote', 'PORT="canary\nHOST=a\n', [/^line 1 opens a quote \("\) that is not closed/]],
    ['an unclosed single quote', "A=1\nB='canary\n", [/^line 2 opens a quote \('\) that is not closed/]],
    [
      'a quote that another line closes',
      'A="canary\nPORT=1\nB="x"\n',
      [/^line 1 opens a quote \("\) that is not closed/],
    ],
    [
      'a quote that the last line closes',
      'A="canary\nPORT=1\nB="\n',
      [/^line 1 opens a quote \("\) that is not closed/],
    ],
    ['text after the quote', 'A="one" canary\n', [/^line 1 has text after the quote/]],
    ['an apostrophe in quotes', "A='it's'\n", [/^line 1 has text after the quote/]],
    ['typographic quotes', 'A=“canary”\n', [/^line 1 has typographic quotes/]],
    ['JSON of several lines without quotes', 'MCP_SERVERS={\n', [/^line 1 begins a value of several lines/]],
  ]
  for (const [what, content, expected] of cases)
    test(what, () => {
      const problems = problemsOf(content)
      expect(problems).toEqual(expected.map((pattern) => expect.stringMatching(pattern)))
      expect(problems.join()).not.toContain('canary')
    })

  test('at most ten problems are listed, with the number of the others', () => {
    const problems = problemsOf('canary\n'.repeat(25))
    expect(problems).toHaveLength(11)
    expect(problems.at(-1)).toContain('15 more lines')
  })
})

describe('an unusual form is understood:', () => {
  const cases: readonly (readonly [
    what: string,
    content: string | Uint8Array,
    expected: Readonly<Record<string, string>>,
  ])[] = [
    ['an empty file', '', {}],
    ['a mark of UTF-8', '\uFEFFPORT=1\n', { PORT: '1' }],
    ['CRLF', 'PORT=1\r\n\r\n# a\r\nHOST="a"\r\n', { PORT: '1', HOST: 'a' }],
    ['CR', 'PORT=1\rHOST=a', { PORT: '1', HOST: 'a' }],
    ['export, blanks and tabs', '  export  PORT = 1 \n\tHOST\t=\ta\t\n', { PORT: '1', HOST: 'a' }],
    ['comments', '# a\n  # b\nPORT=1 # c\nHOST="a#b" # d\n', { PORT: '1', HOST: 'a#b' }],
    ['an empty value', 'PORT=\nHOST=""\n', { PORT: '', HOST: '' }],
    ['a value of several lines', 'ROUTES="a = b/c\nD=e/f"\nPORT=1', { ROUTES: 'a = b/c\nD=e/f', PORT: '1' }],
    [
      'JSON of several lines',
      'MCP_SERVERS=\'{\n  "mcpServers": {}\n}\'\n',
      { MCP_SERVERS: '{\n  "mcpServers": {}\n}' },
    ],
    [
      'JSON in one line',
      'MCP_SERVERS={"mcpServers": {"a": {"url": "http://b"}}}',
      { MCP_SERVERS: '{"mcpServers": {"a": {"url": "http://b"}}}' },
    ],
    ['letters of all languages', 'CTO_MODELS=modèle,型\n', { CTO_MODELS: 'modèle,型' }],
    ['an equals sign and an apostrophe', "A=b=c\nB=it's\n", { A: 'b=c', B: "it's" }],
  ]
  for (const [what, content, expected] of cases) test(what, () => expect(variablesOf(content)).toEqual({ ...expected }))
})

test('every variable has its line, also after a value of several lines', () => {
  const { variables } = readEnvLines('\n# a\nA=1\nB="x\ny\nz"\n\nC=3\n')
  expect(variables.map(({ name, line }) => [name, line])).toEqual([
    ['A', 3],
    ['B', 4],
    ['C', 8],
  ])
})

test('a variable that is set twice, and a value that ends at a #, cause warnings with their lines', () => {
  const path = file('A=1\nKEY=canary#2\nA=3\n')
  expect(readEnvFile(path)).toMatchObject({
    warnings: [
      `${path} line 2 has a # in its value, which ends there: put the value in quotes if the # belongs to it.`,
      `${path} line 3 sets A again, and wins over line 1: leave one of the two out.`,
    ],
  })
})

test('an accepted file gives the same values as the runtime’s own reader', () => {
  const piece = fc.constantFrom('A', 'B_C', '=', ' ', '"', "'", '#', 'x', '\n', '\\', 'export ', '1', '`', '\t')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('')
      const { variables, problems } = readEnvLines(text)
      if (problems.length > 0) return
      expect(Object.fromEntries(variables.map(({ name, value }) => [name, value]))).toEqual(
        JSON.parse(JSON.stringify(parseEnv(text))),
      )
    }),
    { numRuns: runs(20_000) },
  )
})

describe('an unreadable file:', () => {
  const problemsAt = (path: string) => {
    const read = readEnvFile(path)
    return read && !('path' in read) ? read : []
  }

  test('it does not exist, is a folder, or is a link to nothing', () => {
    const dangling = join(folder, 'dangling.env')
    symlinkSync(join(folder, 'nowhere'), dangling)
    for (const [path, problem] of [
      [join(folder, 'none.env'), 'names a file that does not exist'],
      [dangling, 'names a file that does not exist'],
      [folder, 'names a folder, not a file'],
    ] as const)
      expect(problemsAt(path)).toEqual([{ variable: '--env-file', problem, remedy: 'check the path' }])
  })

  test.skipIf(process.getuid?.() === 0)('its permissions do not allow it', () => {
    const path = file('PORT=1\n')
    chmodSync(path, 0)
    expect(problemsAt(path)).toMatchObject([{ problem: 'names a file that this user may not read' }])
  })

  test('it has no end, or is too large', () => {
    expect(problemsAt('/dev/zero')).toMatchObject([{ problem: 'names a file of more than 1 MiB' }])
    expect(problemsAt(file(`# ${'x'.repeat(1024 * 1024)}\n`))).toMatchObject([
      { problem: 'names a file of more than 1 MiB' },
    ])
  })

  test('but /dev/null counts as an empty file', () => expect(readEnvFile('/dev/null')).toMatchObject({ variables: [] }))
})
