import { Pool } from '../accounts/pool.ts'
import type { Config } from '../config.ts'
import { Catalog } from '../gateway/catalog.ts'
import { openLog } from '../telemetry/log.ts'

/** Prints the models that would be served, a line each. */
export async function models({ upstreams, panels, logLevel }: Config): Promise<number> {
  const log = openLog({ level: logLevel, format: 'pretty', write: (line) => void process.stderr.write(line) })
  const catalog = new Catalog(
    upstreams.map((upstream) => ({ upstream, pool: new Pool(upstream.accounts) })),
    log,
    panels,
  )
  const listed = await catalog.list(new AbortController().signal)
  catalog.close()
  process.stdout.write(listed.map(({ id }) => `${id}\n`).join(''))
  return listed.length > 0 ? 0 : 1
}
