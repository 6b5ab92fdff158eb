import { describe, expect, test } from 'bun:test'
import { parseSync } from 'oxc-parser'
import type { GatewayAddress, Settings } from './client.ts'
import { clients } from './clients.ts'
import { envValue, quoted, shellWord } from './quoting.ts'

const plain: GatewayAddress = { url: 'http://gateway.example:8000', model: 'lab/agent', claudeAliases: [] }

/** Names and keys that end a string, a comment or a command in one of the formats, or are a template in it. */
const hostile = [
  `it's "quoted" \\ and \\\\ more`,
  '$(touch /tmp/x) `id` $HOME ${HOME} ${{ secrets.X }} #{x}',
  'a\nb\r\n- c: d\n"""\n\'\'\'',
  "'; exit 3; '",
  '#: {a} [b], &c *d !e |f >g %h @i',
  'no\u0007control\u007f\u0085\u2028\u2029\ufeff',
  '模型/字 😀 \u202e',
  '-rf --help',
  '</script><!-- -->',
  ' leading and trailing ',
  'true',
]

function textsOf(settings: readonly Settings[]): readonly string[] {
  return settings.flatMap((part) => (part.kind === 'text' ? [part.text] : []))
}

function settingsOf(name: string, address: GatewayAddress): readonly Settings[] {
  const client = clients.find((known) => known.name === name)
  if (!client) throw new Error(`there is no client ${name}`)
  return client.settings(address)
}

/**
 * Runs a text in a shell, in which every program only says its arguments and variables.
 * @returns all of them
 * @throws Error if the text ends the shell
 */
function wordsInShell(text: string): readonly string[] {
  const programs = ['docker', 'aider', 'curl', 'claude', 'open-webui']
  const variables = ['OPENAI_API_BASE_URL', 'OPENAI_BASE_URL', 'OPENAI_API_KEY', 'ANTHROPIC_BASE_URL']
  const shown = [...variables, 'ANTHROPIC_MODEL', 'ANTHROPIC_AUTH_TOKEN', 'TRIBUTARY_KEY']
  const script = `${programs.map((name) => `${name.replace('-', '_')}() { printf '%s\\0' "$@"; }`).join('\n')}
alias open-webui=open_webui
${text.replace('open-webui serve', 'open_webui serve')}
for name in ${shown.join(' ')}; do eval "printf '%s\\\\0' \\"\\$$name\\""; done`
  const { stdout, stderr, exitCode } = Bun.spawnSync(['sh', '-c', script], { env: { TRIBUTARY_KEY: 'from-variable' } })
  if (exitCode !== 0) throw new Error(String(stderr))
  return stdout.toString().split('\0')
}

/** Every string of a JavaScript module. */
function stringsInScript(text: string): readonly unknown[] {
  const { program, errors } = parseSync('a.mjs', text)
  expect(errors).toEqual([])
  return stringsIn(program)
}

function stringsIn(node: unknown): readonly unknown[] {
  if (typeof node !== 'object' || node === null) return []
  if ('type' in node && node.type === 'Literal' && 'value' in node) return [node.value]
  return Object.values(node).flatMap(stringsIn)
}

function stringsInPython(text: string): readonly unknown[] {
  const program = `import ast, json, sys
print(json.dumps([n.value for n in ast.walk(ast.parse(sys.stdin.buffer.read().decode("utf-8"))) if isinstance(n, ast.Constant) and isinstance(n.value, str)]))`
  const { stdout } = Bun.spawnSync(['python3', '-c', program], { stdin: Buffer.from(text) })
  const found: unknown = JSON.parse(stdout.toString())
  return Array.isArray(found) ? found : []
}

describe('every client', () => {
  test('of the issue has settings, and each name is used once', () => {
    const names = clients.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of [
      ...['openai-python', 'openai-js', 'curl', 'open-webui', 'librechat', 'lobechat', 'cherry-studio', 'nextchat'],
      ...['continue', 'cline', 'opencode', 'codex', 'claude-code', 'aider', 'ai-sdk', 'langchain'],
    ])
      expect(names).toContain(name)
  })

  for (const client of clients)
    test(`${client.title} is told the address, and the key only if it is given`, () => {
      const without = JSON.stringify(client.settings(plain))
      expect(without).toContain('http://gateway.example:8000')
      expect(without).toContain('TRIBUTARY_KEY')
      const key = 'sk-secret-0123456789'
      expect(JSON.stringify(client.settings({ ...plain, key }))).toContain(key)
    })
})

