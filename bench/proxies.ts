import { readBeside } from './beside.ts'
import { Child } from './child.ts'
import { pinned } from './cores.ts'
import { mockModels, mockPanel } from './mock-scripts.ts'

/** A program between the client and the mock upstream. */
export type ProxyServer = {
  readonly name: string
  /** A path that is answered with 200 as soon as the program is ready. */
  readonly healthPath: string
  readonly start: (mock: Child, settings: ProxySettings) => Promise<Child>
}

export type ProxySettings = {
  readonly cores: string | undefined
  /** More variables of the gateway's environment. The other proxies do not get them. */
  readonly environment?: Readonly<Record<string, string>>
}

const root = new URL('..', import.meta.url).pathname
/** The working folder of the processes. It has no `.env` and no `bunfig.toml`. */
const folder = import.meta.dir
const noRequestLimit = { BUN_CONFIG_MAX_HTTP_REQUESTS: '65535' }

/** The simplest possible proxy on Bun. All ratios are to its figures. */
export const passThrough: ProxyServer = {
  name: 'pass-through',
  healthPath: '/health',
  start: script('pass-through.ts'),
}

/** A server on Elysia that only parses each body and writes it again. */
export const elysia: ProxyServer = { name: 'elysia', healthPath: '/health', start: script('elysia-proxy.ts') }

/** The gateway: `BENCH_TARGET_COMMAND`, or the executable, or the source. */
export const tributary: ProxyServer = {
  name: 'tributary',
  healthPath: '/health',
  async start(mock, { cores, environment }) {
    const members = mockPanel.members.map((model) => `openai/${model}`).join(' + ')
    const models = { OPENAI_MODELS: mockModels.join(','), ROUTES: `${mockPanel.name} = ${members}` }
    const listener = { HOST: '127.0.0.1', PORT: '0' }
    const log = { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }
    const command = pinned(await tributaryCommand(), cores)
    return Child.start(command, { ...upstreamOf(mock), ...listener, ...models, ...log, ...environment }, folder)
  },
}

/** Other gateways, from `BENCH_BESIDE`. */
const beside: readonly ProxyServer[] = readBeside(process.env.BENCH_BESIDE).map(({ name, command }) => ({
  name,
  healthPath: '/v1/models',
  start: (mock, { cores }) => {
    const environment = { ...upstreamOf(mock), OPENAI_MODELS: mockModels.join(',') }
    return Child.startOnPort(pinned(command, cores), environment, folder)
  },
}))

export const allProxies: readonly ProxyServer[] = [passThrough, elysia, tributary, ...beside]

/**
 * Returns `BENCH_TARGET_COMMAND`, whose paths start at the checkout's root; or the executable, or the source if it is
 * not built.
 */
export async function tributaryCommand(): Promise<readonly string[]> {
  const override = process.env.BENCH_TARGET_COMMAND
  if (override) return Promise.all(override.split(' ').map(resolveWord))
  const executable = `${root}dist/tributary`
  if (await Bun.file(executable).exists()) return [executable]
  return [process.execPath, `${root}src/main.ts`]
}

function script(file: string): ProxyServer['start'] {
  const command = [process.execPath, `${root}bench/${file}`]
  return (mock, { cores }) => Child.start(pinned(command, cores), { ...upstreamOf(mock), ...noRequestLimit }, folder)
}

function upstreamOf(mock: Child): Record<string, string> {
  return { OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `http://127.0.0.1:${mock.port}/v1` }
}

async function resolveWord(word: string): Promise<string> {
  const path = root + word
  return (await Bun.file(path).exists()) ? path : word
}
