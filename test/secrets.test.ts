import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Patterns of real credentials, and of traces of a workplace. Samples in tests are shorter, or say that they are examples. */
const traces: Readonly<Record<string, RegExp>> = {
  'a JWT': /\beyJ[\w-]{12,}\.eyJ[\w-]{12,}\.[\w-]{20,}/,
  'an API key':
    /\b(sk|pk|rk|gsk|xai|nvapi|pplx|csk|r8|hf|tgp)[-_](?!.{0,8}(test|fake|example)|.{0,20}0123456789)[A-Za-z0-9_-]{28,}/,
  "a cloud's key":
    /\b(AIza[\w-]{35}|AKIA[A-Z0-9]{16}|gh[opsu]_[A-Za-z0-9]{36}|npm_[A-Za-z0-9]{36}|xox[abp]-[\w-]{20,})/,
  'a session cookie':
    /\b(__session|__client|__Secure-[\w-]+|sb-[\w-]+-auth-token(\.\d)?|cf_clearance|__cf_bm)=[\w%.-]{32,}/,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  'a mail address':
    /(?<![\w.])[\w.+-]+@(?!\d+\.\d+)([\w-]+\.)*(?!(example|invalid|test|localhost|evil)\b)[\w-]+\.(?!(example|invalid|test)\b)[a-z]{2,}\b/i,
  "a workplace's path": /(?<![\w.:*-])\/(work|home|Users)\/[\w.-]+/,
  "a registry's host":
    /\b(registry\.(npmjs|yarnpkg)|deb\.debian|proxy\.golang|pypi|files\.pythonhosted|repo\d?\.maven)\.(org|com)\b/,
}

function found(text: string): string[] {
  return Object.entries(traces)
    .filter(([, pattern]) => pattern.test(text))
    .map(([name]) => name)
}

const root = join(import.meta.dir, '..')

/** Lists the files that git would commit. Without git, lists all files that a build has not made. */
function ours(): string[] {
  if (!existsSync(join(root, '.git'))) {
    const built = /(^|\/)(node_modules|dist|coverage)\//
    return [...new Bun.Glob('**').scanSync({ cwd: root, dot: true })].filter((path) => !built.test(path))
  }
  const git = Bun.spawnSync(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  if (!git.success) throw new Error(`git does not list the files: ${git.stderr}`)
  const paths = git.stdout.toString().split('\0')
  return paths.filter((path) => path !== '' && existsSync(join(root, path)))
}

describe('the repository', () => {
  const paths = ours()

  test('is read completely', () => {
    expect(paths).toContain('package.json')
    expect(paths).toContain('src/main.ts')
    expect(paths).toContain('test/secrets.test.ts')
  })

  test('has no credential, no personal data and no trace of a workplace', async () => {
    const scanned = paths.map(async (path) =>
      found(await Bun.file(join(root, path)).text()).map((trace) => `${path} holds ${trace}`),
    )
    expect((await Promise.all(scanned)).flat()).toEqual([])
  })
})

describe('a planted trace is found:', () => {
  const random = 'q7Zr2mXv9Lk4Tn8Ws3Yb6Hd1Jf5Gp0Cx'
  const planted: readonly (readonly [name: string, text: string])[] = [
    ['a JWT', `eyJhbGciOiJIUzI1NiJ9${'.'}eyJzdWIiOiIxMjM0NTY3ODkwIn0${'.'}${random}`],
    ['an API key', `OPENAI_API_KEY=sk-${'proj'}-${random}`],
    ['an API key', `"key": "gsk_${random}"`],
    ["a cloud's key", `AIza${random}abc`],
    ['a session cookie', `cookie: __session=${random}`],
    ['a session cookie', `sb-abcdef-auth-token.0=${random}`],
    ['a private key', `-----BEGIN ${'RSA PRIVATE'} KEY-----`],
    ['a mail address', `someone${'@'}mail.com`],
    ["a workplace's path", ` /${'work'}/main/src`],
    ["a registry's host", `https://registry${'.'}npmjs.org/bun`],
  ]
  for (const [name, text] of planted) test(name, () => expect(found(text)).toEqual([name]))

  test('but a text that only looks like one is allowed', () => {
    const harmless = [
      'sk-test-0123456789012345678901234567',
      'sk-secret',
      'eyJhbGciOiJub25lIn0.e30.',
      'me@example.com, you@mail.example.org, it@host.test',
      'bun@1.4.5 @types/bun@1.4.4',
      'https://user:password@127.0.0.1/',
      'https://api.example.com/work/item',
      '__session=short',
    ]
    expect(harmless.flatMap(found)).toEqual([])
  })
})
