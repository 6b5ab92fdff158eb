/** Another gateway that is measured beside this one. */
type Beside = { readonly name: string; readonly command: readonly string[] }

/**
 * Reads `BENCH_BESIDE`: `name=command`, several separated by `;`. A command is split at its spaces.
 * @throws Error if an entry has no name or no command
 */
export function readBeside(text = ''): readonly Beside[] {
  const entries = text.split(';').map((entry) => entry.trim())
  return entries.filter((entry) => entry !== '').map(readEntry)
}

function readEntry(entry: string): Beside {
  const [, name, command] = /^([^=\s]+)=(.+)$/.exec(entry) ?? []
  if (!name || !command) throw new Error(`BENCH_BESIDE: '${entry}' is not name=command`)
  return { name, command: command.trim().split(/ +/) }
}
