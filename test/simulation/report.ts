import type { Verdict } from './verdict.ts'

/** So many seeds are shown with all that is wrong. */
const maxShown = 20

/** Gathers what the processes say, and prints what is wrong at once. */
export function reportAll(count: number) {
  const startedAt = performance.now()
  const hashes = new Map<number, string>()
  const costs: number[] = []
  let failed = 0
  let other = 0
  return {
    take({ seed, hash, wrong, cpuMs }: Verdict): boolean {
      costs.push(cpuMs)
      hashes.set(seed, hash)
      if (wrong.length > 0 && failed++ < maxShown) {
        console.log(`seed ${seed} (${hash}):`)
        for (const line of wrong.slice(0, 5)) console.log(`  ${line.slice(0, 400)}`)
        console.log(`  bun run simulate --seed ${seed}`)
      }
      return true
    },
    takeAgain({ seed, hash }: Verdict): boolean {
      if (hashes.get(seed) === hash) return true
      if (other++ < maxShown)
        console.log(`seed ${seed} gives another history the second time: ${hashes.get(seed)}, ${hash}`)
      return true
    },
    /** @returns the exit code */
    end(): number {
      const seconds = (performance.now() - startedAt) / 1_000
      const all = [...hashes.entries()].toSorted(([a], [b]) => a - b).map(([, hash]) => hash)
      const sum = new Bun.CryptoHasher('sha256').update(all.join('\n')).digest('hex').slice(0, 24)
      console.log(
        `${hashes.size} of ${count} seeds in ${seconds.toFixed(1)} s (${(hashes.size / seconds).toFixed(1)} a second)`,
      )
      // the first nights of a process are slow, because its code is not compiled yet
      const warm = costs.slice(costs.length / 2)
      const cpuMs = warm.reduce((sum, cost) => sum + cost, 0) / warm.length
      console.log(`a night takes ${cpuMs.toFixed(1)} ms of CPU in a warm process`)
      console.log(`${failed} failed, ${other} gave another history the second time; all histories: ${sum}`)
      return failed + other > 0 || hashes.size < count ? 1 : 0
    },
  }
}
