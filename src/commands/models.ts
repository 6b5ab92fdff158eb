import { openPool } from '../accounts/open-pool.ts'
import type { Config } from '../config.ts'
import { Catalog, type Listed } from '../gateway/catalog.ts'
import { MemoryStore } from '../state/memory-store.ts'
import { openLog } from '../telemetry/log.ts'

/** Prints the models that would be served, a line each. */
export async function models(config: Config): Promise<number> {
  const listed = await listModels(config)
  process.stdout.write(listed.map(({ id }) => `${id}\n`).join(''))
  return listed.length > 0 ? 0 : 1
}

/** The models that would be served. */
export async function listModels({ upstreams, panels, logLevel }: Config): Promise<readonly Listed[]> {
  const log = openLog({ level: logLevel, format: 'pretty', write: (line) => void process.stderr.write(line) })
  // lists are public: no account needs renewing for them, so none is taken out of a running server's state
  const store = new MemoryStore()
  const catalog = new Catalog(
    upstreams.map((upstream) => ({ upstream, pool: openPool(upstream, { store, log }) })),
    log,
    panels,
  )
  const listed = await catalog.list(new AbortController().signal)
  catalog.close()
  return listed
}
