import type { Config, Misconfigured } from '../config/config.ts'
import { bypassProxies } from '../config/load-config.ts'
import type { RawVariables } from '../config/spelled-values.ts'
import type { Runtime } from '../flow/runtime.ts'
import { providers } from '../providers/index.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { version } from '../version.ts'
import { exampleRequests } from './example-requests.ts'
import { ignoreClosedOutput } from './ignore-closed-output.ts'
import { listModels } from './models.ts'
import { serveUntilStopped } from './serve.ts'
import { table } from './table.ts'

/** The gateway with an emulator of every upstream. */
export interface Demo {
  /** Keeps the operator's variables for the gateway itself, and adds the emulators' variables for everything else. */
  choose(set: RawVariables): RawVariables
  serve(config: Config, running: { readonly runtime: Runtime; read(): Config | Misconfigured }): Promise<number>
}

const ownNames = [
  'HOST',
  'PORT',
  'API_MASTER_KEY',
  'API_MASTER_KEY_FILE',
  'ALLOW_UNAUTHENTICATED',
  'LOG_LEVEL',
  'LOG_FORMAT',
]

/** Starts the emulators on 127.0.0.1. They end with `serve`, or with the process. */
export async function openDemo(): Promise<Demo> {
  bypassProxies()
  const emulated = await Promise.all(providers.map((provider) => provider.emulate()))
  const theirs = Object.fromEntries(emulated.flatMap(({ variables }) => Object.entries(variables)))
  return {
    // nothing that is emulated outlives the process, and no client waits for an answer
    choose: (set) => ({ ...pickOwn(set), ...theirs, STATE_URL: 'memory:', SHUTDOWN_GRACE: '1' }),
    async serve(config, { runtime, read }) {
      const models = await modelsOf(config, runtime)
      ignoreClosedOutput(process.stdout)
      const announce = ({ url }: { readonly url: string }) =>
        void process.stdout.write(introduction(config, url, models))
      const code = await serveUntilStopped(config, { runtime, read, logTo: Bun.stderr.writer(), announce })
      await Promise.all(emulated.map((service) => service.close()))
      return code
    },
  }
}

function pickOwn(set: RawVariables): RawVariables {
  return Object.fromEntries(ownNames.map((name) => [name, set[name]]))
}

/** Characters of a line if the terminal's width is not known. */
const lineLength = 100

/** A table of the models, with a row for each upstream. */
async function modelsOf(config: Config, runtime: Runtime): Promise<string> {
  const byUpstream = Map.groupBy(
    await listModels(config, new MemoryStore({ runtime }), runtime),
    ({ upstream, members }) => (members ? '(several)' : upstream),
  )
  const rows = [...byUpstream].map(([upstream, listed]) => [upstream, listed.map(({ model }) => model.id).join(', ')])
  return table(['upstream', 'models'], rows, process.stdout.columns || lineLength)
}

function introduction({ keys }: Config, url: string, models: string): string {
  return `tributary ${version} demo listens on ${url} (OpenAI base URL: ${url}/v1)

Every upstream is emulated in this process: there is no account, no network and no language model. They answer "You said: …",
and call a tool that they are told to call. A model is addressed as upstream/model, or by its name alone.

${models}
Open ${url} in a browser: the console shows all of it, and lets you try every model.

Try in another terminal${keys.length > 0 ? ', where API_MASTER_KEY is set as well' : ''}:

${exampleRequests(url, { hasKeys: keys.length > 0 })}
Ctrl-C ends the demo. To use accounts of your own: tributary help upstreams
`
}
