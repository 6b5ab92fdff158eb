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

async function install(): Promise<void> {
  const pip = join(environment, 'bin', 'pip')
  if (!(await Bun.file(pip).exists())) await succeed(['python3', '-m', 'venv', environment])
  await succeed([pip, 'install', '--quiet', '--disable-pip-version-check', '-r', join(folder, 'requirements.txt')])
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
