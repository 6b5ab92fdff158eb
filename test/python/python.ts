import { join } from 'node:path'

const folder = import.meta.dir
const environment = join(folder, '.venv')

/** Whether tests in Python can run. In CI they must, and fail if they cannot. */
export const hasPython = Bun.which('python3') !== null || process.env.CI !== undefined

let installing: Promise<void> | undefined

/** Installs the packages of `requirements.txt` into a folder of their own, once for each process. */
export function installPython(): Promise<void> {
  installing ??= install()
  return installing
}

/**
 * The list is complete, so pip has nothing to resolve. A copy of it tells what was installed last. Two test files may install
 * at the same time, in processes of their own: the second waits for the first.
 */
async function install(): Promise<void> {
  const steps = `
    cmp -s requirements.txt .venv/requirements.txt && exit
    [ -x .venv/bin/pip ] || python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-compile -r requirements.txt
    cp requirements.txt .venv/`
  const lock = Bun.which('flock') ? ['flock', '.lock'] : []
  await succeed([...lock, 'sh', '-ec', steps])
}

/** The path of a program that one of the packages has. */
export function pythonCommand(name: string): string {
  return join(environment, 'bin', name)
}

/** Runs a script of this folder. @returns what it prints @throws if it fails */
export function runPython(script: string, input: string): Promise<string> {
  return succeed([join(environment, 'bin', 'python'), join(folder, script)], input)
}

async function succeed(command: readonly string[], input = ''): Promise<string> {
  const child = Bun.spawn([...command], { cwd: folder, stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' })
  const [output, faults, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} exited with ${code}: ${output}${faults}`)
  return output
}
