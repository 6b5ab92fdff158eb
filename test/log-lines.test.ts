/** Item 3 of issue 16: lines of several processes in one rotated file, some of which are killed. None is lost or torn. */
import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rotatedFiles } from '../src/telemetry/rotated-files.ts'

const isFull = process.env.TRIBUTARY_TEST_FULL === '1'
const scale = isFull
  ? { processes: 4, kills: 24, linesEach: 125_000, maxBytes: 10 * 1024 ** 2 }
  : { processes: 3, kills: 4, linesEach: 6_000, maxBytes: 256 * 1024 }
/** Bytes of a line, about. */
const lineBytes = 200
const source = join(import.meta.dir, '../src')

/** Writes numbered lines, and says on its output how many are in the file for certain. */
const writer = `
  const [path, name, count, maxBytes] = process.argv.slice(1)
  const { LineWriter } = await import(${JSON.stringify(`${source}/telemetry/line-writer.ts`)})
  const { LogFile } = await import(${JSON.stringify(`${source}/telemetry/log-file.ts`)})
  const { openMachine } = await import(${JSON.stringify(`${source}/wire/machine.ts`)})
  const file = new LogFile({ path, maxBytes: Number(maxBytes), maxAgeMs: 1e9, keepFiles: 1e6, keepMs: 1e12, isShared: true, runtime: openMachine(), onProblem: console.error })
  const lines = new LineWriter(file, () => process.exit(9))
  for (let at = 0; at < Number(count); at++) {
    lines.write(name + ' ' + at + ' ' + 'x'.repeat(${lineBytes} - 40 + (at % 60)) + ' end\\n')
    if (at % 100 < 99) continue
    await lines.drain()
    process.stdout.write(at + 1 + '\\n')
  }
  await lines.drain()
  process.stdout.write(count + '\\n')`

interface Written {
  readonly name: string
  /** How many of its lines are in the file for certain. */
  readonly sure: number
}

/** Runs a writer. @param killAt the number of lines after which it is killed with `kill -9` */
async function runWriter(path: string, name: string, killAt: number): Promise<Written> {
  const args = [path, name, String(scale.linesEach), String(scale.maxBytes)]
  const child = Bun.spawn([process.execPath, '-e', writer, ...args], { stdout: 'pipe', stderr: 'inherit' })
  const decoder = new TextDecoder()
  let said = ''
  for await (const bytes of child.stdout) {
    said += decoder.decode(bytes, { stream: true })
    if (sureOf(said) >= killAt) child.kill('SIGKILL')
  }
  const code = await child.exited
  if (code !== 0 && child.signalCode !== 'SIGKILL') throw new Error(`the writer ended with ${code}`)
  return { name, sure: sureOf(said) }
}

/** The last number that was said whole. */
function sureOf(said: string): number {
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1) ?? 0)
}

const folder = await mkdtemp(join(tmpdir(), 'tributary-lines-'))

test(
  `${Math.round((scale.processes * scale.linesEach * lineBytes) / 1e6)} MB of lines of ${scale.processes} processes, of which ${scale.kills} are killed: none is lost or torn`,
  async () => {
    const path = join(folder, 'a.log')
    const perProcess = scale.kills / scale.processes
    const runs = Array.from({ length: scale.processes }, async (_, process) => {
      const written: Written[] = []
      for (let kill = 0; kill < perProcess; kill++)
        written.push(await runWriter(path, `p${process}k${kill}`, 100 + ((kill * 1_700) % (scale.linesEach / 2))))
      return [...written, await runWriter(path, `p${process}`, Number.POSITIVE_INFINITY)]
    })
    const written = (await Promise.all(runs)).flat()
    const files = [...(await rotatedFiles(path)), path]
    const seen = new Map<string, number>()
    const fragments: string[] = []
    for (const file of files) {
      const text = await Bun.file(file).text()
      for (const line of text.split('\n')) noteLine(line, seen, fragments)
    }
    // a process that is killed while it sets the file aside delays the others by seconds
    if (isFull) expect(files.length).toBeGreaterThan(5)
    // only the line that a killed process was writing may be torn, and it is on a line of its own
    expect(fragments.length).toBeLessThanOrEqual(written.length - scale.processes)
    for (const { name, sure } of written) expect(seen.get(name) ?? 0, name).toBeGreaterThanOrEqual(sure)
    for (let process = 0; process < scale.processes; process++) expect(seen.get(`p${process}`)).toBe(scale.linesEach)
    await rm(folder, { recursive: true })
  },
  isFull ? 600_000 : 60_000,
)

/** Each writer's lines are there once, in order, from the first on. */
function noteLine(line: string, seen: Map<string, number>, fragments: string[]): void {
  if (line === '') return
  const [, name = '', at] = /^(p\d+(?:k\d+)?) (\d+) x+ end$/.exec(line) ?? []
  if (at === undefined) {
    fragments.push(line)
    return
  }
  const next = seen.get(name) ?? 0
  if (Number(at) !== next) throw new Error(`${name}: line ${at} follows ${next - 1}`)
  seen.set(name, next + 1)
}