describe('a model name and a key that are hostile stay as they are', () => {
  for (const odd of hostile) {
    const address = { ...plain, model: odd, key: `k${odd}` }

    test(`in a shell: ${JSON.stringify(odd)}`, () => {
      // a shell cannot hold a zero, and drops line ends only at the end of what a command says
      for (const name of ['curl', 'open-webui', 'lobechat', 'nextchat', 'aider', 'claude-code', 'openai', 'codex']) {
        const settings = settingsOf(name, address).filter((part) => part.kind === 'text' && part.into === 'terminal')
        const words = textsOf(settings).flatMap(wordsInShell)
        expect(words.filter((word) => word.includes(`k${odd}`)).length).toBeGreaterThan(0)
        const body = words.find((word) => word.startsWith('{"model"'))
        if (name === 'curl') expect(JSON.parse(body ?? '')).toMatchObject({ model: odd })
        if (name === 'aider') expect(words).toContain(`openai/${odd}`)
        if (name === 'claude-code') expect(words).toContain(odd)
      }
    })

    test(`in JSON, TOML and YAML: ${JSON.stringify(odd)}`, () => {
      const [opencode = ''] = textsOf(settingsOf('opencode', address))
      expect(JSON.parse(opencode)).toMatchObject({
        model: `tributary/${odd}`,
        provider: { tributary: { options: { apiKey: `k${odd}` }, models: { [odd]: {} } } },
      })
      const codex = textsOf(settingsOf('codex', address)).at(-1) ?? ''
      expect(Bun.TOML.parse(codex)).toMatchObject({ model: odd, model_provider: 'tributary' })
      const [settings = ''] = textsOf(settingsOf('continue', address))
      expect(Bun.YAML.parse(settings)).toMatchObject({ models: [{ model: odd, apiKey: `k${odd}` }] })
      const libreChat = textsOf(settingsOf('librechat', address)).at(-1) ?? ''
      expect(Bun.YAML.parse(libreChat)).toMatchObject({
        endpoints: { custom: [{ apiKey: '${TRIBUTARY_KEY}', models: { default: [odd] } }] },
      })
    })

    test(`in a program: ${JSON.stringify(odd)}`, () => {
      for (const name of ['openai-js', 'ai-sdk', 'langchain']) {
        const strings = stringsInScript(textsOf(settingsOf(name, address)).at(-1) ?? '')
        expect(strings).toContain(odd)
        expect(strings).toContain(`k${odd}`)
      }
      for (const name of ['openai-python', 'langchain']) {
        const strings = stringsInPython(textsOf(settingsOf(name, address))[0] ?? '')
        expect(strings).toContain(odd)
        expect(strings).toContain(`k${odd}`)
      }
    })
  }

  test('a comment for Claude Code stays one', () => {
    const address = { ...plain, model: 'a\nexit 3\r\nexit 3', claudeAliases: ['claude-x\nexit 3'] }
    for (const claudeAliases of [[], address.claudeAliases])
      expect(wordsInShell(textsOf(settingsOf('claude-code', { ...address, claudeAliases })).join(''))).toContain(
        address.model,
      )
  })
})

test('a key of the environment is named in each format', () => {
  expect(wordsInShell(textsOf(settingsOf('aider', plain)).join(''))).toContain('from-variable')
  expect(wordsInShell(textsOf(settingsOf('curl', plain)).join(''))).toContain('authorization: Bearer from-variable')
  expect(Bun.YAML.parse(textsOf(settingsOf('continue', plain))[0] ?? '')).toMatchObject({
    models: [{ apiKey: '${{ secrets.TRIBUTARY_KEY }}' }],
  })
})

test('quotes are used only where they are needed, and fit what is in them', () => {
  expect([shellWord('a/b:c@d'), shellWord("it's"), shellWord('')]).toEqual(['a/b:c@d', `'it'\\''s'`, "''"])
  expect([envValue('sk-1'), envValue("it's"), envValue(`'"`)]).toEqual(['sk-1', `"it's"`, '`\'"`'])
  expect(quoted('\ud800')).toBe('"\ufffd"')
})
