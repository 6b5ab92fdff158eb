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

const requirements = join(folder, 'requirements.txt')
/** What was installed last. */
const installed = join(environment, 'requirements.txt')
// the list is complete, so pip has nothing to resolve
const options = ['--quiet', '--disable-pip-version-check', '--no-deps']

async function install(): Promise<void> {
  const wanted = await Bun.file(requirements).text()
  if ((await textOf(installed)) === wanted) return
  const pip = join(environment, 'bin', 'pip')
  if (!(await Bun.file(pip).exists())) await succeed(['python3', '-m', 'venv', environment])
  await succeed([pip, 'install', ...options, '-r', requirements])
  await Bun.write(installed, wanted)
}

async function textOf(path: string): Promise<string | undefined> {
  const file = Bun.file(path)
  return (await file.exists()) ? file.text() : undefined
}

/** Runs a script of this folder. @returns what it prints @throws if it fails */
export function runPython(script: string, input: string): Promise<string> {
  return succeed([join(environment, 'bin', 'python'), join(folder, script)], input)
}

async function succeed(command: readonly string[], input = ''): Promise<string> {
  const child = Bun.spawn([...command], { stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' })
  const [output, faults, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} exited with ${code}: ${output}${faults}`)
  return output
}
