import { join } from 'node:path'
import { Verdict } from './verdict.ts'

/** Seeds that one process simulates before another takes its place, so that its memory stays small. */
const seedsOfProcess = 2_000
/** A process that says nothing for so long is caught in one turn of its event loop. Milliseconds. */
const silentMs = 120_000

/** A night is too short for the dearest compiler of the engine: it took a seventh of the CPU. */
const cheaperCode = { BUN_JSC_useFTLJIT: '0' }

export interface Chores {
  readonly first: number
  readonly count: number
  readonly processes: number
  /** The root of the tree whose gateway is simulated. */
  readonly root: string
  /** Called for each seed, in any order. @returns whether to go on */
  onVerdict(verdict: Verdict): boolean
}

/** Simulates seeds in several processes. Each takes every n-th seed. */
export async function simulateAll({ first, count, processes, ...shared }: Chores): Promise<void> {
  const stopping = new AbortController()
  const lanes = Array.from({ length: Math.min(processes, count) }, async (_, lane) => {
    const own = Math.ceil((count - lane) / processes)
    for (let done = 0; done < own && !stopping.signal.aborted; done += seedsOfProcess) {
      const seeds = { first: first + lane + done * processes, count: Math.min(seedsOfProcess, own - done) }
      await runProcess({ ...seeds, step: processes }, shared, stopping)
    }
  })
  await Promise.all(lanes)
}

interface Seeds {
  readonly first: number
  readonly count: number
  readonly step: number
}

async function runProcess(seeds: Seeds, shared: Pick<Chores, 'root' | 'onVerdict'>, stopping: AbortController) {
  const { first, count, step } = seeds
  const worker = join(shared.root, 'test/simulation/worker.ts')
  const child = Bun.spawn([process.execPath, worker, String(first), String(count), String(step)], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit', cwd: shared.root },
    env: { ...process.env, ...cheaperCode },
  })
  const kill = () => child.kill('SIGKILL')
  stopping.signal.addEventListener('abort', kill)
  let next = first
  const say = (verdict: Verdict) => {
    next = verdict.seed + step
    if (!shared.onVerdict(verdict)) stopping.abort()
  }
  await readVerdicts(child.stdout, say, kill)
  await child.exited
  stopping.signal.removeEventListener('abort', kill)
  const isDone = next === first + count * step || stopping.signal.aborted
  if (!isDone) say({ seed: next, hash: 'none', wrong: ['never ends, or ends the process'], cpuMs: 0 })
}

async function readVerdicts(output: ReadableStream<Uint8Array>, say: (verdict: Verdict) => void, kill: () => void) {
  const decoder = new TextDecoder()
  let rest = ''
  let timer = setTimeout(kill, silentMs)
  for await (const bytes of output) {
    clearTimeout(timer)
    timer = setTimeout(kill, silentMs)
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) say(Verdict.parse(JSON.parse(line)))
  }
  clearTimeout(timer)
}
