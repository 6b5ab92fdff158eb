import { findProgram } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const needs = 'npm install better-ccflare'

/** better-ccflare passes Messages on to Messages, and takes its upstreams by an API of its own. */
export const betterCcflare: Recipe = {
  name: 'better-ccflare',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('better-ccflare', needs)
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, '--serve', '--port', String(port)],
      ...{ folder, readyUrl: `${url}/health`, environment: {} },
    })
    const account = {
      ...{ name: 'torture', apiKey: 'sk-test-upstream-0123456789', priority: 0 },
      customEndpoint: `http://127.0.0.1:${upstreamPort}`,
    }
    const headers = { 'content-type': 'application/json' }
    const added = await fetch(`${url}/api/accounts/anthropic-compatible`, {
      ...{ method: 'POST', headers, body: JSON.stringify(account) },
    })
    if (!added.ok) {
      await program.stop()
      throw new Error(`better-ccflare did not take the upstream: ${await added.text()}`)
    }
    const lanes = [{ name: 'messages', surface: 'messages' as const, model: 'torture-messages' }]
    return { target: { url, lanes, pid: program.pid }, version: await versionOf(command), stop: () => program.stop() }
  },
}

async function versionOf(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command, '--version'], { stdout: 'pipe', stderr: 'ignore' })
  return /(\d+\.\d+\.\d+)/.exec(await child.stdout.text())?.[1] ?? 'unknown'
}
