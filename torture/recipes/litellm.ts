import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lane } from '../lab/target.ts'
import { surfaces } from '../talk/surface.ts'
import { findProgram } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const needs = "pip install 'litellm[proxy]' (Python 3.9 or later)"
const key = 'sk-torture-litellm-0123456789'

/** LiteLLM chooses the dialect of the upstream by the prefix of the model. */
const configuration = (port: number) => {
  const model = (name: string, provider: string, base: string) => ({
    model_name: name,
    litellm_params: {
      ...{ model: `${provider}/${name}`, api_base: base, api_key: 'sk-test-upstream-0123456789' },
    },
  })
  return {
    model_list: [
      model('torture-chat', 'openai', `http://127.0.0.1:${port}/v1`),
      model('torture-responses', 'openai', `http://127.0.0.1:${port}/v1`),
      model('torture-messages', 'anthropic', `http://127.0.0.1:${port}`),
    ],
    // off by default, and without it no abort of a request that is not streamed reaches the upstream
    general_settings: { master_key: key, cancel_on_disconnect: true },
    // it must not rest the only upstream after what our scripts do
    router_settings: { disable_cooldowns: true, num_retries: 0 },
    litellm_settings: { num_retries: 0, telemetry: false, drop_params: true },
  }
}

/** Each surface before the upstream of its own dialect, and chats also before Anthropic's. */
const lanes: readonly Lane[] = [
  ...surfaces.map((surface) => ({ name: surface, surface, model: `torture-${surface}` })),
  { name: 'chat over messages', surface: 'chat', model: 'torture-messages' },
  { name: 'messages over chat', surface: 'messages', model: 'torture-chat' },
]

export const litellm: Recipe = {
  name: 'litellm',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('litellm', needs)
    const file = join(folder, 'config.json')
    await writeFile(file, JSON.stringify(configuration(upstreamPort)))
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, '--config', file, '--host', '127.0.0.1', '--port', String(port), '--telemetry', 'False'],
      ...{ folder, readyUrl: `${url}/health/liveliness` },
      environment: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR', NO_DOCS: 'True' },
    })
    return {
      target: { url, key, lanes, pid: program.pid },
      version: await versionOf(command),
      stop: () => program.stop(),
    }
  },
}

async function versionOf(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command, '--version'], { stdout: 'pipe', stderr: 'ignore' })
  return /(\d+\.\d+\.\d+\S*)/.exec(await child.stdout.text())?.[1] ?? 'unknown'
}
