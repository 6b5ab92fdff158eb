import { openPool } from '../accounts/open-pool.ts'
import { applyKept } from '../config/apply-kept.ts'
import type { Config } from '../config/config.ts'
import { readKept } from '../credentials/kept-variables.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { Catalog } from '../gateway/catalog.ts'
import type { ListedModel } from '../gateway/known-models.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { openLog } from '../telemetry/log.ts'
import { isRenewed, openState } from './open-state.ts'

/** Prints the models that would be served, one per line. */
export async function models(config: Config, runtime: Runtime): Promise<number> {
  // an upstream with a fixed list is not asked, so its accounts are not renewed, and a running server may have the
  // state open
  const renewed = config.upstreams.filter((upstream) => !upstream.models && isRenewed(upstream))
  const store =
    renewed.length > 0 ? await openState(config, runtime, { shared: renewed }) : new MemoryStore({ runtime })
  if (typeof store === 'number') return store
  const { config: inForce } = applyKept(config, await readKept(store))
  const listed = await listModels(inForce, store, runtime)
  await store.close()
  process.stdout.write(listed.map(({ id }) => `${id}\n`).join(''))
  return listed.length > 0 ? 0 : 1
}

/** The models that would be served. */
export async function listModels(
  { upstreams, routes, aliases, logLevel }: Config,
  store: Store,
  runtime: Runtime,
): Promise<readonly ListedModel[]> {
  const log = openLog({ runtime, level: logLevel, format: 'pretty', write: (line) => void process.stderr.write(line) })
  const catalog = new Catalog(
    upstreams.map((upstream) => ({ upstream, pool: openPool(upstream, { store, log, runtime }) })),
    { log, runtime, routes, aliases },
  )
  const listed = await catalog.list(new CancelSource(runtime))
  catalog.close()
  return listed
}
