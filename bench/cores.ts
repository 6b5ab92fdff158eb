/** The core of the proxy, and the cores of the mock and the load generator, as lists for `taskset`. */
export type Pinning = { readonly proxy: string; readonly others: string }

export async function findPinning(): Promise<Pinning | undefined> {
  const cores = expand(await allowedCores())
  const proxy = cores.at(-1)
  if (cores.length < 2 || !proxy || !Bun.which('taskset')) return undefined
  return { proxy, others: cores.slice(0, -1).join(',') }
}

/** Moves this process to these cores. @returns a function that moves it back */
export async function moveTo(cores: string): Promise<() => void> {
  const before = await allowedCores()
  pin(cores)
  return () => pin(before)
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
