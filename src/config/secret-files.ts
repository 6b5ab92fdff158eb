import { readdirSync } from 'node:fs'
import { type ReportProblem, readGuardedFile } from './read-guarded-file.ts'
import { secretNames } from './read-tool-variable.ts'

/** A file with the value of a variable. */
interface SecretFile {
  /** What the operator has set: `OPENAI_API_KEY_FILE`. */
  readonly written: string
  readonly path: string
}

const guard = {
  maxMib: 1,
  unreadable: ['names a file that cannot be read', 'check the path and its permissions'],
} as const

/** Set by systemd for a service with `LoadCredential=`. Each file in it is named after its credential. */
const credentialsVariable = 'CREDENTIALS_DIRECTORY'

const fileName = /^(.+)_FILE(_\d+)?$/

/** Other variables whose values may contain a secret, in addition to those whose names say so. */
const furtherNames = /_HEADERS$|^(STATE_URL|EXA_MCP_URL|NOTIFY_URL|MCP_SERVERS)$/

/** Whether a name is the one of a file in place of a value, or of a folder of such files. */
export function namesSecretFile(name: string): boolean {
  return name === credentialsVariable || fileName.test(name)
}

/**
 * The values of variables that stand in files, as Docker, Kubernetes and systemd give secrets to a program: `NAME_FILE` is the path of
 * a file with the value of `NAME`. A file is read when its variable is, because other programs have such names too.
 */
export class SecretFiles {
  readonly #files = new Map<string, SecretFile[]>()
  /** The variable of each `NAME_FILE`. */
  readonly #variables = new Map<string, string>()
  readonly #values = new Map<string, string | undefined>()

  constructor(variables: Readonly<Record<string, string | undefined>>) {
    for (const written of Object.keys(variables)) {
      const path = written.includes('_FILE') ? variables[written]?.trim() : undefined
      if (path) this.#add(written.replace(fileName, '$1$2'), { written, path })
    }
    const folder = variables[credentialsVariable]?.trim()
    for (const name of folder ? filesIn(folder) : [])
      this.#add(name, { written: `${credentialsVariable}/${name}`, path: `${folder}/${name}` })
  }

  #add(name: string, file: SecretFile): void {
    if (name === file.written || !(secretNames.test(name) || furtherNames.test(name))) return
    this.#files.set(name, [...(this.#files.get(name) ?? []), file])
    this.#variables.set(file.written, name)
  }

  /** The variables that have a file. */
  get names(): Iterable<string> {
    return this.#files.keys()
  }

  has(name: string): boolean {
    return this.#files.has(name)
  }

  /** The variable whose file the operator has set with this name; undefined if there is none. */
  variableOf(written: string): string | undefined {
    return this.#variables.get(written)
  }

  /** What the operator has set for the variable; undefined if it has no file. */
  writtenAs(name: string): string | undefined {
    return this.#files.get(name)?.at(-1)?.written
  }

  /**
   * Reads the file of a variable, once.
   * @param plain the variable's own value: it is a mistake to set both
   */
  read(name: string, plain: string | undefined, report: ReportProblem): string | undefined {
    if (!this.#values.has(name)) this.#values.set(name, this.#readFirst(name, plain, report))
    return this.#values.get(name)
  }

  #readFirst(name: string, plain: string | undefined, report: ReportProblem): string | undefined {
    const [file, other] = this.#files.get(name) ?? []
    if (!file) return undefined
    if (plain || other) {
      report(`is set, and ${plain ? name : file.written} too`, 'leave one of the two out')
      return undefined
    }
    const text = readGuardedFile(file.path, guard, report)
    if (text?.trim() === '') report('names an empty file', 'write the value into it')
    return text?.trim() || undefined
  }
}

/** A folder that cannot be read has no credentials: the variables that are missing then say so. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
