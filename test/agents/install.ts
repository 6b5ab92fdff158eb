/** The folder of the agents' own package. */
export const folder = import.meta.dir

let installing: Promise<number> | undefined

/** Installs the agents, once for each process. @returns the exit code */
export function install(): Promise<number> {
  const command = [process.execPath, 'install', '--frozen-lockfile']
  installing ??= Bun.spawn(command, { cwd: folder, stdout: 'ignore', stderr: 'ignore' }).exited
  return installing
}
