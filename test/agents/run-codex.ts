import { join } from 'node:path'
import { emptyFolder } from '../e2e/program.ts'
import { within } from '../waiting.ts'
import { folder } from './install.ts'

const patienceMs = 60_000

interface CodexWork {
  readonly prompt: string
  /** The address of the gateway. */
  readonly url: string
  readonly model: string
  /** Further lines of its configuration, before all tables. */
  readonly settings?: readonly string[]
  /** `openai`: its own provider, at the gateway's address. */
  readonly provider?: 'tributary' | 'openai'
}

/** Runs a prompt in a folder with a file. @returns its last message, and everything that it printed */
export async function runCodex({ prompt, url, model, settings = [], provider = 'tributary' }: CodexWork) {
  await using home = await emptyFolder()
  await Bun.write(join(home.path, 'one.txt'), 'This is one.\n')
  await Bun.write(
    join(home.path, 'config.toml'),
    `model = "${model}"
model_provider = "${provider}"
openai_base_url = "${url}/v1"
${settings.join('\n')}
[model_providers.tributary]
name = "tributary"
base_url = "${url}"
env_key = "TRIBUTARY_KEY"
wire_api = "responses"
`,
  )
  const last = join(home.path, 'last.txt')
  const options = ['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '--output-last-message', last]
  const child = Bun.spawn([join(folder, 'node_modules/.bin/codex'), 'exec', ...options, prompt], {
    cwd: home.path,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home.path,
      CODEX_HOME: home.path,
      TRIBUTARY_KEY: 'unused',
      CODEX_API_KEY: 'unused',
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  try {
    const [stdout, stderr] = await within(
      Promise.all([child.stdout.text(), child.stderr.text()]),
      patienceMs,
      'the end of Codex',
    )
    const said = await Bun.file(last)
      .text()
      .catch(() => '')
    return { said, printed: stdout + stderr }
  } finally {
    child.kill('SIGKILL')
  }
}
