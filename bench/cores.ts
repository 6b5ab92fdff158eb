/**
 * Moves this process, and so all processes that it will start, to all cores but the last one. The proxies get that one.
 * @returns the list for `taskset`; `undefined` if there is only one core or no `taskset`
 */
export async function reserveCore(): Promise<string | undefined> {
  const cores = expand(await allowedCores())
  const reserved = cores.at(-1)
  if (cores.length < 2 || !reserved || !Bun.which('taskset')) return undefined
  pin(cores.slice(0, -1).join(','))
  return reserved
}

/** Returns the command, changed so that it and all its threads run only on these cores. */
export function pinned(command: readonly string[], cores: string | undefined): readonly string[] {
  return cores === undefined ? command : ['taskset', '-c', cores, ...command]
}

function pin(cores: string): void {
  const { success, stderr } = Bun.spawnSync(['taskset', '-a', '-c', '-p', cores, String(process.pid)])
  if (!success) throw new Error(`taskset: ${stderr.toString()}`)
}

async function allowedCores(): Promise<string> {
  const status = await Bun.file('/proc/self/status').text()
  return /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? ''
}

function expand(list: string): readonly string[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 || 0 }, (_, index) => String(first + index))
  })
}
