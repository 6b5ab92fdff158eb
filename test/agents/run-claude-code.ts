import { join } from 'node:path'
import { emptyFolder } from '../e2e/program.ts'
import { within } from '../waiting.ts'
import { folder } from './install.ts'

const patienceMs = 60_000

interface Work {
  readonly prompt: string
  /** The address of the gateway. */
  readonly url: string
  readonly model: string
  /** A key of the gateway, if it needs one. */
  readonly key?: string
  /** MCP servers, in the form of Claude Code's settings. Their tools may be used. */
  readonly servers?: Readonly<Record<string, object>>
}

/** Runs a prompt in a folder with two files. @returns the last line of its output */
export async function runClaudeCode({ prompt, url, model, key = 'unused', servers = {} }: Work) {
  await using home = await emptyFolder()
  await Promise.all(['one', 'two'].map((name) => Bun.write(join(home.path, `${name}.txt`), `This is ${name}.\n`)))
  const tools = ['Read', ...Object.keys(servers).map((name) => `mcp__${name}`)]
  const options = [
    '--output-format',
    'json',
    '--mcp-config',
    JSON.stringify({ mcpServers: servers }),
    '--strict-mcp-config',
  ]
  const child = Bun.spawn(
    [join(folder, 'node_modules/.bin/claude'), '-p', prompt, ...options, '--allowedTools', ...tools],
    {
      cwd: home.path,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: home.path,
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: key,
        ANTHROPIC_MODEL: model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
    },
  )
  try {
    const text = await within(child.stdout.text(), patienceMs, 'the end of Claude Code')
    return JSON.parse(text.trim().split('\n').at(-1) ?? '')
  } finally {
    child.kill('SIGKILL')
  }
}
