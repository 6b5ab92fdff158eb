import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Lane } from '../lab/target.ts'
import { findProgram } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

// newer releases of its server library break every stream of 1.15.2 ("TypeError: immutable")
const needs =
  'npm install @portkey-ai/gateway with "overrides": {"@hono/node-server": "1.8.2"}, and TORTURE_PORTKEY="node …/@portkey-ai/gateway/build/start-server.js"'

/** Chat Completions and Responses are asked of OpenAI, Messages only of Anthropic; chats also before Anthropic. */
const lanesOf = (upstreamPort: number): readonly Lane[] =>
  [
    { name: 'chat', surface: 'chat', model: 'torture-chat', provider: 'openai' } as const,
    { name: 'responses', surface: 'responses', model: 'torture-responses', provider: 'openai' } as const,
    { name: 'messages', surface: 'messages', model: 'torture-messages', provider: 'anthropic' } as const,
    { name: 'chat over messages', surface: 'chat', model: 'torture-messages', provider: 'anthropic' } as const,
  ].map(({ provider, ...lane }) => ({
    ...lane,
    fields: {
      ...{ 'x-portkey-provider': provider, 'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1` },
      authorization: 'Bearer sk-test-upstream-0123456789',
    },
  }))

/** Portkey has no settings and no keys of its own: the headers of each request name the upstream and its key. */
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
    return {
      target: { url, lanes: lanesOf(upstreamPort), pid: program.pid },
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
