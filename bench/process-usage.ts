import { readdir } from 'node:fs/promises'

const kibPerMib = 1_024

/** Returns the CPU time of all threads of a process, in nanoseconds. The first field of schedstat has it: proc(5). */
async function cpuNs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const times = await Promise.all(threads.map((thread) => threadCpuNs(`/proc/${pid}/task/${thread}/schedstat`)))
  return times.reduce((sum, time) => sum + time, 0)
}

/** Returns the CPU time in microseconds that a process uses while the work is done. */
export async function cpuUsDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = await cpuNs(pid)
  await work()
  return ((await cpuNs(pid)) - before) / 1_000
}

export async function rssKib(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text()
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
}

export async function rssMib(pid: number): Promise<number> {
  return (await rssKib(pid)) / kibPerMib
}

/** Returns the highest resident memory since the start, or since `5` was written to clear_refs: proc(5). */
export async function peakKib(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text()
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
}

/**
 * Returns the number of files that a new child process may open. It is the soft limit, which Bun has raised to the hard
 * one.
 */
export async function maxOpenFiles(): Promise<number> {
  const limits = await Bun.file('/proc/self/limits').text()
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
}

async function threadCpuNs(path: string): Promise<number> {
  const stat = await Bun.file(path)
    .text()
    .catch(() => '0') // the thread has ended since it was listed
  return Number(stat.split(' ')[0])
}
