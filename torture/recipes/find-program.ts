/**
 * The command of an installed program.
 * @param name as it is on the PATH. `TORTURE_NAME` names another file, or a command of several words
 * @throws Error that says how it is installed
 */
export function findProgram(name: string, needs: string): readonly string[] {
  const variable = variableOf(name)
  const named = process.env[variable]
  if (named) return named.split(' ')
  const found = Bun.which(name)
  if (found === null) throw new Error(`${name} is not installed: ${needs}. Or name it in ${variable}.`)
  return [found]
}

/** The version of a program that was built from its source and does not know it: `TORTURE_NAME_VERSION`. */
export function namedVersion(name: string): string | undefined {
  return process.env[`${variableOf(name)}_VERSION`]
}

function variableOf(name: string): string {
  return `TORTURE_${name.toUpperCase().replaceAll('-', '_')}`
}
