import { asChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type Copied, importBackup, writeBackup } from '../state/backup/backup-file.ts'
import { encodeBackup } from '../state/backup/backup-form.ts'
import { backupSecrets } from '../state/backup/backup-secrets.ts'
import type { Store } from '../state/store.ts'
import type { CommandLine } from './command-line.ts'
import { isServing, urlOf } from './health.ts'
import { openState } from './open-state.ts'

/** sysexits.h: a wrong command line. */
const usageExit = 64

interface StateOptions {
  readonly line: CommandLine
  readonly runtime: Runtime
}

/** Copies the whole state to an encrypted file (`state export FILE`), or from one (`state import FILE`). */
export async function state(config: Config, { line, runtime }: StateOptions): Promise<number> {
  const [action = '', file, ...more] = line.words
  const copy = Object.hasOwn(copies, action) ? copies[action] : undefined
  if (!copy || file === undefined || more.length > 0)
    return fail('Write "state export FILE" or "state import FILE".', usageExit)
  const store = await openFor(config, runtime)
  if (typeof store === 'number') return store
  try {
    const { value, counter } = await copy(file, store, { config, runtime })
    process.stdout.write(`${action}ed ${value} values and ${counter} counters.\n`)
    return 0
  } catch (thrown) {
    return fail(asChatError(thrown).message, 1)
  } finally {
    await store.close()
  }
}

type Copy = (
  file: string,
  store: Store,
  options: { readonly config: Config; readonly runtime: Runtime },
) => Promise<Copied>

const copies: Readonly<Record<string, Copy>> = {
  export(file, store, { config, runtime }) {
    const secrets = backupSecrets(config.state, config.stateSecrets)
    return writeBackup(file, encodeBackup(store.entries(), secrets, runtime), { secrets, runtime })
  },
  import: (file, store, { config, runtime }) =>
    importBackup(file, store, { secrets: backupSecrets(config.state, config.stateSecrets), runtime }),
}

/** Opens the state, unless a running server has it for itself. @returns the exit code if it cannot be opened */
async function openFor(config: Config, runtime: Runtime): Promise<Store | number> {
  if (!config.state.isDurable)
    return fail(
      'The state is in the memory of the server, and ends with it. Set STATE_URL=sqlite:FILE or redis://HOST to keep it.',
      1,
    )
  if (!config.state.isShared && (await isServing(config, runtime)))
    return fail(`The server at ${urlOf(config)} uses the state file. Stop it first.`, 1)
  return openState(config, runtime)
}

function fail(text: string, code: number): number {
  process.stderr.write(`${text}\n`)
  return code
}
