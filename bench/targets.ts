import { Child } from './child.ts'
import type { Run } from './figure.ts'
import { allProxies, type ProxyServer } from './proxies.ts'

/** A server that gets the load: the mock upstream itself (`direct`) or a proxy before it. */
export type Target = { readonly name: string; readonly port: number; readonly pid: number }

/** The mock upstream and the proxies that ask it, in new processes. `await using` ends them. */
export type Targets = AsyncDisposable & {
  readonly direct: Target
  readonly proxies: readonly Target[]
}

/** Starts a mock upstream and each of the proxies. */
export async function startTargets(
  { proxyCores }: Run,
  proxies: readonly ProxyServer[] = allProxies,
): Promise<Targets> {
  const children: Child[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()))
  }
  try {
    const mock = await startMock()
    children.push(mock)
    const targets: Target[] = []
    for (const proxy of proxies) {
      const child = await proxy.start(mock, { cores: proxyCores })
      children.push(child)
      targets.push(targetOf(proxy.name, child))
    }
    return { direct: targetOf('direct', mock), proxies: targets, [Symbol.asyncDispose]: stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** @param moreModels  the number of models in its list beside those that have a script */
export function startMock(moreModels = 0): Promise<Child> {
  const command = [process.execPath, `${import.meta.dir}/mock-upstream.ts`]
  return Child.start(command, { MORE_MODELS: String(moreModels) }, import.meta.dir)
}

function targetOf(name: string, { port, pid }: Child): Target {
  return { name, port, pid }
}
