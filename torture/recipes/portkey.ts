import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { surfaces } from '../talk/surface.ts'
import { findProgram } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

// newer releases of its server library break every stream of 1.15.2 ("TypeError: immutable")
const needs =
  'npm install @portkey-ai/gateway with "overrides": {"@hono/node-server": "1.8.2"}, and TORTURE_PORTKEY="node …/@portkey-ai/gateway/build/start-server.js"'

/** Portkey has no settings of its own: the headers of each request name the upstream. */
export const portkey: Recipe = {
  name: 'portkey',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('portkey', needs)
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, `--port=${port}`, '--headless'],
      ...{ folder, readyUrl: url, environment: { NODE_ENV: 'production' } },
    })
    const lanes = surfaces.map((surface) => ({ name: surface, surface, model: `torture-${surface}` }))
    const fields = {
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
    }
    return {
      target: { url, key: 'sk-test-upstream-0123456789', lanes, fields, pid: program.pid },
      version: await versionOf(command),
      stop: () => program.stop(),
    }
  },
}

async function versionOf(command: readonly string[]): Promise<string> {
  const text = await readFile(join(dirname(command.at(-1) ?? ''), '../package.json'), 'utf8').catch(() => '{}')
  const { version }: { version?: unknown } = JSON.parse(text)
  return typeof version === 'string' ? version : 'unknown'
}
