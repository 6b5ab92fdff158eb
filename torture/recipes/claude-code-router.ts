import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const needs = 'npm install @musistudio/claude-code-router, and TORTURE_CCR="node …/dist/cli.js"'
const key = 'sk-torture-router-0123456789'

const configuration = (port: number, upstreamPort: number) => ({
  ...{ HOST: '127.0.0.1', PORT: port, APIKEY: key, LOG: false, API_TIMEOUT_MS: 600_000 },
  Providers: [
    {
      name: 'torture',
      api_base_url: `http://127.0.0.1:${upstreamPort}/v1/chat/completions`,
      api_key: 'sk-test-upstream-0123456789',
      models: ['torture-chat'],
      // without it no stream has a usage; its transformer "reasoning" loses the reasons of the end, so it is left out
      transformer: { use: ['streamoptions'] },
    },
  ],
  Router: { default: 'torture,torture-chat' },
})

/** claude-code-router takes Anthropic's Messages, and asks an upstream of Chat Completions. */
export const claudeCodeRouter: Recipe = {
  name: 'claude-code-router',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('ccr', needs)
    const home = join(folder, '.claude-code-router')
    await mkdir(home, { recursive: true })
    await writeFile(join(home, 'config.json'), JSON.stringify(configuration(port, upstreamPort)))
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, 'start'],
      ...{ folder, readyUrl: `${url}/health`, environment: { SERVICE_PORT: String(port) } },
    })
    const lanes = [{ name: 'messages over chat', surface: 'messages' as const, model: 'torture,torture-chat' }]
    return {
      target: { url, key, lanes, pid: program.pid },
      version: await versionOf(command),
      stop: () => program.stop(),
    }
  },
}

async function versionOf(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command, 'version'], { stdout: 'pipe', stderr: 'ignore' })
  return /(\d+\.\d+\.\d+\S*)/.exec(await child.stdout.text())?.[1] ?? 'unknown'
}
