/** The file that this process runs. It is read at the start, because an upgrade puts another file in its place. */
export const executable = process.execPath

/** The command that starts this program again. */
export function ownCommand(): readonly string[] {
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
  return [executable, ...script, ...process.argv.slice(2)]
}
