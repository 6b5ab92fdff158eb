import { Child } from './child.ts'
import { pinned } from './cores.ts'
import { mockModels, mockPanel } from './mock-scripts.ts'

export type TargetName = 'direct' | 'pass-through' | 'tributary'
export type Target = { readonly name: TargetName; readonly port: number; readonly pid: number }

/** The mock upstream and the two proxies that ask it, in new processes. `await using` ends them. */
export type Targets = AsyncDisposable & {
  readonly direct: Target
  readonly passThrough: Target
  readonly tributary: Target
}

const root = new URL('..', import.meta.url).pathname
/** The working folder of the processes. It has no `.env` and no `bunfig.toml`. */
const folder = import.meta.dir

/** @param proxyCores  the list for `taskset`; both proxies run only on these cores */
export async function startTargets(proxyCores?: string): Promise<Targets> {
  const children: Child[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()))
  }
  try {
    const mock = await startMock()
    children.push(mock)
    const passThrough = await startProxy('pass-through', mock, proxyCores)
    children.push(passThrough)
    const tributary = await startProxy('tributary', mock, proxyCores)
    children.push(tributary)
    return {
      direct: target('direct', mock),
      passThrough: target('pass-through', passThrough),
      tributary: target('tributary', tributary),
      [Symbol.asyncDispose]: stop,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}

export function startMock(): Promise<Child> {
  return Child.start([process.execPath, `${root}bench/mock-upstream.ts`], {}, folder)
}

export async function startProxy(name: 'pass-through' | 'tributary', mock: Child, cores?: string): Promise<Child> {
  const upstream = { OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `http://127.0.0.1:${mock.port}/v1` }
  if (name === 'pass-through') {
    const command = [process.execPath, `${root}bench/pass-through.ts`]
    return Child.start(pinned(command, cores), { ...upstream, BUN_CONFIG_MAX_HTTP_REQUESTS: '65535' }, folder)
  }
  const members = mockPanel.members.map((model) => `openai/${model}`).join(' + ')
  const models = { OPENAI_MODELS: mockModels.join(','), ROUTES: `${mockPanel.name} = ${members}` }
  const listener = { HOST: '127.0.0.1', PORT: '0', ...models }
  const log = { LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }
  const command = pinned(await tributaryCommand(), cores)
  return Child.start(command, { ...upstream, ...listener, ...log }, folder)
}

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

async function resolveWord(word: string): Promise<string> {
  const path = root + word
  return (await Bun.file(path).exists()) ? path : word
}

function target(name: TargetName, { port, pid }: Child): Target {
  return { name, port, pid }
}
