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
}

/** Runs a prompt in a folder with two files. @returns the last line of its output */
export async function runClaudeCode({ prompt, url, model }: Work) {
  await using home = await emptyFolder()
  await Promise.all(['one', 'two'].map((name) => Bun.write(join(home.path, `${name}.txt`), `This is ${name}.\n`)))
  const child = Bun.spawn(
    [join(folder, 'node_modules/.bin/claude'), '-p', prompt, '--output-format', 'json', '--allowedTools', 'Read'],
    {
      cwd: home.path,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: home.path,
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: 'unused',
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
