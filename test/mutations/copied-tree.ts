import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault, Mutation } from './mutation.ts'

/** The result of a run of tests. `broken` means that something other than a test failed, such as an import. */
export type Verdict = 'passed' | 'failed' | 'broken' | 'hung'

/** A copy of the repository in a temporary folder: the working tree is never changed. */
export interface CopiedTree extends AsyncDisposable {
  /** The root of the copy. */
  readonly folder: string
  /** Puts a fault in, acts, and takes the fault out again. @throws if its text does not occur exactly once */
  withFault<Result>(fault: Fault, act: () => Promise<Result>): Promise<Result>
  run(tests: readonly string[]): Promise<{ readonly verdict: Verdict; readonly output: string }>
  /** Puts the fault in, runs the mutation's tests, and takes the fault out again. @throws if its text does not occur exactly once */
  runWith(mutation: Mutation): Promise<{ readonly verdict: Verdict; readonly output: string }>
}

/** Milliseconds for all tests without a fault, and for the tests of one fault, which may never end by themselves. */
const maxSoundMs = 900_000
const maxFaultyMs = 120_000

/** Copies the files that git knows or would add. The packages are shared. */
export async function copyTree(root: string): Promise<CopiedTree> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-mutations-'))
  for (const file of await filesIn(root)) await cp(join(root, file), join(folder, file))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    withFault: (fault, act) => withFault(folder, fault, act),
    run: (tests) => runTests(folder, { tests, maxMs: maxSoundMs }),
    runWith: ({ tests, ...fault }) => withFault(folder, fault, () => runTests(folder, { tests, maxMs: maxFaultyMs })),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

async function withFault<Result>(folder: string, { file, find, replace }: Fault, act: () => Promise<Result>) {
  const path = join(folder, file)
  const original = await readFile(path, 'utf8')
  const occurrences = original.split(find).length - 1
  if (occurrences !== 1) throw new Error(`its text occurs ${occurrences} times in ${file}, not once: ${find}`)
  await writeFile(
    path,
    original.replace(find, () => replace),
  )
  try {
    return await act()
  } finally {
    await writeFile(path, original)
  }
}

async function filesIn(root: string): Promise<string[]> {
  const listing = Bun.spawn(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const files = (await listing.stdout.text()).split('\0').filter((file) => file !== '')
  const exist = await Promise.all(files.map((file) => Bun.file(join(root, file)).exists()))
  return files.filter((_, at) => exist[at])
}

interface Run {
  readonly tests: readonly string[]
  readonly maxMs: number
}

/** Runs test files until one test fails. */
async function runTests(cwd: string, { tests, maxMs }: Run) {
  const command = [process.execPath, 'test', '--bail', ...tests]
  // a separate process group, because a run that stops early does not end the programs that its tests have started
  const child = Bun.spawn(command, { cwd, detached: true, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  let isHung = false
  const timer = setTimeout(() => {
    isHung = true
    killGroup(child.pid)
  }, maxMs)
  const printed = Promise.all([child.stdout.text(), child.stderr.text()])
  const code = await child.exited
  clearTimeout(timer)
  killGroup(child.pid)
  const output = (await printed).join('')
  const hasFailed = /^\(fail\) /m.test(output)
  const verdict: Verdict = isHung ? 'hung' : code === 0 ? 'passed' : hasFailed ? 'failed' : 'broken'
  return { verdict, output }
}

/** Kills every process of the group, if there is one left. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // all processes have ended
  }
}
